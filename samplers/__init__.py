"""Generators of molecules and sequences that learn from a reward; knows nothing of the web or the database."""

__version__ = "0.1.0"
