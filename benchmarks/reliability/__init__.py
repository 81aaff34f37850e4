"""Kills of real searches, and the audit of what is left: see `benchmarks/crash.py`."""
