"""The demo's house press, which prints in batches: made up, like everything of the demonstration."""

from typing import Any, Final

HOUSE: Final = "press-house"

HOUSE_SETUP: Final[dict[str, Any]] = {
    "adapter": "house",
    "capacity_units_per_day": 2_000,
    "variants": [
        {"variant": "mug-11oz-matt", "partner_variant": "MUG-11-MATT", "cost_minor": 395, "stock_units": 100_000}
    ],
    "receiving": {
        "name": "Demo press, house",
        "address1": "3 Example Street",
        "city": "Chicago",
        "state_code": "IL",
        "zip": "60602",
        "country_code": "US",
        "phone": "+12025550103",
    },
    # Transfers for mugs on sheets of A3: three of them fill one.
    "presses": [
        {
            "name": "sublimation-1",
            "method": "sublimation",
            "variants": {"MUG-11-MATT": "mug-11oz"},
            "sheet_width_um": 297_000,
            "sheet_height_um": 420_000,
            "sheets_per_hour": 60,
            "sheets_max": 4,
            "wait_max_s": 4,
        }
    ],
}
"""What `VENDORS` says of it in the demo."""
