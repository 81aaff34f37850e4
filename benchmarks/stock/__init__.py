"""The stock recipe: the same search, written from the documentation of the libraries alone."""
