"""Webhooks of stores, partners and carriers: verified and stored as they came, parsed later."""
