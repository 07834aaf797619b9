"""Where the demo's simulated print shops stand, and who gets the demo's mail. All of it is made up."""

from typing import Final

from infra.demo.catalogue import EAST, WEST

SHIP_FROM: Final[dict[str, dict[str, str]]] = {
    EAST: {
        "name": "Demo press, east",
        "street1": "1 Example Street",
        "city": "New York",
        "region": "NY",
        "postal_code": "10001",
        "country": "US",
        "phone": "+12025550100",
    },
    WEST: {
        "name": "Demo press, west",
        "street1": "2 Example Street",
        "city": "San Francisco",
        "region": "CA",
        "postal_code": "94105",
        "country": "US",
        "phone": "+12025550101",
    },
}
#: The numbers are from the range that the numbering plan keeps for fiction, the domain from RFC 2606.
SUPPORT_EMAIL: Final = "support@demo.example"


def store_email(store: str) -> str:
    """The address of a demo store's owner."""
    return f"{store}@demo.example"
