"""Generative flow networks: policies that build objects in proportion to a reward."""
