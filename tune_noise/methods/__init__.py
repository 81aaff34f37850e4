"""Training methods: `declarations.py` lists them, and `protocol.py` says what they are given."""
