"""A report is read again before it is given away: what it says must be what it was told to say."""

from collections.abc import Sequence

from designlab.candidates.export_files import NotTheSame
from designlab.engine import chemistry
from designlab.reports.document import Document


def check(document: Document, found: Sequence[tuple[str, str]], outside: Sequence[str] = ()) -> None:
    """Raises NotTheSame where names or structures differ, compared as standardised, or something would be loaded."""
    wanted = [(one.name, one.text) for one in document.structures]
    if [name for name, _ in found] != [name for name, _ in wanted]:
        raise NotTheSame(f"The report names {len(found):,} candidates where {len(wanted):,} were written.")
    kind = chemistry.SMILES if document.kind == "molecule" else document.kind
    read, told = (chemistry.standardise([text for _, text in pairs], kind) for pairs in (found, wanted))
    for (name, _), now, before in zip(wanted, read, told, strict=True):
        if not (now["ok"] and before["ok"]) or now["smiles"] != before["smiles"]:
            raise NotTheSame(f"{name} reads back from the report as another structure.")
    if outside:
        raise NotTheSame(f"The report would load {outside[0][:80]}; it must stand alone.")
