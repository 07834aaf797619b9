"""Every read model by name: the one list that the command line, the rebuilds and the tests go by."""

from collections.abc import Iterable

from projections.alerts import Alerts
from projections.batches import Batches
from projections.catalogue import Catalogue
from projections.catalogue_exceptions import CatalogueExceptions
from projections.claims import Claims
from projections.command_outcomes import CommandOutcomes
from projections.deadlines import Deadlines
from projections.effects import Effects
from projections.errors import UnknownReadModel
from projections.inspection_verdicts import InspectionVerdicts
from projections.model import ReadModel, Topics
from projections.orders import Orders
from projections.partner_quality import PartnerQuality
from projections.routing_decisions import RoutingDecisions
from projections.scorecards import Scorecards
from projections.timeline import Timeline

ALL = "all"


def read_models(topics: Topics) -> dict[str, ReadModel]:
    """A new instance of every read model, by name."""
    models: tuple[ReadModel, ...] = (
        Orders(topics),
        Timeline(topics),
        CommandOutcomes(topics),
        Deadlines(topics),
        Effects(topics),
        Catalogue(topics),
        CatalogueExceptions(topics),
        PartnerQuality(topics),
        RoutingDecisions(topics),
        InspectionVerdicts(topics),
        Batches(topics),
        Claims(topics),
        Scorecards(topics),
        Alerts(topics),
    )
    return {model.name: model for model in models}


def chosen(names: Iterable[str], topics: Topics) -> tuple[ReadModel, ...]:
    """The read models of these names, `all` for every one; raises `UnknownReadModel`."""
    known = read_models(topics)
    wanted = dict.fromkeys(names)
    if ALL in wanted:
        return tuple(known.values())
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise UnknownReadModel(f"{', '.join(unknown)}; there are {', '.join(known)} and {ALL}")
    return tuple(known[name] for name in wanted)
