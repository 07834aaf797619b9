"""One module a kind of work: what the worker does, and how it says how it went."""
