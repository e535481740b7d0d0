"""What an upload can be refused for."""

from typing import Any


class ImportRefused(ValueError):
    """The file as a whole is not imported; nothing of it is kept.

    The message is a sentence for the person who uploaded it. `code` is stable; `rejected` lists rows (line, original,
    code, message) where the rows themselves tell why.
    """

    def __init__(self, message: str, *, code: str = "refused", rejected: list[dict[str, Any]] | None = None) -> None:
        self.code = code
        self.rejected = rejected or []
        super().__init__(message)
