"""How commands parse their arguments, fail and print."""
