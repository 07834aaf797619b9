"""What is known of one measure of one party: whether an alert is open, and how many there were."""

import msgspec

from events.operations.facts import Measurement


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """The newest alert. `number` is 0 where there never was one; `raised_at` is 0 while none is open."""

    number: int = 0
    raised_at: int = 0
    cleared_at: int = 0
    raised_by: Measurement | None = None

    @property
    def is_open(self) -> bool:
        """Whether it stands."""
        return self.raised_at > 0
