"""An order as a store told it, read into one shape whatever the road; still in the clear, in memory only.

Reading is tolerant: unknown fields are ignored, missing ones get an honest default. What is there with the
wrong type, and would change what is printed or where it goes, is a named error that says which field.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from events.decoding import from_json
from events.order.values import CropBox
from processors.personal import Recipient
from processors.ports import NamedError

LINES_MAX = 500
QUANTITY_MAX = 10_000
TEXT_CHARACTERS_MAX = 5_000
SHORT_CHARACTERS_MAX = 255
URL_CHARACTERS_MAX = 2_048

AREAS_MAX = 8
#: The year 2100: what is dated later is no time in milliseconds.
MILLIS_MAX = 4_102_444_800_000
#: Amounts are 64-bit numbers in facts.
MINOR_MAX = 2**63 - 1
#: As templates name print areas.
AREA_NAME = re.compile(r"^[a-z0-9][a-z0-9._-]{0,63}$")

#: A line's id becomes a part of the names of its files, so it holds nothing that a path could be made of.
LINE_ID = re.compile(r"^(?=.{1,64}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$")

#: As many digits as stand in 64 bits whatever they are.
_WHOLE_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)
#: Amounts have fewer digits before the point.
_AMOUNT_DIGITS_MAX = 13

#: Currencies whose minor unit is not a hundredth (ISO 4217, list one).
_CURRENCIES_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_CURRENCY_EXPONENTS = {code: exponent for exponent, codes in _CURRENCIES_BY_EXPONENT.items() for code in codes.split()}


class InputNotUsable(NamedError):
    """What was sent cannot become a command. The reason is recorded; correct it at the source and send again."""


class NotJson(InputNotUsable):
    """The body is not a JSON object. Send the order as a JSON object in UTF-8."""


class FieldMissing(InputNotUsable):
    """A field that an order cannot do without is missing."""


class FieldNotUsable(InputNotUsable):
    """A field has a type or value that cannot be read."""


class MoneyNotExact(InputNotUsable):
    """An amount has more decimals than its currency."""


class TopicNotKnown(InputNotUsable):
    """The webhook's topic is none that orders are read from. Subscribe to orders/create, updated and cancelled."""


class NothingToDo(Exception):
    """What was sent is understood and asks for nothing here; `why` is recorded."""

    def __init__(self, why: str) -> None:
        """`why` is a sentence for the record."""
        super().__init__(why)
        self.why = why


class ReadArea(msgspec.Struct, frozen=True, kw_only=True):
    """What the buyer gave for one print area, in the clear; an empty name is the template's first area."""

    area: str = ""
    text: str | None = None
    artwork_url: str | None = None
    crop: CropBox | None = None


class ReadLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line, buyer's texts and picture addresses in the clear; at most one entry an area."""

    line_id: str
    sku: str
    title: str
    quantity: int
    unit_price_minor: int
    areas: tuple[ReadArea, ...] = ()
    instructions: str | None = None


class ReadOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One order, recipient in the clear. Times are epoch milliseconds, money is minor units."""

    external_id: str
    order_number: str
    placed_at: int
    updated_at: int
    currency: str
    total_minor: int
    priority: str = "standard"
    recipient: Recipient
    lines: tuple[ReadLine, ...]
    payment_pending: bool = False
    cancelled: bool = False
    test: bool = False


class JsonObject:
    """Reads fields of one JSON object and names the path of each that cannot be used."""

    def __init__(self, fields: dict[str, Any], path: str = "") -> None:
        self._fields = fields
        self._path = path

    @classmethod
    def parse(cls, body: bytes) -> JsonObject:
        """Parse a body; NotJson when it is not one object."""
        try:
            fields = from_json(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise NotJson(f"{NotJson.__doc__} ({error})") from None
        if not isinstance(fields, dict):
            raise NotJson
        return cls(fields)

    def __contains__(self, name: str) -> bool:
        return self._fields.get(name) is not None

    def raw(self, name: str) -> Any:
        """The value as it came, None when absent."""
        return self._fields.get(name)

    def path(self, name: str) -> str:
        """The field's path for messages, such as line_items[0].price."""
        return f"{self._path}.{name}" if self._path else name

    def unusable(self, name: str, expected: str) -> FieldNotUsable:
        """The error for a field that is there and cannot be read. The value is not shown: it may be personal."""
        found = type(self._fields.get(name)).__name__
        return FieldNotUsable(f"{self.path(name)} should be {expected}, but is of another kind ({found}).")

    def text(self, name: str, characters_max: int = SHORT_CHARACTERS_MAX) -> str:
        """A text without surrounding space; empty when absent. Numbers are taken as their digits."""
        value = self._fields.get(name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.unusable(name, "a text")
        return bounded_text(self.path(name), str(value).strip(), characters_max)

    def identifier(self, name: str) -> str:
        """A required id: digits or text."""
        value = self.text(name)
        if not value:
            raise FieldMissing(f"{self.path(name)} is missing: without it the order cannot be recognised.")
        return value

    def line_id(self, name: str) -> str:
        """A required id of a line: it becomes a part of the names of the line's files."""
        value = self.identifier(name)
        if not LINE_ID.match(value):
            raise self.unusable(name, "1 to 64 letters, digits, dots, hyphens and underscores")
        return value

    def whole_number(self, name: str) -> int | None:
        """A whole number, None when absent."""
        value = self._fields.get(name)
        if value is None:
            return None
        if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()):
            return int(value)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.unusable(name, "a whole number")
        return value

    def flag(self, name: str) -> bool:
        """True or False; False when absent."""
        value = self._fields.get(name)
        if isinstance(value, str):
            return value.strip().lower() in ("true", "1", "yes")
        return bool(value)

    def millis(self, name: str) -> int | None:
        """An ISO 8601 time as epoch milliseconds, None when absent; without an offset it is UTC."""
        value = self._fields.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise self.unusable(name, "an ISO 8601 time")
        try:
            moment = datetime.fromisoformat(value.strip())
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return math.floor(moment.timestamp() * 1000)
        except (ValueError, OverflowError):
            raise self.unusable(name, "an ISO 8601 time") from None

    def minor(self, name: str, currency: str) -> int | None:
        """An amount such as "199.00" in minor units of the currency, None when absent."""
        value = self._fields.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.unusable(name, "an amount of money")
        try:
            return minor_units(str(value), currency)
        except MoneyNotExact as error:
            raise MoneyNotExact(f"{self.path(name)}: {error}") from None
        except FieldNotUsable:
            raise self.unusable(name, "an amount of money") from None

    def object(self, name: str) -> JsonObject | None:
        """A nested object, None when absent."""
        value = self._fields.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.unusable(name, "an object")
        return JsonObject(value, self.path(name))

    def objects(self, name: str, count_max: int = LINES_MAX) -> list[JsonObject]:
        """A list of objects, empty when absent."""
        value = self._fields.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.unusable(name, "a list of objects")
        if len(value) > count_max:
            raise FieldNotUsable(f"{self.path(name)} has {len(value)} entries; at most {count_max} are taken.")
        return [JsonObject(entry, f"{self.path(name)}[{number}]") for number, entry in enumerate(value)]

    def items(self) -> list[tuple[str, Any]]:
        """All fields with their values."""
        return list(self._fields.items())


def without_nul(text: str) -> str:
    """The text as it can be kept and printed: PostgreSQL and most printers of labels cannot take NUL."""
    return text.replace("\x00", "")


def bounded_text(path: str, text: str, characters_max: int = SHORT_CHARACTERS_MAX) -> str:
    """The text as it can be kept; FieldNotUsable names the field at `path` where it is too long."""
    if len(text) > characters_max:
        raise FieldNotUsable(f"{path} has {len(text)} characters; at most {characters_max}.")
    return without_nul(text)


def is_currency_code(code: str) -> bool:
    """Whether this may be an ISO 4217 code."""
    return len(code) == 3 and code.isascii() and code.isalpha()


def country_code(text: str) -> str:
    """The ISO 3166-1 alpha-2 code, or empty where it is none."""
    code = text.upper()
    return code if len(code) == 2 and code.isalpha() else ""


def minor_units(amount: str, currency: str) -> int:
    """ "199.00" USD → 19900; "398.00" JPY → 398. MoneyNotExact when digits would be lost."""
    try:
        value = Decimal(amount.strip())
    except InvalidOperation:
        raise FieldNotUsable("The amount is not a number.") from None
    # Counting digits computes nothing: no exponent is too large for that.
    if not value.is_finite() or value.adjusted() >= _AMOUNT_DIGITS_MAX:
        raise FieldNotUsable("The amount is not a number of money.")
    exponent = _CURRENCY_EXPONENTS.get(currency, 2)
    scaled = value.scaleb(exponent)
    if scaled != scaled.to_integral_value():
        raise MoneyNotExact(f"{amount} has more decimals than {currency} has ({exponent}).")
    return int(scaled)


def lines_total_minor(lines: Iterable[ReadLine]) -> int:
    """What the lines cost together, for an order that does not say it itself; FieldNotUsable beyond what facts hold."""
    total = sum(line.quantity * line.unit_price_minor for line in lines)
    if abs(total) > MINOR_MAX:
        raise FieldNotUsable("The lines cost more together than an order can. Correct their prices, or give a total.")
    return total


def currency_code(fields: JsonObject, name: str = "currency") -> str:
    """A required ISO 4217 code."""
    code = fields.text(name).upper()
    if not code:
        raise FieldMissing(f"{fields.path(name)} is missing: amounts mean nothing without their currency.")
    if not is_currency_code(code):
        raise fields.unusable(name, "an ISO 4217 currency code")
    return code
