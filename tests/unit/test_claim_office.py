"""Whose terms hold at a partner: each adapter has its own in the shipped rules, and the settings say which it is."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from infra.claim_office import HOUSE, review_claim
from infra.settings import prepare
from infra.vendors import VendorSetup
from processors.claims.rules import shipped_claim_rules


def test_every_kind_of_partner_has_terms_in_the_shipped_rules() -> None:
    adapters = {str(setup.__struct_config__.tag) for setup in get_args(VendorSetup)}
    assert {*adapters, HOUSE} <= set(shipped_claim_rules().vendors)


def test_a_partner_has_the_terms_of_its_adapter_and_a_print_shop_those_of_the_house(tmp_path: Path) -> None:
    vendor_of = review_claim(prepare(tmp_path, profile="demo")).vendor_of
    assert (vendor_of("supplier-north"), vendor_of("press-house"), vendor_of("press-east")) == (
        "supplier",
        "house",
        "house",
    )
