"""What every design must contain: letters at fixed places of a sequence, or a scaffold of a molecule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from samplers.diffusion.autoregressive.sampling import Follower, Keep
from samplers.environments.design import Menu
from samplers.environments.sequences import SequenceEnvironment, States
from samplers.errors import ConfigError
from samplers.kinds import is_sequence


def keep(environment: Any, own: Tensor, structures: Sequence[str], text: str) -> Keep:
    """What keeps `text` in every design. Raises ConfigError where it cannot be expressed."""
    if is_sequence(environment.kind):
        return Places(environment, text)
    from samplers.diffusion.autoregressive.scaffolds import scaffold

    return scaffold(environment, own, structures, text)


class Places:
    """Letters that may stand at the first places of a sequence.

    The letters are forced as the sequence grows, so what comes before a kept letter is drawn without knowing of it.
    """

    def __init__(self, environment: SequenceEnvironment, text: str) -> None:
        from samplers.sequences.patterns import read_places

        places = read_places(text, environment.kind, "scaffold")
        if len(places) > environment.max_length:
            raise ConfigError(
                "scaffold", f"has {len(places)} places, but sequences have at most {environment.max_length} letters"
            )
        self.allowed = torch.ones(environment.max_length, environment.n_actions, dtype=torch.bool)
        for place, letters in enumerate(places):
            self.allowed[place] = False
            for letter in letters:
                self.allowed[place, environment.alphabet.letters.index(letter)] = True
        self.allowed = self.allowed.to(environment.device)

    def follow(self, uniforms: Tensor) -> Follower:
        """The same for all designs."""
        return self

    def restrict(self, states: States, menu: Menu) -> Tensor:
        """Only the letters of the place; no sequence stops before the last of them."""
        return menu.mask & self.allowed[states.n_placed[menu.rows]][:, menu.actions]

    def placed(self, states: States, actions: Tensor) -> None:
        """Nothing has to be remembered."""
