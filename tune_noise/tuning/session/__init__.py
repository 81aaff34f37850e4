"""What is trained next, without Ray."""
