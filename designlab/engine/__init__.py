"""The only package that reaches the library `samplers`, and only through its facade `samplers.api`."""
