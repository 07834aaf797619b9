"""The hash chain: whatever is changed in a fact, its headers or its place changes its hash."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processors.ledger.chain import GENESIS, Chain, block, without_hash

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
HEADERS = st.lists(st.tuples(NAMES.filter(lambda name: name != "hash"), st.binary(max_size=20)), min_size=1, max_size=6)
PIECES = st.lists(st.binary(max_size=12), max_size=6)

CHAIN = Chain("pod.orders.events.v1", 1)


@given(PIECES, PIECES)
def test_different_pieces_never_have_the_same_block(first: list[bytes], second: list[bytes]) -> None:
    assert (block(first) == block(second)) == (first == second)


@given(st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=40), HEADERS), min_size=1, max_size=5))
def test_a_chain_is_a_function_of_its_facts_in_their_order(
    facts: list[tuple[bytes, bytes, list[tuple[str, bytes]]]],
) -> None:
    def head(some: list[tuple[bytes, bytes, list[tuple[str, bytes]]]]) -> bytes:
        current = GENESIS
        for key, value, headers in some:
            current = CHAIN.link(current, key, value, headers)
        return current

    assert head(facts) == head(list(facts))
    assert (head(facts) == head(facts[::-1])) == (facts == facts[::-1])
    assert head(facts) != head(facts[:-1])


@given(st.binary(min_size=1, max_size=20), st.binary(min_size=1, max_size=40), HEADERS, st.integers(0, 200), st.data())
def test_one_changed_bit_anywhere_changes_the_hash(
    key: bytes, value: bytes, headers: list[tuple[str, bytes]], bit: int, data: st.DataObject
) -> None:
    before = CHAIN.link(GENESIS, key, value, headers)
    where = data.draw(st.sampled_from(["previous", "key", "value", "header", "name"]))
    previous = GENESIS
    if where == "previous":
        previous = _flipped(previous, bit)
    elif where == "key":
        key = _flipped(key, bit)
    elif where == "value":
        value = _flipped(value, bit)
    elif where == "header":
        headers = [(headers[0][0], headers[0][1] + b"x"), *headers[1:]]
    else:
        headers = [(headers[0][0] + "x", headers[0][1]), *headers[1:]]
    assert CHAIN.link(previous, key, value, headers) != before


@given(st.binary(max_size=20), st.binary(max_size=40), HEADERS)
def test_topic_and_partition_belong_to_the_hash(key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
    chains = (CHAIN, Chain("pod.orders.events.v1", 2), Chain("pod.orders.events.v2", 1))
    assert len({chain.link(GENESIS, key, value, headers) for chain in chains}) == 3


@given(HEADERS, st.binary(max_size=32))
def test_the_hash_itself_is_left_out_wherever_it_stands(headers: list[tuple[str, bytes]], recorded: bytes) -> None:
    assert list(without_hash([*headers, ("hash", recorded)])) == headers
    assert list(without_hash([("hash", recorded), *headers])) == headers


def _flipped(content: bytes, bit: int) -> bytes:
    number = int.from_bytes(content, "big") ^ (1 << (bit % (8 * len(content))))
    return number.to_bytes(len(content), "big")
