"""Proofs on the real stack: facts folded, a link opened, a picture uploaded, the buyer erased."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import msgspec

from api.app import create_app
from events.codec import Codec
from events.order.commands import ApproveProof, ReplaceArtwork
from events.order.facts import ProofApprovalRequested
from events.order.values import AreaContent, OrderPolicy
from infra import intake, kafka, postgres, serving
from infra.access import SCOPES
from infra.s3 import Bucket
from processors import personal
from processors.workers.files import OrderFiles
from tests.integration.projections.conftest import Rig
from tests.order_life import TENANT, World, a_line, a_store_order, context_of, live, placed
from tests.support import wait_until

KEY = context_of().key
PNG = b"\x89PNG\r\n\x1a\n" + bytes(300_000)
INTAKE = "pod.orders.intake.v1"


class Shop:
    """One order whose proof waits, and the API over its read models."""

    def __init__(self, rig: Rig, bucket: Bucket) -> None:
        self.rig, self.bucket, self.settings = rig, bucket, rig.settings
        with postgres.pool(self.settings.database_app_url, self.settings, name="tests") as pool:
            self.api_key = intake.api_keys(self.settings, pool).create(TENANT, "tests", SCOPES)
            contents = (
                AreaContent(text=personal.seal_text(self.vault(pool), TENANT, KEY, "text:1", "For Ann")),
                AreaContent(area="back", text=personal.seal_text(self.vault(pool), TENANT, KEY, "text:1/back", "Team")),
            )
        line = msgspec.structs.replace(a_line(), contents=contents)
        order = a_store_order(lines=(line,), policy=OrderPolicy(approval="always", approver="buyer"))
        outside = World()
        _, facts, _ = live(
            [placed(order)], lambda fact: () if isinstance(fact, ProofApprovalRequested) else outside.answer(fact)
        )
        rig.ledger.write((KEY, fact) for fact in facts)
        rig.project("orders", "timeline", "command_outcomes")

    def vault(self, pool: intake.Pool) -> Any:
        return intake.vault(self.settings, pool)

    def call(self, method: str, path: str, *, by_key: bool = True, **request: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            async with serving.api_dependencies(self.settings, partners={}, carriers={}) as deps:
                transport = httpx.ASGITransport(create_app(deps))
                headers = {"X-Api-Key": self.api_key} if by_key else {}
                async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
                    return await client.request(method, path, **request)

        return asyncio.run(send())

    def sent(self, count: int) -> list[Any]:
        """The commands on the intake topic, once there are so many."""
        consumer = kafka.consumer(self.settings, f"{self.settings.topic_prefix}tests")
        consumer.subscribe([self.settings.topic_prefix + INTAKE])
        codec, found = Codec(), list[Any]()

        def enough() -> bool:
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                found.append(codec.decode(message.value() or b""))
            return len(found) >= count

        try:
            wait_until(enough, 30)
        finally:
            consumer.close()
        return found

    def link(self) -> str:
        url = intake.link_signer(self.settings).proof_link(TENANT, KEY, "1", 1, "buyer")
        return url.removeprefix(self.settings.public_base_url.rstrip("/"))


def test_a_proof_is_looked_at_answered_and_replaced_and_then_its_buyer_is_gone(
    rig: Rig, make_topic: Callable[..., str], bucket: Bucket
) -> None:
    # given
    make_topic(INTAKE)
    shop = Shop(rig, bucket)

    # when the store looks at the order, and the buyer at the proof
    intake_record = shop.call("GET", f"/v1/orders/{KEY}").json()["lines"][0]["intake"]
    proof = shop.call("GET", shop.link(), by_key=False).json()
    first = shop.call("GET", f"/v1/orders/{KEY}/timeline").json()["entries"][0]

    # then
    assert [area["text"] for area in intake_record["areas"]] == ["For Ann", "Team"]
    assert (proof["state"], proof["version"]) == ("waiting", 1)
    assert [link["label"] for link in first["links"]] == ["intake record"]

    # when the buyer approves, and the store uploads another picture
    assert shop.call("POST", f"{shop.link()}/approve", by_key=False).status_code == 202
    uploaded = shop.call("PUT", f"/v1/orders/{KEY}/lines/1/file?area=back", content=PNG)
    assert uploaded.status_code == 202, uploaded.text

    # then both are commands, and the picture lies sealed in the bucket beside the text that stays
    approval, replacement = shop.sent(2)
    assert approval == ApproveProof(line_id="1", version=1)
    assert isinstance(replacement, ReplaceArtwork)
    (back,) = replacement.contents
    assert (back.area, back.text is not None) == ("back", True)
    assert back.design_key is not None
    with postgres.pool(shop.settings.database_url, shop.settings, name="tests") as pool:
        files = OrderFiles(bucket, shop.vault(pool))
        known = files.known(TENANT, back.design_key)
        assert (known.media_type, known.size_bytes) == ("image/png", len(PNG))
        assert files.read(TENANT, KEY, back.design_key) == PNG
        assert PNG[:1000] not in bucket.get(back.design_key)

        # when the buyer is erased
        shop.vault(pool).erase(TENANT, KEY)

    # then
    gone = shop.call("GET", f"/v1/orders/{KEY}").json()["lines"][0]["intake"]
    assert (gone["state"], gone["areas"][0]["text"]) == ("erased", None)
    assert shop.call("GET", shop.link(), by_key=False).status_code == 410
    assert shop.call("PUT", f"/v1/orders/{KEY}/lines/1/file", content=PNG).status_code == 410
