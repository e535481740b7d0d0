"""The family of errors the library raises; each message is a sentence a chemist can act on."""


class DesignError(ValueError):
    """Something a person asked for cannot be done; the message says what and what to do next."""


class ConfigError(DesignError):
    """A setting is refused. Keeps the name of the setting and the problem apart, so that a form can place it."""

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.problem = problem
        super().__init__(f"{field}: {problem}")


class StructureError(DesignError):
    """One structure is refused. `code` is stable and groups rows in a receipt; the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class RewardError(DesignError):
    """A reward cannot be used: unknown property, missing model, constant on the data, not finite."""


class VocabularyError(DesignError):
    """The data do not give enough fragments to build a molecule from."""


class TrainingError(DesignError):
    """Training met a number it cannot go on with; names the step and the quantity."""
