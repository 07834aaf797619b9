"""The demo's supplier of ready-made goods: made up, like everything of the demonstration."""

from typing import Any, Final

SUPPLIER: Final = "supplier-north"
COASTERS: Final = "coaster-cork-set"
"""The one variant that it sells; its product has the same id."""
COASTERS_SKU: Final = "CRK-COASTER-4"
COASTERS_COST_MINOR: Final = 380

SUPPLIER_SETUP: Final[dict[str, Any]] = {
    "adapter": "supplier",
    "variants": [{"variant": COASTERS, "sku": COASTERS_SKU, "simulated_price_minor": COASTERS_COST_MINOR}],
    "receiving": {
        "name": "Demo supplier, north",
        "address1": "4 Example Street",
        "city": "Minneapolis",
        "state_code": "MN",
        "zip": "55401",
        "country_code": "US",
        "phone": "+12025550104",
    },
}
"""What `VENDORS` says of it in the demo."""
