"""Searches of trials that cost next to nothing: what each costs all the same; see scale.py."""
