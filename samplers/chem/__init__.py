"""The chemistry boundary: the only package of the library that touches RDKit objects of uploaded text."""
