"""What of a call may be kept: the reason for a refusal, never what opens a file or an account."""

from time import process_time

import msgspec

from processors.exchanges import BODY_BYTES_MAX, for_keeping
from processors.outbound import Exchange

TOKEN = "eyJhbGciOi.c2lnbmF0dXJl-_x"


def exchange(sent: bytes = b"", answered: bytes = b"", path: str = "/v2/orders") -> Exchange:
    """One try with these bodies."""
    return Exchange(
        vendor="printful", about="k1", method="POST", path=path, sent=sent, status=200, answered=answered, duration_ms=3
    )


def test_a_link_that_opens_a_file_is_kept_without_what_opens_it() -> None:
    sent = msgspec.json.encode({"url": f"https://shop.example/v1/assets/{TOKEN}", "quantity": 2})
    answered = f'{{"preview": "https://cdn.example/p.png?X-Amz-Signature=abc&{TOKEN}", "status": "ok"}}'.encode()
    kept = for_keeping(exchange(sent, answered))
    assert TOKEN not in repr(kept)
    assert "abc" not in kept.answered
    assert "https://shop.example/v1/assets/[removed]" in kept.sent
    assert '"quantity":2' in kept.sent
    assert '"status": "ok"' in kept.answered


def test_a_link_in_json_that_escapes_more_than_it_must_is_kept_without_what_opens_it() -> None:
    # given
    ours = f"https://shop.example/v1/assets/{TOKEN}"
    theirs = "https://cdn.example/p.png?X-Amz-Credential=abc/us&X-Amz-Signature=def"
    body = msgspec.json.encode({"url": ours, "preview": theirs, "status": "ok"}).replace(b"/", rb"\/")
    for answered in (body, body.replace(b"&", rb"\u0026"), msgspec.json.encode({"echo": body.decode()})):
        # when
        kept = for_keeping(exchange(answered=answered)).answered
        # then
        assert not any(value in kept for value in (TOKEN, "abc", "def"))
        assert kept.count("[removed]") == 2
        assert "ok" in kept


def test_a_body_of_links_without_an_end_is_cleaned_in_no_time() -> None:
    began = process_time()
    for piece in (b"https://a", rb"https:\/\/", b"\\", rb"\/", b"/v1/assets", rb"https://a\/b"):
        for_keeping(exchange(answered=piece * BODY_BYTES_MAX))
    assert process_time() - began < 20


def test_a_member_that_is_named_a_secret_is_kept_without_its_value() -> None:
    answered = b'{"webhook_secret": "s3cr\\"et", "Access_Token":"t0ken", "x-api-key" : "k3y", "message": "hello"}'
    kept = for_keeping(exchange(answered=answered))
    assert not any(value in kept.answered for value in ("s3cr", "t0ken", "k3y"))
    assert '"message": "hello"' in kept.answered


def test_no_more_of_a_body_is_kept_than_is_useful() -> None:
    assert len(for_keeping(exchange(answered=b"x" * 10_000_000)).answered) == BODY_BYTES_MAX


def test_bytes_that_are_no_text_are_kept_as_far_as_they_can_be_shown() -> None:
    assert for_keeping(exchange(answered=b"\xff\xfeno")).answered.endswith("no")


def test_a_question_in_a_path_is_kept_and_a_foreign_links_is_not() -> None:
    kept = for_keeping(exchange(path="/v3/products/p/prices?currency=USD", sent=b"see https://x.example/a?b=c now"))
    assert kept.path == "/v3/products/p/prices?currency=USD"
    assert kept.sent == "see https://x.example/a?[removed] now"
