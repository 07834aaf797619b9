"""What the command line works with on an operator's behalf: stores, their roads, and the catalogue."""

from events.order.values import LineArtwork
from infra.access import PostgresStores
from infra.catalogue_desk import CatalogueDesk
from infra.demo.publishing import StoreFront
from processors.ports import NamedError
from projections.system_reader import SystemReads


class VariantNotKnown(NamedError):
    """The catalogue has no such variant, or no template for one that is printed. Define the product and publish its
    template first; a product without print areas is ready-made and needs none.
    """


class OperatorDesk:
    """Stores, roads and catalogue, as one operator uses them. `reads` blocks for milliseconds, as a command may."""

    def __init__(self, stores: PostgresStores, front: StoreFront, catalogue: CatalogueDesk, reads: SystemReads) -> None:
        self.stores = stores
        self.front = front
        self.catalogue = catalogue
        self._reads = reads

    def artwork_of(self, variant_id: str, designer: str = "") -> LineArtwork:
        """What a variant is printed by now: its product's newest template, or none where the product is ready-made.

        Raises VariantNotKnown.
        """
        template = self._reads.newest_template(variant_id)
        if template is None:
            product = self._reads.product_of_variant(variant_id)
            if product is not None and not product.print_areas:
                return LineArtwork(variant_id=variant_id, template_id="", template_version=0, designer=designer)
            raise VariantNotKnown(f"{variant_id}: {VariantNotKnown.__doc__}")
        return LineArtwork(
            variant_id=variant_id,
            template_id=template.template_id,
            template_version=template.template_version,
            designer=designer,
        )
