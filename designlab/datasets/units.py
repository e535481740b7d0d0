"""Units of measured values: which spellings mean the same, and how concentrations become −log10 mol/L."""

import math
import re

P_UNIT = "−log10 mol/L"
PERCENT = "%"
_PREFIXES = {"": 1.0, "m": 1e-3, "µ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
_NAMES = {"": "", "milli": "m", "micro": "µ", "nano": "n", "pico": "p", "femto": "f"}
_MOLAR = re.compile(r"(?P<prefix>[mµunpf]?)(?:M|mol/[lL]|mol[ ·.*]?[lL](?:-1|\^-1|⁻¹))")
_WORD = re.compile(r"(?P<prefix>milli|micro|nano|pico|femto|)molar", re.I)
# Units that stand in columns of units and are no concentration; listed so that such a column is known as one.
_OTHERS = frozenset(
    ["%", "ug/ml", "ug.ml-1", "mg/ml", "mg.ml-1", "mg/l", "mg/kg", "mg.kg-1", "ng/ml", "min", "s", "h", "hr",
     "kcal/mol", "kj/mol", "ml/min/kg", "ml.min-1.kg-1", "ppm", "degrees c", "10^-6 cm/s", "ucm/s", "nm", "um"]
)  # fmt: skip
P_NAME = re.compile(r"p(?:IC|EC|AC|GI|CC|LD)50|pK[aidb]?|pMIC|pXC50|pAct(?:ivity)?|pChEMBL.*", re.I)
_LOG = re.compile(r"(?:^|[^A-Za-z])log(?:[ _(]|10|[A-Z]|$)")
_AFFINITY = re.compile(
    r"(?:^|[^A-Za-z])(?P<name>(?:IC|EC|AC|GI|CC|DC|LC|XC)_?\d{2}|K[id]|MIC|Kd_?app|Km|AC50)(?![A-Za-z])"
)


def plain(unit: str) -> str:
    """One spelling for each unit: nM, µM, mM, M; other units without blanks around and with one kind of µ."""
    text = unit.strip().replace("\u03bc", "µ")
    if found := _MOLAR.fullmatch(text):
        return f"{'µ' if found['prefix'] == 'u' else found['prefix']}M"
    if found := _WORD.fullmatch(text):
        return f"{_NAMES[found['prefix'].lower()]}M"
    return text


def molar(unit: str) -> float | None:
    """How many mol/L one of this unit is; None when the unit is no concentration."""
    text = plain(unit)
    return _PREFIXES.get(text[:-1]) if text.endswith("M") else None


def known(unit: str) -> bool:
    """Whether a text is a unit at all, a concentration or another one that assays use."""
    return molar(unit) is not None or plain(unit).replace("µ", "u").lower() in _OTHERS


def p_scale(value: float, unit: str) -> float:
    """−log10 of a concentration in mol/L; NaN for zero, negative values and units that are no concentration."""
    factor = molar(unit)
    return -math.log10(value * factor) if factor and value > 0 and value * factor > 0 else math.nan


def p_name(header: str) -> str:
    """What a concentration is called on the p scale: pIC50 for "IC50 (nM)", "activity (−log10)" for others."""
    if found := _AFFINITY.search(header):
        return f"p{found['name'].replace('_', '')}"
    bare = re.sub(r"\s*[\[(][^\])]*[\])]\s*$|[_ ](?:in )?[pnuµm]?M$", "", header).strip(" _") or header
    return f"{bare} (−log10)"


def is_concentration_name(header: str) -> bool:
    """Whether a header names a value that is a concentration by its nature, such as IC50 or Ki."""
    return bool(_AFFINITY.search(header)) and not is_logarithm(header)


def is_logarithm(header: str) -> bool:
    """Whether a header names a logarithm, such as logS, or a value on the p scale."""
    return is_p_name(header) or bool(_LOG.search(header))


def is_p_name(header: str) -> bool:
    """Whether a header names a value that is on the p scale already."""
    return bool(P_NAME.match(header.strip()))
