"""Batches of a house press: which lines are imaged together, on which sheets, and what the press is given."""
