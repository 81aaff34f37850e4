"""Several searches compared."""
