"""Kills of real searches, and the audit of what is left: see `python -m tests.reliability`."""
