"""Outcomes written as words: which classes a column has, and which of them mean pass or fail."""

from collections import Counter
from typing import Any

PASS, FAIL, LEAVE = "pass", "fail", ""
MAX_CLASSES = 12
MAX_LENGTH = 60
_PASS = frozenset(
    ["active", "yes", "y", "true", "t", "1", "1.0", "pass", "passed", "positive", "pos", "+", "hit", "binder", "good",
     "soluble", "permeable", "high", "p", "bbb+", "agonist", "inhibitor", "ca"]
)  # fmt: skip
_FAIL = frozenset(
    ["inactive", "no", "n", "false", "f", "0", "0.0", "fail", "failed", "negative", "neg", "non-hit", "nonbinder",
     "non-binder", "bad", "insoluble", "impermeable", "low", "np", "bbb-", "ci", "not active"]
)  # fmt: skip


def key(text: str) -> str:
    """Classes that differ in case or blanks are one."""
    return " ".join(text.split()).casefold()


def found(values: list[str]) -> list[dict[str, Any]]:
    """The classes of a column with their counts and what they seem to mean; empty when these are no classes."""
    counts = Counter(key(value) for value in values if value.strip())
    if not 2 <= len(counts) <= MAX_CLASSES or any(len(text) > MAX_LENGTH for text in counts):
        return []
    if len(values) < 2 * len(counts) and not any(map(sense, counts)):
        return []
    written: dict[str, str] = {}
    for value in values:
        written.setdefault(key(value), " ".join(value.split()))
    senses = {text: sense(text) for text in counts}
    if len(counts) == 2 and sorted(senses.values()) in (["", FAIL], ["", PASS]):  # the other one follows
        other = FAIL if PASS in senses.values() else PASS
        senses = {text: known or other for text, known in senses.items()}
    return [{"text": written[text], "n": n, "sense": senses[text]} for text, n in counts.most_common()]


def sense(text: str) -> str:
    """Pass, fail, or neither, of one class."""
    text = key(text)
    return PASS if text in _PASS else FAIL if text in _FAIL else LEAVE
