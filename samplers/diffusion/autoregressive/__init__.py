"""Designs built piece by piece by a policy that is told the target."""
