"""Designs from fixed data by conservative and energy-based models, and the Markov chains that draw from them."""
