"""Learning from failures only: filtered priors of generators with a likelihood, and what they are compared with."""
