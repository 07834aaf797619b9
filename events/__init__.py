"""The pure core: facts, commands, state and decisions. No I/O, no clock, no randomness."""
