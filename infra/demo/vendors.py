"""The demo's vendors: a house press that prints in batches, and a supplier of goods on which nobody prints."""

from typing import Any, Final

from infra.demo.house import HOUSE, HOUSE_SETUP
from infra.demo.supplier import SUPPLIER, SUPPLIER_SETUP

VENDORS: Final[dict[str, dict[str, Any]]] = {HOUSE: HOUSE_SETUP, SUPPLIER: SUPPLIER_SETUP}
"""What `VENDORS` is in the demo, unless it is set."""
