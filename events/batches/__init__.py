"""The batch stream: lines that a house press images together, sheet by sheet; membership is history."""
