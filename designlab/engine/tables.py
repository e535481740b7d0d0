"""Curated tables: Parquet in the product's storage, read by column."""

from typing import Any

import pyarrow.parquet as pq
from django.core.files.storage import default_storage


def columns(name: str, wanted: list[str] | None = None) -> dict[str, list[Any]]:
    """Columns of a stored Parquet table as lists, all of them when none is named."""
    with default_storage.open(name, "rb") as file:
        return pq.read_table(file, columns=wanted).to_pydict()


def structures_of(data: dict | None) -> list[str]:
    """The standardised structures of a data set as a run's spec refers to it; none gives an empty list."""
    return columns(data["table"], ["smiles"])["smiles"] if data else []
