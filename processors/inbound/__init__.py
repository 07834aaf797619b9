"""The roads in: what stores, partners and carriers send becomes commands."""
