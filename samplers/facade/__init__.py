"""The parts of `samplers.api`; import from there."""
