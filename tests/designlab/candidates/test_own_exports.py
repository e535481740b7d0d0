"""What we write we read: importing our own downloads brings not one new molecule, whatever its stereo or salt."""

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from django.http import QueryDict

from designlab.candidates import exports
from designlab.candidates.objectives import objectives_of
from designlab.candidates.selectors import matching, read_filter
from designlab.datasets.child import import_in_child, inspect_in_child
from designlab.datasets.importing import TABLE
from designlab.engine import chemistry
from tests.designlab import factories

HOSTILE = Path(__file__).parents[2] / "data" / "hostile"
AWKWARD = ("19_salts_mixtures", "20_radicals_isotopes_charges", "44_stereo_edge", "45_ring_and_metal_edge")
READABLE = ("csv", "raw.csv", "sdf", "v3000.sdf", "smi", "xlsx", "json", "parquet")
EVERY = 50  # of the 20,000 molecules of ChEMBL; all of them with `EVERY = 1`, which takes 50 times as long


def awkward() -> list[str]:
    """The structures of the hostile files for salts, charges, isotopes, stereo, rings and metals."""
    found = []
    for name in AWKWARD:
        with (HOSTILE / f"{name}.csv").open(encoding="utf-8") as file:
            found += [row["smiles"] for row in csv.DictReader(file)]
    return found


def standard(texts: list[str]) -> list[str]:
    """The structures as an import keeps them, each once."""
    return list(dict.fromkeys(one["smiles"] for one in chemistry.standardise(texts) if one["ok"]))


def came_back(lab, smiles: list[str], kind: str, folder: Path) -> list[str]:
    """The structures that an import of this download holds."""
    lab.run.candidates.all().delete()
    lab.run.n_candidates = 0
    lab.run.save()
    factories.make_candidates(lab.run, len(smiles), smiles=smiles)
    found = matching(lab.run, read_filter(lab.run, QueryDict("")))
    path, out = folder / f"candidates.{kind}", folder / "out"
    with path.open("wb") as file:
        for piece in exports.KINDS[kind][1](found, lab.run, objectives_of(lab.run)):
            file.write(piece.encode() if isinstance(piece, str) else piece)
    receipt = import_in_child(path, inspect_in_child(path)["mapping"], out)
    assert (receipt["accepted"], receipt["merged"]) == (len(smiles), 0), receipt["rejected_by_code"]
    return pq.read_table(out / TABLE, columns=["smiles"])["smiles"].to_pylist()


@pytest.mark.parametrize("kind", READABLE)
def test_awkward_structures_come_back_as_they_were(lab, tmp_path, kind):
    smiles = standard(awkward())
    assert len(smiles) > 40
    assert set(came_back(lab, smiles, kind, tmp_path)) == set(smiles)


@pytest.mark.parametrize("kind", READABLE)
def test_molecules_of_chembl_come_back_as_they_were(lab, tmp_path, kind, shared_data):
    with (shared_data / "unlabelled" / "chembl_random_20k.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[::EVERY]
    column = next(name for name in rows[0] if "smiles" in name.lower())
    smiles = standard([row[column] for row in rows])
    assert set(came_back(lab, smiles, kind, tmp_path)) == set(smiles)
