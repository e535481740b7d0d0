"""Biological sequences: DNA, RNA and peptides, from text to rewards.

`alphabets`, `standardise` and `fasta` need the standard library alone; the rest loads numpy.
"""
