"""Offline design: propose from a table of labels alone, then be scored once by what was hidden."""
