"""The application that watches over the others."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """Connects the workers' signs of life."""

    name = "designlab.operations"

    def ready(self) -> None:
        """Connect the signal handlers by importing them."""
        from designlab.operations import signals  # noqa: F401
