"""Print partners: one protocol, one adapter a vendor, and a simulator beside each adapter."""
