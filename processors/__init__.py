"""Stream processors: the ledger, the workers, and the adapters to partners and carriers."""
