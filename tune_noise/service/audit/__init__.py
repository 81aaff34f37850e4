"""`tune-noise audit`: draw labels to check, take answers back, and say what they tell."""
