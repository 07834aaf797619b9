"""Orders for tests and benchmarks: a store order, and a world that answers every request as it is told to.

`World.answer(fact)` plays worker, partner and carrier: it returns the commands that a healthy outside world would send
back for one fact. Tests change an answer to see what the order makes of it; the ledger's benchmark drives whole lives.
"""

from collections import deque
from collections.abc import Callable, Iterable

from events.decider import Context
from events.identity import command_id, order_id
from events.order.commands import (
    ObserveStoreOrder,
    OrderCommandUnion,
    ReportArtworkChecked,
    ReportCancellationAnswered,
    ReportInspected,
    ReportLabelPurchased,
    ReportNotificationSent,
    ReportPartnerStatus,
    ReportRendered,
    ReportRouted,
    ReportSubmissionAccepted,
    ReportTracking,
)
from events.order.decide import OrderDecider
from events.order.facts import (
    ArtworkCheckRequested,
    InspectionRequested,
    LabelPurchased,
    LabelRequested,
    NotificationRequested,
    OrderEvent,
    PartnerCancellationRequested,
    RenderRequested,
    RoutingRequested,
    SubmissionAccepted,
    SubmissionRequested,
)
from events.order.state import Order
from events.order.values import (
    AreaContent,
    AreaFile,
    Candidate,
    LineArtwork,
    OrderedLine,
    OrderPolicy,
    QualityReport,
    RenderedArea,
    StoredFile,
    StoreOrder,
)

TENANT = "demo"
NOW = 1_790_000_000_000

MUG = LineArtwork(variant_id="mug-11oz-white", template_id="mug-11oz", template_version=1)


def a_line(
    line_id: str = "1", *, quantity: int = 1, artwork: LineArtwork | None = MUG, content: str = ""
) -> OrderedLine:
    """A line of a made-up order."""
    return OrderedLine(
        line_id=line_id,
        sku=f"SKU-{line_id}",
        title="Mug",
        quantity=quantity,
        unit_price_minor=1_500,
        artwork=artwork,
        contents=(AreaContent(text=b"sealed text", artwork_url=b"sealed address"),),
        content_digest=content or f"digest-{line_id}-{quantity}",
    )


def a_store_order(
    external_id: str = "1001", lines: tuple[OrderedLine, ...] | None = None, policy: OrderPolicy | None = None
) -> StoreOrder:
    """A made-up order of the demo tenant's REST store, whose clean proofs approve themselves."""
    return StoreOrder(
        store="demo-rest",
        external_id=external_id,
        order_number=f"#{external_id}",
        placed_at=NOW,
        currency="EUR",
        total_minor=3_000,
        recipient=b"sealed recipient",
        recipient_digest="recipient-digest",
        country="DE",
        postal_prefix="10",
        lines=lines or (a_line(),),
        policy=policy or OrderPolicy(approval="when_clean", spot_check_per_mille=0),
    )


def a_file(name: str) -> StoredFile:
    """A stored file of a made-up order."""
    return StoredFile(key=f"demo/order/{name}", version_id="v", sha256="0" * 64, size_bytes=1, media_type="image/png")


def an_area(area: str = "front") -> RenderedArea:
    """The rendered files of a made-up print area."""
    return RenderedArea(area=area, print_file=a_file(f"{area}/print.png"), proof=a_file(f"{area}/proof.webp"))


class World:
    """Answers requests as healthy workers, partners and carriers would; one hour passes between two answers."""

    def __init__(self, partner_id: str = "press-east") -> None:
        self.partner_id = partner_id

    def answer(self, fact: OrderEvent) -> tuple[OrderCommandUnion, ...]:
        """The commands that come back for a fact."""
        match fact:
            case ArtworkCheckRequested():
                return (
                    ReportArtworkChecked(
                        request_id=fact.request_id,
                        line_id=fact.line_id,
                        verdict="pass",
                        originals=(AreaFile(area="front", file=a_file("original")),),
                    ),
                )
            case RenderRequested():
                return (
                    ReportRendered(
                        request_id=fact.request_id,
                        line_id=fact.line_id,
                        version=fact.version,
                        areas=(an_area(),),
                    ),
                )
            case RoutingRequested():
                return (
                    ReportRouted(
                        request_id=fact.request_id,
                        line_id=fact.line_id,
                        run=fact.run,
                        partner_id=self.partner_id,
                        partner_variant="MUG11W",
                        candidates=(
                            Candidate(partner_id=self.partner_id, eligible=True, score=520, reason="nearest"),
                            Candidate(partner_id="press-west", eligible=True, score=610, reason="farther"),
                        ),
                        rule_version="1",
                        catalogue_offset=41,
                    ),
                )
            case SubmissionRequested():
                return (
                    ReportSubmissionAccepted(
                        request_id=fact.request_id, line_id=fact.line_id, run=fact.run, partner_order_id="J-1"
                    ),
                )
            case SubmissionAccepted():
                return tuple(
                    self.status(fact.line_id, fact.run, canonical, rank)
                    for canonical, rank in (("queued", 10), ("printing", 20), ("printed", 50))
                )
            case PartnerCancellationRequested():
                return (
                    ReportCancellationAnswered(
                        request_id=fact.request_id, line_id=fact.line_id, run=fact.run, confirmed=True
                    ),
                )
            case InspectionRequested():
                return (
                    ReportInspected(
                        request_id=fact.request_id,
                        line_id=fact.line_id,
                        run=fact.run,
                        passed_units=fact.units,
                        failed_units=(),
                    ),
                )
            case LabelRequested():
                return (
                    ReportLabelPurchased(
                        request_id=fact.request_id,
                        parcel_id=fact.parcel_id,
                        carrier="easypost",
                        service="Ground",
                        tracking_number=f"EZ{fact.parcel_id}",
                        tracking_url="https://track.example/EZ",
                        cost_minor=500,
                        currency="EUR",
                        carrier_reference="shp_1",
                        label=a_file("label.png"),
                    ),
                )
            case LabelPurchased():
                return tuple(
                    self.tracking(fact.parcel_id, canonical, rank)
                    for canonical, rank in (("pre_transit", 10), ("in_transit", 20), ("delivered", 40))
                )
            case NotificationRequested():
                return (ReportNotificationSent(request_id=fact.request_id, notification_id=fact.notification_id),)
            case _:
                return ()

    def status(
        self, line_id: str, run: int, canonical: str, rank: int, *, at: int = NOW, quality: QualityReport | None = None
    ) -> ReportPartnerStatus:
        """A partner's report; the printed one carries a good quality report unless another is given."""
        return ReportPartnerStatus(
            line_id=line_id,
            run=run,
            raw=canonical,
            canonical=canonical,
            rank=rank,
            partner_at=at + rank,
            partner_event_id=f"{line_id}-{run}-{canonical}",
            quality=quality or (QualityReport() if canonical == "printed" else None),
        )

    def tracking(self, parcel_id: str, canonical: str, rank: int, *, at: int = NOW) -> ReportTracking:
        """A carrier's report."""
        return ReportTracking(
            parcel_id=parcel_id,
            raw=canonical,
            canonical=canonical,
            rank=rank,
            carrier_at=at + rank,
            tracking_event_id=f"{parcel_id}-{canonical}",
        )


def context_of(external_id: str = "1001", number: int = 1, actor: str = "store:demo-rest") -> Context:
    """The context of the n-th command to a made-up order."""
    key = order_id(TENANT, "demo-rest", external_id)
    return Context(key=key, tenant=TENANT, command_id=command_id(key, number), now=NOW + number, actor=actor)


def live(
    first: Iterable[OrderCommandUnion],
    answer: Callable[[OrderEvent], tuple[OrderCommandUnion, ...]],
    external_id: str = "1001",
) -> tuple[Order, list[OrderEvent], list[OrderCommandUnion]]:
    """Drive an order until nobody has anything to report; returns its state, facts and commands."""
    decider, order = OrderDecider(), Order()
    facts: list[OrderEvent] = []
    waiting, sent = deque(first), []
    while waiting:
        command = waiting.popleft()
        sent.append(command)
        new = decider.decide(order, command, context_of(external_id, len(sent)))
        for fact in new:
            order = decider.evolve(order, fact)
            waiting.extend(answer(fact))
        facts.extend(new)
    return order, facts, sent


def placed(store_order: StoreOrder | None = None) -> ObserveStoreOrder:
    """The command that places a made-up order."""
    return ObserveStoreOrder(order=store_order or a_store_order(), store_updated_at=NOW)
