"""The decision what is trained next, without Ray."""
