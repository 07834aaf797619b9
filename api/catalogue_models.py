"""Answers about the catalogue."""

from __future__ import annotations

from typing import Literal

from api.models import AnswerModel, AsOfOut


class MappedSkuOut(AnswerModel):
    """A store's SKU."""

    store: str
    sku: str


class CatalogueExceptionOut(AnswerModel):
    """Something wrong with what can be made. Times are epoch milliseconds; `resolved_at` is 0 while it stands.

    `no_partner`: nobody can make the variant that these SKUs mean. The others are about one partner's offer.
    """

    kind: Literal["no_partner", "variant_vanished", "out_of_stock", "price_changed"]
    partner_id: str
    variant_id: str
    detail: str
    raised_at: int
    resolved_at: int
    skus: tuple[MappedSkuOut, ...]


class CatalogueExceptionsOut(AnswerModel):
    """What is wrong with what the key's tenant sells; `more` where it is not all."""

    exceptions: tuple[CatalogueExceptionOut, ...]
    more: bool
    as_of: AsOfOut
