"""Diffusion of a learned code of designs."""
