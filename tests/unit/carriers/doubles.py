"""A carrier in memory, for tests of who is asked to sell: it counts what it was paid for."""

from collections.abc import Mapping

from processors.carriers.protocol import (
    Address,
    AddressVerified,
    Deferred,
    LabelBought,
    LabelOutcome,
    LabelRefused,
    ParcelShipment,
    ParcelSize,
    Rate,
    RatesFound,
    RatesOutcome,
    RefundConfirmed,
    RefundOutcome,
    TrackingOutcome,
    TrackingReport,
)

ADDRESS = Address(name="Demo Buyer", street1="179 N Harbor Dr", city="Redondo Beach", postal_code="90277", country="US")
SHIPMENT = ParcelShipment(
    effect_key="e" * 32,
    sender=ADDRESS,
    recipient=ADDRESS,
    parcel=ParcelSize(length_um=1, width_um=1, height_um=1, weight_g=1),
)
LOST = Deferred(reason="answer_lost", retry_after_ms=0, outcome_unknown=True)
NOT_REACHED = Deferred(reason="not_reached", retry_after_ms=0, outcome_unknown=False)


def refusal(reason: str) -> LabelRefused:
    """A refusal for this reason."""
    return LabelRefused(reason=reason, retryable=True)


class CarrierDouble:
    """Sells one service at one price, unless it is told what to answer next."""

    def __init__(self, name: str, cost_minor: int, *, service: str = "Ground") -> None:
        self._name = name
        self._offer = Rate(
            carrier=name,
            carrier_code="USPS",
            service=service,
            cost_minor=cost_minor,
            currency="USD",
            delivery_days=3,
        )
        #: What the next purchases are answered with instead; a lost answer is paid all the same.
        self.answers: list[LabelOutcome] = []
        self.rates_answer: RatesOutcome | None = None
        self.paid: dict[str, str] = {}
        self.asked_for: list[tuple[str, ...]] = []

    @property
    def name(self) -> str:
        return self._name

    async def verify_address(self, address: Address) -> AddressVerified | LabelRefused | Deferred:
        return AddressVerified(address=address)

    async def rates(self, shipment: ParcelShipment) -> RatesOutcome:
        return self.rates_answer or RatesFound(rates=(self._offer,))

    async def buy_label(self, shipment: ParcelShipment) -> LabelOutcome:
        self.asked_for.append(shipment.services)
        known = shipment.effect_key in self.paid
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, LabelRefused) and not known:
            return answer
        self.paid[shipment.effect_key] = shipment.services[0] if shipment.services else self._offer.service
        return answer if isinstance(answer, Deferred) else self._bought(shipment, known)

    def _bought(self, shipment: ParcelShipment, known: bool) -> LabelBought:
        return LabelBought(
            tracking_number=f"{self._name}-1",
            carrier_code="USPS",
            service=self.paid[shipment.effect_key],
            cost_minor=self._offer.cost_minor,
            currency="USD",
            label_bytes=b"label",
            label_media_type="image/png",
            tracking_url=None,
            carrier_reference=f"{self._name}-ref",
            already_known=known,
        )

    async def read_back(self, effect_key: str) -> LabelBought | Deferred | None:
        return None

    async def refund(self, carrier_reference: str) -> RefundOutcome:
        return RefundConfirmed(carrier_reference=carrier_reference, state="submitted")

    async def track(self, carrier_reference: str) -> TrackingOutcome:
        return ()

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        return

    def parse_webhook(self, body: bytes) -> tuple[TrackingReport, ...]:
        return ()

    async def aclose(self) -> None:
        return
