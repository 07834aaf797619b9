"""Compare a photograph of a print with what was to be printed: pure numpy and Pillow, no store and no clock."""
