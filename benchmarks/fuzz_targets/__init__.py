"""The readers that `fuzz.py` fuzzes, by name."""
