"""The ids of released schemas never change, because every record that was ever written names one."""

import hashlib

from events.codec import committed_schemas

#: What the first release has, and the digest of their ids, names, versions, subjects and texts.
RELEASED = 152
RELEASED_SHA256 = "e4b952adc4e92b7aa9f854048ba5a2652e0434bc7ebf1df731c5268c4c450551"


def test_ids_run_from_one_without_a_gap_so_that_new_ones_come_after_all_that_are_released() -> None:
    assert [schema.schema_id for schema in committed_schemas()] == list(range(1, len(committed_schemas()) + 1))


def test_a_released_schema_keeps_its_id_its_name_and_its_text() -> None:
    digest = hashlib.sha256()
    for schema in committed_schemas()[:RELEASED]:
        digest.update(repr(schema).encode())
    assert digest.hexdigest() == RELEASED_SHA256
