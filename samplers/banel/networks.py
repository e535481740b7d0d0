"""Networks that read the tokens before a place: a masked perceptron for fixed slots, and for sequences a transformer
or, where they are long and many are drawn, a recurrent network."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samplers.banel.language import Language
from samplers.gflownet.layers import embedding, linear


class Body(nn.Module):
    """Logits of the next action from the tokens before it."""

    in_turn: ClassVar[bool] = False  # reads one place after the other, so that rows cost what the longest of them does

    @abstractmethod
    def forward(self, rows: Tensor) -> Tensor:
        """(N, L, A) logits of every place of rows (N, L), each from the places before it."""

    def at(self, rows: Tensor, place: int) -> Tensor:
        """(N, A) logits of one place."""
        return self.forward(rows[:, : place + 1])[:, place]

    def reader(self) -> Callable[[Tensor, int], Tensor]:
        """As `at`, for rows (N, L) that are being written: called for every place from 0 on, in order."""
        return self.at

    @abstractmethod
    def twin(self) -> Self:
        """An untrained network of the same shape."""


class Slots(Body):
    """For each place a perceptron of its own over the embedded tokens before it; all are computed together."""

    before: Tensor

    def __init__(self, language: Language, source: torch.Generator, *, width: int = 16, hidden: int = 64) -> None:
        super().__init__()
        n_places, n_actions = language.max_length, language.n_actions
        self._shape = (language, width, hidden)
        self.embed = embedding(n_places * n_actions, width, source)
        self.first = linear(n_places * width, n_places * hidden, source, fan_in=(n_places + 1) * width // 2)
        before = torch.ones(n_places, n_places).tril(-1)
        self.register_buffer("before", before.repeat_interleave(hidden, 0).repeat_interleave(width, 1), False)
        self.last = nn.Parameter(torch.zeros(n_places, hidden, n_actions))
        self.bias = nn.Parameter(torch.zeros(n_places, n_actions))

    def _hidden(self, rows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        language, width, _ = self._shape
        places = torch.arange(rows.shape[1])
        read = self.embed(rows + places * language.n_actions).flatten(1)
        return F.silu(F.linear(read, weight[:, : rows.shape[1] * width], bias))

    def forward(self, rows: Tensor) -> Tensor:
        language, _, hidden = self._shape
        read = self._hidden(rows, self.first.weight * self.before, self.first.bias)
        read = read.view(len(rows), language.max_length, hidden).transpose(0, 1)
        return torch.baddbmm(self.bias.unsqueeze(1), read, self.last).transpose(0, 1)

    def at(self, rows: Tensor, place: int) -> Tensor:
        hidden = self._shape[2]
        mine = slice(place * hidden, (place + 1) * hidden)
        read = self._hidden(rows, self.first.weight[mine] * self.before[mine], self.first.bias[mine])
        return read @ self.last[place] + self.bias[place]

    def twin(self) -> Self:
        language, width, hidden = self._shape
        return type(self)(language, torch.Generator().manual_seed(0), width=width, hidden=hidden)


class Transformer(Body):
    """A causal transformer: layers normalised before attention and perceptron, learned places."""

    def __init__(
        self, language: Language, source: torch.Generator, *, width: int = 32, n_layers: int = 1, n_heads: int = 2
    ) -> None:
        super().__init__()
        self._shape = (language, width, n_layers, n_heads)
        self.start = language.n_actions
        self.embed = embedding(language.n_actions + 1, width, source, scale=0.1)
        self.place = embedding(language.max_length, width, source, scale=0.1)
        self.blocks = nn.ModuleList(_Block(width, n_heads, source) for _ in range(n_layers))
        self.norm = nn.LayerNorm(width)
        self.last = linear(width, language.n_actions, source)

    def forward(self, rows: Tensor) -> Tensor:
        before = F.pad(rows, (1, 0), value=self.start)[:, : rows.shape[1]]
        read = self.embed(before) + self.place.weight[: rows.shape[1]]
        for block in self.blocks:
            read = block(read)
        logits: Tensor = self.last(self.norm(read))
        return logits

    def twin(self) -> Self:
        language, width, n_layers, n_heads = self._shape
        source = torch.Generator().manual_seed(0)
        return type(self)(language, source, width=width, n_layers=n_layers, n_heads=n_heads)


class _Block(nn.Module):
    def __init__(self, width: int, n_heads: int, source: torch.Generator) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.attention_norm, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.asked, self.joined = linear(width, 3 * width, source), linear(width, width, source)
        self.wide, self.narrow = linear(width, 4 * width, source), linear(4 * width, width, source)

    def forward(self, read: Tensor) -> Tensor:
        n, length, width = read.shape
        asked = self.asked(self.attention_norm(read)).view(n, length, 3, self.n_heads, width // self.n_heads)
        query, key, value = asked.permute(2, 0, 3, 1, 4)
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        weight = (query @ key.transpose(2, 3) / math.sqrt(width // self.n_heads)).masked_fill(future, -math.inf)
        seen = (weight.softmax(dim=3) @ value).transpose(1, 2).reshape(n, length, width)
        read = read + self.joined(seen)
        return read + self.narrow(F.gelu(self.wide(self.norm(read))))


class Recurrent(Body):
    """A gated recurrent network (Cho et al. 2014): the cost of a row grows with its length and no faster."""

    in_turn = True

    def __init__(self, language: Language, source: torch.Generator, *, width: int = 32, hidden: int = 128) -> None:
        super().__init__()
        self._shape = (language, width, hidden)
        self.start = language.n_actions
        self.embed = embedding(language.n_actions + 1, width, source)
        self.gates: nn.GRU = nn.GRU(width, hidden, batch_first=True, device="meta").to_empty(device="cpu")
        bound = 1 / math.sqrt(hidden)
        with torch.no_grad():
            for weight in self.gates.parameters():
                weight.copy_(torch.rand(weight.shape, generator=source) * 2 * bound - bound)
        self.last = linear(hidden, language.n_actions, source)

    def forward(self, rows: Tensor) -> Tensor:
        before = F.pad(rows, (1, 0), value=self.start)[:, : rows.shape[1]]
        logits: Tensor = self.last(self.gates(self.embed(before))[0])
        return logits

    def reader(self) -> Callable[[Tensor, int], Tensor]:
        state: Tensor | None = None

        def read(rows: Tensor, place: int) -> Tensor:
            nonlocal state
            newest = rows[:, place - 1 : place] if place else rows.new_full((len(rows), 1), self.start)
            found, state = self.gates(self.embed(newest), state)
            logits: Tensor = self.last(found[:, 0])
            return logits

        return read

    def twin(self) -> Self:
        language, width, hidden = self._shape
        return type(self)(language, torch.Generator().manual_seed(0), width=width, hidden=hidden)
