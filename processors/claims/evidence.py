"""What a buyer writes and photographs for a claim: sealed when the claim is opened, opened for whoever may read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from events.order.claim_commands import DecideClaim, OpenClaim
from events.order.claims import RESHIP
from events.order.values import LineUnits
from processors import personal
from processors.links import LinkSigner
from processors.personal import Recipient
from processors.ports import NamedError, ObjectStore, Vault, VaultError
from processors.uploads import claim_pictures_folder, keep_claim_picture
from processors.workers.files import OrderFiles
from projections.claim_rows import ClaimView


class AddressNotUsable(NamedError):
    """A mended address is for `reship`, and needs a name or company, a street, a city and a country of two letters."""


@dataclass(frozen=True, kw_only=True)
class ClaimEvidence:
    """Texts and pictures of claims. All calls but `picture_urls` block on the store or the vault: use a thread."""

    objects: ObjectStore
    vault: Vault
    links: LinkSigner

    def keep(self, tenant: str, order_id: str, content: bytes) -> str:
        """Seal and store a picture for a claim that is about to be opened; returns its name.

        Raises UploadNotUsable, and KeyDestroyed after an erasure.
        """
        return keep_claim_picture(self._files, self.vault, tenant, order_id, content)

    def complaint(
        self,
        tenant: str,
        order_id: str,
        *,
        lines: Sequence[LineUnits],
        reason: str,
        wish: str = "",
        text: str = "",
        pictures: Sequence[str] = (),
    ) -> OpenClaim:
        """A complaint with its text sealed; `pictures` are names that `keep` gave.

        Raises ObjectMissing for a name that this order's pictures do not have, and KeyDestroyed after an erasure.
        """
        folder = claim_pictures_folder(tenant, order_id)
        return OpenClaim(
            lines=tuple(lines),
            reason=reason,
            wish=wish,
            note=personal.seal_text(self.vault, tenant, order_id, personal.claim_field(), text),
            pictures=tuple(self._files.known(tenant, f"{folder}/{name}") for name in dict.fromkeys(pictures)),
        )

    def sent_to(self, tenant: str, order_id: str, decision: DecideClaim, recipient: Recipient) -> DecideClaim:
        """The decision to send goods again, with another address than the order's, sealed.

        Raises AddressNotUsable, and KeyDestroyed after an erasure.
        """
        if decision.outcome != RESHIP or not recipient.is_deliverable():
            raise AddressNotUsable
        mended = personal.mended_address(self.vault, tenant, order_id, recipient)
        return msgspec.structs.replace(decision, **mended)

    def text(self, tenant: str, claim: ClaimView) -> str | None:
        """What the buyer wrote; None where there is nothing, or nothing that can be opened any more."""
        try:
            return personal.open_text(self.vault, tenant, claim.order_id, personal.claim_field(), claim.note)
        except VaultError:
            return None

    def picture_urls(self, tenant: str, claim: ClaimView) -> list[str]:
        """Signed links to the buyer's pictures; after an erasure they open nothing."""
        return [self.links.link(tenant, claim.order_id, one.key, one.media_type) for one in claim.pictures]

    @property
    def _files(self) -> OrderFiles:
        return OrderFiles(self.objects, self.vault)
