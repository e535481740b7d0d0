"""Why a label column cannot be read as numbers, in a sentence with examples."""

from designlab.datasets import cells

_WORDS = {
    cells.PERCENT: "percent signs; say that the unit is %, or write plain numbers",
    cells.UNIT: "units beside the numbers; say in which unit the values are to be kept, or write plain numbers",
    cells.GROUPED: "numbers that can be read in two ways, like 10,000 or 3,5; say how they are meant",
    cells.TEXT: "text; write numbers, or say which words mean pass and which fail",
}


def trouble_sentence(name: str, values: list[str], decimal: str) -> str:
    """Why a label column is not numeric, with examples and what to do."""
    troubled = [(cells.read(value, decimal)[0], value) for value in values]
    troubled = [(kind, value) for kind, value in troubled if kind in cells.TROUBLE]
    counts = {kind: sum(found == kind for found, _ in troubled) for kind in cells.TROUBLE}
    main = max(counts, key=lambda kind: counts[kind])
    examples = list(dict.fromkeys(value.strip()[:30] for kind, value in troubled if kind == main))[:3]
    quoted = ", ".join(f"“{example}”" for example in examples)
    return f"The label column “{name}” holds {_WORDS[main]}. Found: {quoted} ({len(troubled):,} cells)."
