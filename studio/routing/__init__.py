"""Connections to providers, what they cost, and which of them can do a brief."""
