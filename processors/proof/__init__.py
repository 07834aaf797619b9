"""Proof that the ledger kept its promises: `verify` recomputes the chains, `audit` matches commands and outcomes."""
