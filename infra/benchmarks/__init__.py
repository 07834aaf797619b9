"""Benchmarks: each `run()` measures one thing and returns plain figures with their conditions."""
