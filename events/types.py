"""Named field types that facts and commands share: each carries its unit or format, once."""

from typing import Annotated, TypeAlias

import msgspec

from events.declare import LogicalType


def described(description: str) -> msgspec.Meta:
    """The documentation of a named field type; it becomes the `doc` of every Avro field of that type."""
    return msgspec.Meta(description=description)


Millis: TypeAlias = Annotated[int, LogicalType("timestamp-millis"), described("Milliseconds since 1970, UTC.")]
Minor: TypeAlias = Annotated[int, described("Money in minor units of the currency beside it (ISO 4217 exponent).")]
Currency: TypeAlias = Annotated[str, described("ISO 4217 currency code, upper case.")]
CountryCode: TypeAlias = Annotated[str, described("ISO 3166-1 alpha-2 country code; empty where it is not known.")]
LineId: TypeAlias = Annotated[str, described("The platform's own id of the order line; unique in the order.")]
RunNumber: TypeAlias = Annotated[
    int, described("Print run of a line, from 1; a fallback or a re-print starts the next.")
]
UnitNumbers: TypeAlias = Annotated[tuple[int, ...], described("Unit numbers of the line, from 1 to its quantity.")]
Sealed: TypeAlias = Annotated[bytes, described("Personal data, sealed with AES-256-GCM under the order's own key.")]
SealedOrNone: TypeAlias = Annotated[
    bytes | None,
    described("Personal data, sealed with AES-256-GCM under the order's own key; null where there is none."),
]
Digest: TypeAlias = Annotated[str, described("Keyed HMAC-SHA-256, hex: equal content of one tenant has equal digests.")]
Sha256: TypeAlias = Annotated[str, described("SHA-256, 64 hex digits.")]
EffectKey: TypeAlias = Annotated[
    str,
    described("32 hex digits, the same over every retry: the external id at whoever carries the effect out."),
]
RequestId: TypeAlias = Annotated[str, described("Effect key, a dot, and the attempt number.")]
Attempt: TypeAlias = Annotated[int, described("Number of this attempt, from 1.")]
AreaName: TypeAlias = Annotated[
    str, described("Print area, as the template names it; empty: the template's first area.")
]
ObjectKey: TypeAlias = Annotated[str, described("Key of an object in the artwork bucket.")]
PartnerId: TypeAlias = Annotated[str, described("Print partner, as registered in the catalogue.")]
VariantId: TypeAlias = Annotated[str, described("Our own product variant, as defined in the catalogue.")]
CatalogueOffset: TypeAlias = Annotated[
    int, described("Offset of the newest of the catalogue's facts that routing went by; -1 where there was none.")
]
RoutedPriority: TypeAlias = Annotated[
    str, described("How much the order hurries by the rules: 'standard', 'express', 'high_value' or 'dated'.")
]
PromisedBy: TypeAlias = Annotated[
    int, LogicalType("timestamp-millis"), described("When the rules have it at the door at the latest; 0 for unknown.")
]
Actor: TypeAlias = Annotated[
    str, described("Who did it: a role and an id that holds no personal data, such as 'store:demo-rest'.")
]
DeadlineKey: TypeAlias = Annotated[str, described("What is waited for, unique in the order, such as 'submit:1:2'.")]
Polled: TypeAlias = Annotated[bool, described("We asked, because no webhook had said it; false where they told us.")]
