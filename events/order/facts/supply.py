"""Ready-made goods: what a supplier picks, packs and hands over without printing anything on it."""

from events.order.facts.base import OrderFact
from events.types import LineId, PartnerId, RunNumber, UnitNumbers


class GoodsReady(OrderFact, frozen=True, kw_only=True):
    """A supplier has packed these ready-made units: there is no print to inspect, and a label may be bought."""

    line_id: LineId
    run: RunNumber
    units: UnitNumbers
    partner_id: PartnerId
