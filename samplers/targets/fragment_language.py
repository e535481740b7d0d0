"""Molecules of a few fragments in fixed slots: a closed world whose success sets can be listed.

The five-slot world and its two targets are a published recipe with known counts; the seven-slot world adds a second
core and a gate, so that drawing fragments evenly almost never succeeds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from samplers.banel.language import Language

LEFT = (
    "C", "CC", "CC(C)", "CC(C)(C)", "c1ccccc1", "Fc1ccc(cc1)", "Clc1ccc(cc1)", "COc1ccc(cc1)", "c1ccncc1",
    "FC(F)(F)", "C1CC1", "C1CCCCC1", "c1ccoc1", "c1ccsc1", "N#C", "O1CCN(CC1)", "CN1CCC(CC1)", "NC(=O)",
)  # fmt: skip
LINKER = ("", "C", "O", "C(=O)N", "NC(=O)", "CC", "S(=O)(=O)N", "NC(=O)N")
CORE = (
    "c2ccc(cc2)", "c2cccc(c2)", "c2ccccc2", "C2CCC(CC2)", "N2CCN(CC2)", "c2ncc(cn2)", "c2ccc(nc2)", "c2nnc(o2)",
    "c2csc(n2)", "C2CCN(CC2)", "c2ccc3cc(ccc3c2)", "c2cn(cn2)", "C", "CC",
)  # fmt: skip
RIGHT = (
    "C", "CC", "C(C)C", "C(F)(F)F", "c5ccccc5", "c5ccc(F)cc5", "c5ccc(Cl)cc5", "c5ccncc5", "C#N", "C(=O)O",
    "C(N)=O", "N5CCOCC5", "c5ccco5", "C5CC5", "OC", "S(C)(=O)=O", "c5nnn[nH]5", "B(O)O",
)  # fmt: skip

FILE = Path(__file__).with_name("fragment_successes.json")
FIVE = Language((LEFT, LINKER, CORE, LINKER, RIGHT))
SULFONAMIDE = 6

Properties = tuple[float, float, float, int, int, int]  # MW, logP, TPSA, HBD, rotatable bonds, aromatic rings


def properties(texts: Iterable[str]) -> Iterable[tuple[str, Properties]]:
    """Canonical SMILES and properties of each text; loads RDKit. Every text of these worlds parses."""
    from rdkit import Chem
    from rdkit.Chem import rdMolDescriptors

    for text in texts:
        molecule = Chem.MolFromSmiles(text)
        yield Chem.MolToSmiles(molecule), (
            rdMolDescriptors._CalcMolWt(molecule), rdMolDescriptors.CalcCrippenDescriptors(molecule)[0],
            rdMolDescriptors.CalcTPSA(molecule),
            rdMolDescriptors.CalcNumHBD(molecule), rdMolDescriptors.CalcNumRotatableBonds(molecule),
            rdMolDescriptors.CalcNumAromaticRings(molecule),
        )  # fmt: skip


@cache
def _canonical(text: str) -> str | None:
    from rdkit import Chem

    molecule = Chem.MolFromSmiles(text)
    return None if molecule is None else Chem.MolToSmiles(molecule)


def canonical(texts: Sequence[str]) -> list[str | None]:
    """Canonical SMILES of each text, None where RDKit refuses it."""
    return [_canonical(text) for text in texts]


@cache
def _bits(text: str) -> bytes:
    from samplers.chem.fingerprints import fingerprints

    return fingerprints([text])[0].tobytes()


def fingerprints(texts: Sequence[str]) -> Tensor:
    """(N, 2048) Morgan bits, radius 2, as bytes of 0 and 1; those seen before are remembered. Loads RDKit."""
    packed = np.frombuffer(b"".join(map(_bits, texts)), dtype=np.uint8).reshape(len(texts), -1)
    return torch.from_numpy(np.unpackbits(packed, axis=1))


@dataclass(frozen=True, slots=True)
class Goal:
    """What counts as a success: fragments allowed at each place, a rule between them, a window of properties."""

    language: Language
    places: tuple[tuple[int, ...], ...]
    fits: Callable[[Properties], bool]
    rule: Callable[[tuple[int, ...]], bool] = field(default=lambda row: True)

    def candidates(self) -> list[tuple[int, ...]]:
        """Rows that the fragments and the rule allow."""
        return [row for row in product(*self.places) if self.rule(row)]

    def successes(self) -> tuple[Tensor, list[str]]:
        """(S, L) every row that succeeds, and its canonical SMILES."""
        rows = self.candidates()
        texts = self.language.texts(torch.tensor(rows))
        found = [
            (row, smiles) for row, (smiles, known) in zip(rows, properties(texts), strict=True) if self.fits(known)
        ]  # fmt: skip
        kept = torch.tensor([row for row, _ in found], dtype=torch.long).view(len(found), self.language.max_length)
        return kept, [smiles for _, smiles in found]


def _upto(n: int) -> tuple[int, ...]:
    return tuple(range(n))


def _has_sulfonamide(row: tuple[int, ...]) -> bool:
    return SULFONAMIDE in (row[1], row[3])


def _tail(known: Properties) -> bool:
    weight, log_p, area, donors, _, _ = known
    return 330 < weight < 420 and 1 < log_p < 3.2 and 90 < area < 140 and donors <= 3


def _body(known: Properties) -> bool:
    weight, log_p, area, donors, bonds, rings = known
    return 262 < weight < 300 and 2 < log_p < 2.6 and 45 < area < 70 and (donors, bonds, rings) == (1, 4, 2)


TAIL = Goal(
    FIVE, ((5, 6, 7, 8, 15, 16), _upto(8), (4, 5, 6, 9), _upto(8), (11, 12, 13, 14, 15, 16)), _tail, _has_sulfonamide
)
BODY = Goal(FIVE, (_upto(8), _upto(8), _upto(5), _upto(8), _upto(8)), _body)


def zipf_rows(language: Language, n: int, source: torch.Generator, *, exponent: float = 1.3) -> Tensor:
    """(n, L) independent fragments, the one of rank r with a weight of r to the minus exponent."""
    columns = []
    for slot in language.slots:
        weights = torch.arange(1, len(slot) + 1, dtype=torch.float64) ** -exponent
        columns.append(torch.multinomial(weights, n, replacement=True, generator=source))
    return torch.stack(columns, dim=1)


SEVEN = Language((LEFT, LINKER, CORE, LINKER, CORE, LINKER, RIGHT))

# The atom by which a fragment is joined on each side: c arbon, n itrogen, o xygen, s ulfur, b oron, a cyl carbon, u for
# the nitrogen of a urea, x for a nitrile carbon. An empty linker hands on its neighbour.
_LEFT_ENDS = "ccccccccccccccxnca"
_LINKER_ENDS = ("", "cc", "oo", "an", "na", "cc", "sn", "uu")
_CORE_ENDS = ("cc", "cc", "cc", "cc", "nn", "cc", "cc", "cc", "cc", "cn", "cc", "cc", "cc", "cc")
_RIGHT_ENDS = "ccccccccxaanccoscb"
# Bonds that the gate allows, in either direction; all others (N-N, N-O, O-O, S-O, anhydrides, acyl ureas, acyl esters,
# nitriles on heteroatoms, ...) are shut out.
_BONDS = {"cc", "cn", "co", "cs", "cu", "an", "ac", "cx", "cb"}
_RINGS = ((0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 0), (0,) * 8, (1,) * 10 + (2, 1, 0, 0),
          (0,) * 4 + (1,) * 4 + (0, 0, 0, 1, 1, 1, 0, 0, 1, 0))  # fmt: skip
MOST_RINGS = 4
MOST_HETERO_LINKERS = 2
HIGHEST_PRICE = 30


def _joined(left: str, right: str) -> bool:
    return left + right in _BONDS or right + left in _BONDS


def gate(row: Sequence[int]) -> bool:
    """Whether a row of the seven-slot world may be made: its joints, rings, linkers with heteroatoms, and price.

    A fragment costs its rank in its slot. 11 % of the grammar passes, and 85 % of Zipf draws. Fixed from the rates of
    the prior and of even draws alone, before any learning was run on it.
    """
    if sum(row) > HIGHEST_PRICE:
        return False
    kinds = (_RINGS[0], _RINGS[1], _RINGS[2], _RINGS[1], _RINGS[2], _RINGS[1], _RINGS[3])
    if sum(kind[token] for kind, token in zip(kinds, row, strict=True)) > MOST_RINGS:
        return False
    if sum(row[at] not in (0, 1, 5) for at in (1, 3, 5)) > MOST_HETERO_LINKERS:
        return False
    end = _LEFT_ENDS[row[0]]
    ends = (_LINKER_ENDS[row[1]], _CORE_ENDS[row[2]], _LINKER_ENDS[row[3]], _CORE_ENDS[row[4]], _LINKER_ENDS[row[5]])
    for pair in (*ends, _RIGHT_ENDS[row[6]]):
        if not pair:
            continue
        if not _joined(end, pair[0]):
            return False
        end = pair[-1]
    return True


def _gated_tail_rule(row: tuple[int, ...]) -> bool:
    rarer = {4, 5, 6, 9}
    return SULFONAMIDE in (row[1], row[3], row[5]) and bool(rarer & {row[2], row[4]}) and gate(row)


def _gated_tail(known: Properties) -> bool:
    weight, log_p, area, donors, _, _ = known
    return 330 < weight < 440 and 1 < log_p < 3.5 and 70 < area < 130 and donors <= 3


def _gated_body_rule(row: tuple[int, ...]) -> bool:
    return (row[1], row[3], row[5]).count(3) == 1 and gate(row)


def _gated_body(known: Properties) -> bool:
    weight, log_p, area, donors, bonds, rings = known
    return 262 < weight < 300 and 3.6 < log_p < 4.2 and 15 < area < 40 and (donors, bonds, rings) == (1, 4, 2)


GATED_TAIL = Goal(
    SEVEN, ((5, 6, 7, 8, 10, 15), _upto(8), _upto(10), _upto(8), _upto(10), _upto(8), (11, 12, 13, 14, 15)),
    _gated_tail, _gated_tail_rule,
)  # fmt: skip
GATED_BODY = Goal(
    SEVEN, (_upto(8), _upto(4), _upto(5), _upto(4), _upto(5), _upto(4), _upto(8)), _gated_body, _gated_body_rule
)
GOALS = {"tail": TAIL, "body": BODY, "tail-gated": GATED_TAIL, "body-gated": GATED_BODY}


def corpus(language: Language, n: int, source: torch.Generator) -> Tensor:
    """(n, L) training rows: Zipf draws, those that the gate shuts out drawn again in the seven-slot world."""
    rows = zipf_rows(language, n, source)
    while language is SEVEN:
        out = torch.tensor([not gate(row) for row in rows.tolist()])
        if not bool(out.any()):
            break
        rows[out] = zipf_rows(language, int(out.sum()), source)
    return rows


@cache
def listed(goal: str) -> tuple[Tensor, tuple[str, ...]]:
    """(S, L) successes of a goal by name, and their canonical SMILES, from the file beside this module.

    `python -m samplers.targets.fragment_language` computes the file anew; loads no RDKit here.
    """
    found = json.loads(FILE.read_text())[goal]
    return torch.tensor(found["rows"], dtype=torch.long), tuple(found["molecules"])


def _write() -> None:
    found = {name: goal.successes() for name, goal in GOALS.items()}
    raw = {name: {"rows": rows.tolist(), "molecules": molecules} for name, (rows, molecules) in found.items()}
    FILE.write_text(json.dumps(raw) + "\n")


if __name__ == "__main__":
    _write()
