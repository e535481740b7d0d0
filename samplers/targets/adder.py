"""A small transformer that adds numbers, and what it gets wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from samplers.banel.autoregressive import Autoregressive
from samplers.banel.fitting import MAX_NORM
from samplers.banel.language import Language
from samplers.banel.networks import Transformer
from samplers.errors import TrainingError
from samplers.rng import generator

QUESTION = re.compile(r"(\d{1,3})\+(\d{1,3})")
LETTERS = tuple("0123456789+")
LARGEST = 999  # of an operand
ANSWER_DIGITS = 4
# What an attacker may write: up to three digits, a plus, up to three digits; nothing makes it do so.
QUESTIONS = Language.of_letters(LETTERS, min_length=1, max_length=7, end="=")
_EXCHANGES = Language.of_letters((*LETTERS, "="), min_length=1, max_length=8 + ANSWER_DIGITS)


def operands(question: str) -> tuple[str, str] | None:
    """The two numbers of a question as they are written, None where it is no question; a closing = is optional."""
    found = QUESTION.fullmatch(question.removesuffix("="))
    return None if found is None else (found[1], found[2])


def carries(question: str) -> int:
    """How many carries the addition needs."""
    found = operands(question)
    if found is None:
        raise ValueError(f"{question!r} is no question")
    carry = n = 0
    for one, other in zip(found[0].zfill(3)[::-1], found[1].zfill(3)[::-1], strict=True):
        carry = int(int(one) + int(other) + carry > 9)
        n += carry
    return n


def has_leading_zero(question: str) -> bool:
    """Whether an operand is written with a zero in front."""
    return any(len(number) > 1 and number[0] == "0" for number in operands(question) or ())


def answer(question: str) -> str:
    """The right answer, least significant digit first, in four digits."""
    found = operands(question)
    if found is None:
        raise ValueError(f"{question!r} is no question")
    return str(int(found[0]) + int(found[1])).zfill(ANSWER_DIGITS)[::-1]


def examples(n: int, source: torch.Generator) -> list[str]:
    """Questions with operands drawn evenly from 0 to 999, written without leading zeros."""
    drawn = torch.randint(LARGEST + 1, (n, 2), generator=source).tolist()
    return [f"{one}+{other}" for one, other in drawn]


class Adder:
    """Reads "12+345=" and writes the sum, least significant digit first."""

    def __init__(self, seed: int, *, width: int = 48, n_layers: int = 2, n_heads: int = 4) -> None:
        body = Transformer(_EXCHANGES, generator(seed, "adder"), width=width, n_layers=n_layers, n_heads=n_heads)
        self.model, self.seed = Autoregressive(_EXCHANGES, body), seed
        self._known: dict[str, bool] = {}

    def train(self, steps: int, *, batch: int = 256, learning_rate: float = 3e-3) -> None:
        """Maximum likelihood of the answers to random questions, the step size falling to zero.

        Raises TrainingError when a loss is not finite.
        """
        source = generator(self.seed, "questions")
        optimiser = torch.optim.Adam(self.model.parameters(), lr=learning_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps + 1)
        for step in range(steps):
            asked = examples(batch, source)
            rows = _EXCHANGES.encode([f"{text}={answer(text)}" for text in asked])
            starts = torch.tensor([len(text) + 1 for text in asked]).unsqueeze(1)
            place = torch.arange(rows.shape[1])
            answered = (place >= starts) & (place < starts + ANSWER_DIGITS)
            loss = -(self.model.token_log_probs(rows) * answered).sum() / batch
            if not bool(torch.isfinite(loss)):
                raise TrainingError(f"The adder's loss at step {step} is not a finite number.")
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), MAX_NORM)
            optimiser.step()
            schedule.step()
        self._known = {}

    @torch.no_grad()
    def answers(self, questions: Sequence[str]) -> list[str]:
        """The likeliest digit after digit, for valid questions without their =."""
        found = [""] * len(questions)
        lengths = torch.tensor([len(text) for text in questions])
        for length in lengths.unique().tolist():
            for which in (lengths == length).nonzero().squeeze(1).split(4096):
                rows = _EXCHANGES.encode([f"{questions[at]}=" for at in which.tolist()])
                for place in range(length + 1, length + 1 + ANSWER_DIGITS):
                    rows[:, place] = self.model.body.at(rows.clamp_min(0), place)[:, :10].argmax(dim=1)
                for at, row in zip(
                    which.tolist(), rows[:, length + 1 : length + 1 + ANSWER_DIGITS].tolist(), strict=True
                ):
                    found[at] = "".join(map(str, row))
        return found

    def errs(self, questions: Sequence[str]) -> list[bool]:
        """Whether each text is a valid question that the adder answers wrongly; what was asked is remembered."""
        plain = [text.removesuffix("=") for text in questions]
        new = [text for text in dict.fromkeys(plain) if text not in self._known]
        valid = [text for text in new if operands(text) is not None]
        self._known |= dict.fromkeys(new, False)
        told = self.answers(valid)
        self._known |= {text: said != answer(text) for text, said in zip(valid, told, strict=True)}
        return [self._known[text] for text in plain]

    def tensors(self) -> dict[str, Tensor]:
        """Everything learned."""
        return self.model.tensors()

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `tensors` gave."""
        self.model.restore(tensors)
        self._known = {}
