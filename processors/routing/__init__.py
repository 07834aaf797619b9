"""Routing: which partner should make a print run. Pure: the same inputs and rule version give the same proposal."""
