"""What carriers can say of a parcel, and what each word means: read in the vendors' descriptions, not in our maps.

EasyPost: tracker guide. Shippo: tracking documentation, statuses with their substatuses. ShipStation: OpenAPI
description, `status_code` and `status_detail_code` with the sentence that the vendor writes beside each.
"""

from collections.abc import Mapping
from typing import Final

EASYPOST: Final[Mapping[str, str]] = {
    "unknown": "unknown",
    "pre_transit": "pre_transit",
    "in_transit": "in_transit",
    "out_for_delivery": "out_for_delivery",
    "available_for_pickup": "available_for_pickup",
    "delivered": "delivered",
    "return_to_sender": "return_to_sender",
    "failure": "failure",
    "cancelled": "cancelled",
    "error": "failure",
}

#: By status, then substatus; the empty one stands for none.
SHIPPO: Final[Mapping[str, Mapping[str, str]]] = {
    "UNKNOWN": {"": "unknown", "other": "unknown"},
    "PRE_TRANSIT": {"": "pre_transit", "information_received": "pre_transit"},
    "TRANSIT": {
        "": "in_transit",
        **dict.fromkeys(
            ("delayed", "delivery_rescheduled", "delivery_scheduled", "package_accepted", "package_arrived"),
            "in_transit",
        ),
        **dict.fromkeys(
            ("package_departed", "package_forwarded", "package_held", "package_processed", "package_processing"),
            "in_transit",
        ),
        "reschedule_delivery": "in_transit",
        "out_for_delivery": "out_for_delivery",
        "delivery_attempted": "out_for_delivery",
        "notice_left": "available_for_pickup",
        "pickup_available": "available_for_pickup",
        "address_issue": "failure",
        "contact_carrier": "failure",
        "location_inaccessible": "failure",
        "package_damaged": "failure",
    },
    "DELIVERED": {"": "delivered", "delivered": "delivered"},
    "RETURNED": dict.fromkeys(("", "return_to_sender", "package_unclaimed"), "return_to_sender"),
    "FAILURE": dict.fromkeys(("", "package_undeliverable", "package_disposed", "package_lost"), "failure"),
}

SHIPSTATION_CODES: Final[Mapping[str, str]] = {
    "UN": "unknown",
    "NY": "pre_transit",
    "AC": "in_transit",
    "IT": "in_transit",
    "AT": "out_for_delivery",
    "SP": "available_for_pickup",
    "DE": "delivered",
    "EX": "failure",
}

#: Details that say nothing of where the parcel is; the code beside them does.
SHIPSTATION_SILENT: Final = frozenset(
    [
        "COD_AMOUNT_PAID",
        "POST_TRANSIT_STATUS",
        "INFORMATION",
        "PARCEL_UPDATE_NOTIFICATION_VIA_EMAIL",
        "PARCEL_UPDATE_NOTIFICATION_VIA_SMS",
        "CARRIER_STATUS_NOT_MAPPED",
    ]
)

_DETAILS: Final[Mapping[str, str]] = {
    # Waits for the carrier.
    "pre_transit": """COLLECTION_FAILED AWAITING_DESPATCH COLLECTION_REQUESTED ELEC_ADVICE_RECD_BY_CARRIER
        NOT_YET_RECEIVED_BY_CARRIER AWAITING_ELECTRONIC_ADVICE""",
    # The carrier has it and goes on with it, maybe late.
    "in_transit": """DESPATCHED COLLECTION_MADE CARRIER_DELAYS CUSTOMS_CLEARED CUSTOMS_PROCESSING DELAYED_NOT_CARRIER
        DELIVERY_ARRANGED_WITH_RECIPIENT HUB_SCAN_OUT IN_TRANSIT MISSORTED PARCEL_OVER_LABELLED PARCEL_REPACKED
        RECEIVED_BY_CARRIER RECEIVED_LOCAL_DELIVERY_DEPOT ROUTING_ERROR SUB_CONTRACTOR_EVENT SUB_CONTRACTOR_RECEIVED
        RECD_BY_CARRIER_NO_ELEC_ADVICE""",
    # Was at the door, or is on its way there.
    "out_for_delivery": """OUT_FOR_DELIVERY ATTEMPTED_DELIVERY ATTEMPTED_DELIVERY_2ND ATTEMPTED_DELIVERY_3RD
        COD_AMOUNT_NOT_PAID CUSTOMER_CARDED CUSTOMER_IDENTIFICATION_FAILED INVALID_METHOD_OF_PAYMENT
        NO_ACCESS_TO_RECIPIENTS_ADDRESS""",
    # Waits for the buyer.
    "available_for_pickup": """AWAITING_COLLECTION_FROM_PICKUP_POINT COLLECT_AT_LOCAL_PO
        CUSTOMER_TO_COLLECT_FROM_CARRIER DELIVERED_TO_LOCKER_COLLECTION_POINT""",
    "delivered": """DELIVERED DELIVERED_DAMAGED DELIVERED_IN_PART DELIVERED_SPECIFIED_SAFE_PLACE
        DELIVERED_TO_ALTERNATIVE_DELIVERY_LOCATION DELIVERED_TO_NEIGHBOUR DELIVERED_TO_PO_BOX
        PARCEL_COLLECTED_FROM_PICKUP_POINT PROOF_OF_DELIVERY""",
    # The vendor's sentence says that it is being returned.
    "return_to_sender": """CUSTOMER_MOVED HAZARDOUS_PROHIBITED NOT_COLLECTED_FROM_PICKUP_POINT NOT_DELIVERED
        PARCEL_DAMAGED PARCEL_OUTSIDE_OF_SERVICE_CAPABILITY REFUSED_BY_CUSTOMER RETURN_TO_SENDER""",
    # Stands, is gone, or somebody has to be asked.
    "failure": """ADDRESS_QUERY HELD_BY_CARRIER HELD_BY_CARRIER_FOR_CLEARANCE_PRE_PROCESSING HELD_BY_CUSTOMS
        HELD_BY_EXPORT_CUSTOMS HELD_BY_IMPORT_CUSTOMS INCORRECT_DECLARATION NOT_DELIVERED_ADDRESSEE_DECEASED
        PARCEL_DISPOSED PARCEL_LOST""",
    "cancelled": "CANCELLED CANCELLED_BEFORE_DESPATCH",
}
SHIPSTATION_DETAILS: Final[Mapping[str, str]] = {
    detail: meaning for meaning, details in _DETAILS.items() for detail in details.split()
}
