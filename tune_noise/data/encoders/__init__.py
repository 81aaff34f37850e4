"""Encoders: frozen maps from raw inputs (text, a picture, a table row) to what networks take."""
