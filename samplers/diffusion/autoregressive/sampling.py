"""Drawing designs from a policy under guidance, step by step, and within what must be kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from samplers.diffusion.draws import by_inversion, own_uniforms
from samplers.environments.design import DesignEnvironment, Menu
from samplers.gflownet.policy import Policy
from samplers.numerics import masked_log_softmax


class Follower(Protocol):
    """Keeps n designs under construction inside what was asked to be kept."""

    def restrict(self, states: Any, menu: Menu) -> Tensor:
        """The mask of a menu (M, C) narrowed to the actions that keep it; never empty where the menu's was not."""

    def placed(self, states: Any, actions: Tensor) -> None:
        """Take note of the actions (N,) chosen in `states`."""


class Keep(Protocol):
    """What every design must contain."""

    def follow(self, uniforms: Tensor) -> Follower:
        """A follower of n designs; uniforms (n,) decide where there is a choice of how to begin."""


Told = Sequence[tuple[float, Tensor]]  # weights that add up to 1, and the contexts (n, H) they belong to


def told(conditional: Tensor | None, free: Tensor, guidance: float) -> Told:
    """What to mix for guidance γ: γ of the conditional answer, 1 − γ of the free one; no weight, no place."""
    if conditional is None or guidance == 0.0:
        return [(1.0, free)]
    if guidance == 1.0:
        return [(1.0, conditional)]
    return [(guidance, conditional), (1.0 - guidance, free)]


@torch.no_grad()
def draw_rows(
    policy: Policy, environment: DesignEnvironment, n: int, contexts: Told, source: torch.Generator,
    keep: Keep | None = None, *, greedy: bool = False,
) -> Tensor:  # fmt: skip
    """n paths (n, F). A step's probabilities are the weighted sum of log-probabilities over contexts, renormalised.

    `greedy` takes the likeliest action of every step, which draws nothing.

    Every design has random numbers of its own, so its neighbours in the batch do not change it.
    """
    uniforms = own_uniforms(n, (environment.max_steps + 1,), source).to(environment.device)
    states = environment.initial(n)
    memories = [policy.start(n, context) for _, context in contexts]
    follower = None if keep is None else keep.follow(uniforms[:, -1])
    for t in range(environment.max_steps):
        menus = environment.menus(states)
        if not menus:
            break
        asked = [policy.ask(environment, states, memory) for memory in memories]
        actions = states.actions.new_full((n,), -1)
        for menu in menus:
            mask = menu.mask if follower is None else follower.restrict(states, menu)
            logits = sum(
                weight * policy.answer(environment, queries[menu.rows], menu.actions).double()
                for (weight, _), queries in zip(contexts, asked, strict=True)
            )
            # The normalising constants of single answers are the same for all actions of a row, so mixing logits
            # mixes log-probabilities up to a constant that the softmax takes out.
            log_p = masked_log_softmax(torch.as_tensor(logits), mask)
            drawn = log_p.argmax(dim=1) if greedy else by_inversion(log_p, uniforms[menu.rows, t])
            actions[menu.rows] = menu.actions[drawn]
        if follower is not None:
            follower.placed(states, actions)
        states = environment.step(states, actions)
        memories = [policy.read(environment, memory, actions) for memory in memories]
    rows: Tensor = states.actions
    return rows
