"""`tune-noise repair`: data with the labels that people have corrected, and their lineage."""
