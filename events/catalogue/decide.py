"""The catalogue's decider: full descriptions, the newest version of a key wins."""

from typing import assert_never

import msgspec

from events.catalogue.commands import (
    CatalogueCommandUnion,
    DefineProduct,
    MapSku,
    PublishRoutingRules,
    PublishTemplate,
    RegisterPartner,
    ReportPartnerLoad,
    ReportPartnerOffer,
)
from events.catalogue.facts import (
    CatalogueEvent,
    PartnerLoadChanged,
    PartnerOfferChanged,
    PartnerRegistered,
    ProductDefined,
    RoutingRulesPublished,
    SkuMapped,
    TemplatePublished,
)
from events.decider import Context, Ignored, Refusal


class NotThisKey(Refusal):
    """The command's key is not the one that its content stands under: build it with `catalogue_key`."""


class TemplateVersionTaken(Refusal):
    """This version of the template is published with other content: orders keep it, so publish the next version."""


class Entry(msgspec.Struct, frozen=True):
    """What is known under one key of the catalogue: the newest description, or None."""

    latest: CatalogueEvent | None = None


def catalogue_key(tenant: str, command: CatalogueCommandUnion) -> str:
    """The stream's key for a command: products, templates, partners are shared; rules a tenant's, a SKU a store's."""
    match command:
        case DefineProduct():
            return f"product:{command.product_id}"
        case PublishTemplate():
            return f"template:{command.template_id}:{command.template_version}"
        case MapSku():
            return f"sku:{tenant}:{command.store}:{command.sku}"
        case RegisterPartner():
            return f"partner:{command.partner_id}"
        case ReportPartnerOffer():
            return f"offer:{command.partner_id}:{command.variant_id}"
        case PublishRoutingRules():
            return f"routing-rules:{tenant}"
        case ReportPartnerLoad():
            return f"load:{command.partner_id}"
        case _:
            assert_never(command)


class CatalogueDecider:
    """Decide and evolve for one key of the catalogue."""

    def initial_state(self) -> Entry:
        """Nothing is known under the key."""
        return Entry()

    def exists(self, state: Entry) -> bool:
        """Whether anything is known under the key."""
        return state.latest is not None

    def decide(self, state: Entry, command: CatalogueCommandUnion, context: Context) -> tuple[CatalogueEvent, ...]:
        """One full description, unless it is older than or equal to what is known."""
        if catalogue_key(context.tenant, command) != context.key:
            raise NotThisKey
        fact = _described_by(command)
        if state.latest is None:
            return (fact,)
        same = msgspec.structs.replace(state.latest, source_version=fact.source_version) == fact
        if isinstance(fact, TemplatePublished) and not same:
            raise TemplateVersionTaken
        if fact.source_version <= state.latest.source_version:
            raise Ignored("a newer or equal version is known already")
        # A newer description counts also where it says the same: an older one that comes late must not undo it.
        return (fact,)

    def decide_and_evolve(
        self, state: Entry, command: CatalogueCommandUnion, context: Context
    ) -> tuple[tuple[CatalogueEvent, ...], Entry]:
        """The facts of the command and what is known after them."""
        facts = self.decide(state, command, context)
        return facts, Entry(facts[-1])

    def evolve(self, state: Entry, fact: CatalogueEvent) -> Entry:
        """The newest description."""
        return Entry(fact)


def _described_by(command: CatalogueCommandUnion) -> CatalogueEvent:
    content = msgspec.structs.asdict(command)
    match command:
        case DefineProduct():
            return ProductDefined(**content)
        case PublishTemplate():
            return TemplatePublished(**content)
        case MapSku():
            return SkuMapped(**content)
        case RegisterPartner():
            return PartnerRegistered(**content)
        case ReportPartnerOffer():
            return PartnerOfferChanged(**content)
        case PublishRoutingRules():
            return RoutingRulesPublished(**content)
        case ReportPartnerLoad():
            return PartnerLoadChanged(**content)
        case _:
            assert_never(command)
