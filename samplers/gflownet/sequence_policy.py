"""The policy network for sequences: which letter comes next, or whether this is the end."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from samplers.environments.sequences import SequenceEnvironment, States
from samplers.gflownet.policy import EMBEDDING, Policy, conditioned, draw_weights


@dataclass(frozen=True, slots=True)
class Memory:
    """What the network remembers of N sequences: its state (N, H), and a context that it began with, else zero."""

    now: Tensor
    context: Tensor | None = None


class SequencePolicy(Policy):
    """A recurrent reader of the letters so far, asked at a place, answering over letters and stopping.

    Every place has a bias of its own for every action, which starts at what the data say: letters as frequent as
    theirs, stopping as likely as their lengths make it there.
    """

    def __init__(self, environment: SequenceEnvironment, hidden_size: int) -> None:
        super().__init__()
        n_actions, n_places = environment.n_actions, environment.max_steps
        self.hidden_size = hidden_size
        self.embed = nn.Embedding(n_actions, EMBEDDING)
        self.reader = nn.GRU(EMBEDDING, hidden_size, batch_first=True)
        self.place = nn.Embedding(n_places, EMBEDDING)
        self.query = nn.Sequential(
            nn.Linear(hidden_size + EMBEDDING, hidden_size), nn.SiLU(), nn.Linear(hidden_size, hidden_size), nn.SiLU(),
        )  # fmt: skip
        self.last = nn.Linear(hidden_size, n_actions)
        self.bias = nn.Parameter(torch.zeros(n_places, n_actions))
        self.log_z = nn.Parameter(torch.zeros(()))

    def initialise(self, environment: SequenceEnvironment, source: torch.Generator) -> None:
        """Draw the weights; the last layer starts at zero, so that the first samples follow the data's frequencies."""
        with torch.no_grad():
            draw_weights(self, source)
            self.last.weight.zero_()
            self.bias.copy_(_frequencies(environment))
            self.log_z.zero_()

    def start(self, n: int, context: Tensor | None = None) -> Memory:
        """The memory of n empty sequences, which begins with their context (n, H) where there is one."""
        return Memory(self.bias.new_zeros(n, self.hidden_size) if context is None else context, context)

    def embedded(self, environment: SequenceEnvironment, actions: Tensor) -> Tensor:
        """Vectors (..., E) of letters (...)."""
        vectors: Tensor = self.embed(actions)
        return vectors

    def read(self, environment: SequenceEnvironment, memory: Memory, actions: Tensor) -> Memory:
        """Take one letter per sequence (N,) into the memory."""
        inputs = self.embed(actions.clamp_min(0)).unsqueeze(1)
        now = self.reader(inputs, memory.now.unsqueeze(0).contiguous())[1].squeeze(0)
        return Memory(now, memory.context)

    def ask(self, environment: SequenceEnvironment, states: States, memory: Memory) -> Tensor:
        """Queries (N, H + A) about the next place of each sequence: what was read, and the biases of the place."""
        return self._judge(memory.now, states.n_placed.clamp_max(environment.max_steps - 1), memory.context)

    def _judge(self, memory: Tensor, place: Tensor, context: Tensor | None) -> Tensor:
        wanted = conditioned(self.query, torch.cat([memory, self.place(place)], dim=1), context)
        return torch.cat([wanted, self.bias[place]], dim=1)

    def answer(self, environment: SequenceEnvironment, queries: Tensor, actions: Tensor | None = None) -> Tensor:
        """Unmasked logits (N, A), or (N, C) of some actions (C,)."""
        logits: Tensor = self.last(queries[:, : self.hidden_size]) + queries[:, self.hidden_size :]
        return logits if actions is None else logits[:, actions]

    def follow(
        self, environment: SequenceEnvironment, rows: Tensor, n_steps: int, context: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As `Policy.follow`, all steps in one call of the recurrent reader."""
        first = self.start(len(rows), context).now
        read = first.unsqueeze(1)
        if n_steps > 1:
            letters = self.embed(rows[:, : n_steps - 1].clamp_min(0))
            read = torch.cat([read, self.reader(letters, first.unsqueeze(0).contiguous())[0]], dim=1)
        step, row = (rows[:, :n_steps] >= 0).T.nonzero(as_tuple=True)
        told = None if context is None else context[row]
        return self._judge(read[row, step], step, told), environment.allowed[step]


def _frequencies(environment: SequenceEnvironment) -> Tensor:
    """(places, A) float64 log odds of the actions at each place, as in the data; every letter counts once more."""
    letters = torch.tensor(environment.letter_counts, dtype=torch.float64) + 1
    bias = (letters / letters.sum()).log().repeat(environment.max_steps, 1)
    if environment.stop_action is None:
        return bias
    weights = environment.length_weights
    ends = torch.zeros(environment.max_steps, dtype=torch.float64)
    ends[environment.min_length :] = weights[:-1] / weights.flip(0).cumsum(0).flip(0)[:-1]
    # Where stopping is not allowed its odds mean nothing, and the mask hides them.
    return torch.cat([bias, torch.logit(ends.clamp(1e-6, 1 - 1e-6)).unsqueeze(1)], dim=1)
