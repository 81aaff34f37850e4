"""Networks built of stacked layers: every parameter carries a leading member dimension."""
