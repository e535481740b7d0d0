"""Rounds with a laboratory for the facade: plain data and a folder in, plain data and a new folder out.

The caller keeps the wells and is the state of record; the folder holds what was learned. Every function reads one
folder and writes another, so that a killed call leaves nothing behind and the same call gives the same bits again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from samplers.banel import checkpoint, prior
from samplers.banel.assembled import Assembled, Assemblies
from samplers.banel.filters import EmptyRegionError, draw_accepted
from samplers.banel.lab_settings import LabSettings, PriorSettings
from samplers.banel.learning import relax
from samplers.banel.ledger import FAIL, FILTERED, PASS, Entry, Ledger
from samplers.banel.making import makeable
from samplers.banel.pieces import compare
from samplers.banel.proposing import propose as propose_batch
from samplers.banel.proposing import proposer
from samplers.banel.rounds import learn as learn_from_answers
from samplers.banel.rounds import undo as undo_round
from samplers.banel.scores import nearest_similarity
from samplers.banel.space import Space
from samplers.banel.state import Round, State, start
from samplers.banel.uploaded import learn_from_uploaded
from samplers.environments.design import DesignEnvironment
from samplers.errors import ConfigError
from samplers.gflownet.kinds import empty_policy
from samplers.kinds import is_sequence
from samplers.rng import generator

Plain = dict[str, Any]
DRAWN_FOR_PIECES = 400
MOST_COMPARED = 4000  # failures that new wells are compared with


def prepare(spec: Mapping[str, Any], *, structures: Sequence[str], known: Sequence[str], folder: Path) -> Plain:
    """The generator of step 0 in an empty folder.

    It will learn from `structures`; nothing in `known` is ever proposed. Raises VocabularyError where too little can
    be built from the structures.
    """
    _set_threads(spec)
    made = prior.begin(spec["kind"], PriorSettings.from_dict(dict(spec["prior"])), structures, spec["seed"])
    prior.save(made, folder)
    kept = {"known": set(keys_of(spec["kind"], known)), "data": set(keys_of(spec["kind"], structures))}
    (folder / "known.json").write_text(json.dumps({name: sorted(keys) for name, keys in kept.items()}))
    return {"step": 0, "of": made.settings.pretraining_steps, "finished": False, "report": made.report}


def advance_prior(
    spec: Mapping[str, Any], *, source: Path, folder: Path, should_stop: Callable[[], bool],
    on_event: Callable[[Plain], None],
) -> Plain:  # fmt: skip
    """Go on learning the generator; once finished the folder is ready for rounds, and `report` says how good it is."""
    _set_threads(spec)
    made = prior.advance(prior.load(source), should_stop, on_event)
    prior.save(made, folder)
    shutil.copy(source / "known.json", folder / "known.json")
    told: Plain = {"step": made.step, "of": made.settings.pretraining_steps, "finished": made.finished}
    if made.finished:
        space, data = _space(folder, made.environment)
        told["report"] = prior.describe(made, space.keys, data)
        settings = LabSettings.from_dict(dict(spec["rounds"]))
        checkpoint.save(start(settings, space, made.model(), seed=spec["seed"]), folder / "search")
        (folder / "prior.safetensors").unlink()
    return told


def propose(spec: Mapping[str, Any], *, source: Path, wells: Sequence[Plain]) -> Plain:
    """The next batch: `wells` as they are to be kept, the `funnel` of its drawing, and `figures` about it.

    Says the same when asked again. `empty` is a sentence, and there are no wells, where the filters leave nothing.
    """
    _set_threads(spec)
    state = _load(spec, source, wells)
    try:
        made = propose_batch(state)
    except EmptyRegionError as empty:
        return {"wells": [], "funnel": {}, "figures": {}, "empty": str(empty)}
    return {
        "wells": [_well(entry, extra) for entry, extra in zip(made, _looked_at(state, made), strict=True)],
        "funnel": state.ledger.funnels.get(state.number, {}), "figures": _batch_figures(state, made), "empty": "",
    }  # fmt: skip


def learn(spec: Mapping[str, Any], *, source: Path, folder: Path, wells: Sequence[Plain]) -> Plain:
    """Close the round under way by what was answered: its `round`, why to end (`finished`), and `pieces`.

    Raises ConfigError before enough is answered.
    """
    _set_threads(spec)
    state = _load(spec, source, wells)
    return _learned(state, learn_from_answers(state), source, folder)


def learn_uploaded(
    spec: Mapping[str, Any], *, source: Path, folder: Path, failures: Sequence[str], hits: Sequence[str]
) -> Plain:
    """A round before the first, from standardised structures that failed elsewhere; charged to nobody."""
    _set_threads(spec)
    state = _load(spec, source, [])
    paths = [state.now.environment.spelled(text).rows for text in hits] if isinstance(state.now, Assembled) else []
    rows = [tuple(row) for one in paths for row in one[:1].tolist()]
    record = learn_from_uploaded(state, bits_of(spec["kind"], state.space.language.max_length, failures), rows)
    return _learned(state, record, source, folder)


def veto(spec: Mapping[str, Any], *, source: Path, folder: Path, wells: Sequence[Plain], hits: Sequence[int]) -> Plain:
    """Let every stored filter judge these hits (indices of wells), and lower the ones that would have rejected one.

    With hits that only count (`negatives_only`) no filter is lowered.
    """
    _set_threads(spec)
    state = _load(spec, source, wells)
    entries = [state.ledger.entries[index] for index in hits]
    record = Round(number=state.number, nre=state.ledger.nre, n_failures=0, n_hits=len(entries), learned=[])
    as_they_were = list(state.filters)
    relax(state, torch.tensor([entry.row for entry in entries]), [entry.key for entry in entries], record)
    if state.settings.mode != "promote":
        state.filters = as_they_were
    _save(state, source, folder)
    judged = [
        {"well": index, "rejected_by": list(one.rejected_by), "margins": list(one.margins)}
        for index, one in zip(hits, record.vetoes, strict=True)
    ]
    return {"vetoes": judged, "n_filters": len(state.filters)}


def undo(spec: Mapping[str, Any], *, source: Path, folder: Path, wells: Sequence[Plain], number: int) -> Plain:
    """Take back what rounds from this number (from 0) on have learned; their answers count as new again."""
    state = _load(spec, source, wells)
    undo_round(state, number)
    _save(state, source, folder)
    return {"finished": state.finished}


def keys_of(kind: str, structures: Sequence[str]) -> list[str]:
    """What standardised structures are recognised by: sequences as they are, molecules without stereochemistry."""
    if is_sequence(kind):
        return list(structures)
    from samplers.chem.standardise import standardise_batch
    from samplers.running import flat

    marked = [text for text in dict.fromkeys(structures) if any(mark in text for mark in "@/\\")]
    found = dict(zip(marked, standardise_batch(flat(marked)), strict=True))
    return [found[text]["smiles"] or text if text in found else text for text in structures]


def bits_of(kind: str, length: int, texts: Sequence[str]) -> Tensor:
    """(N, F) float bits that tell near from far: Morgan fingerprints, or letters by place and short words."""
    if is_sequence(kind):
        from samplers.sequences.features import one_hot
        from samplers.sequences.prepared import Sequences

        batch = Sequences(list(texts), kind)
        words = batch.words(2 if kind == "peptide" else 3) > 0
        return torch.tensor(np.hstack([one_hot(batch, length), words])).float()
    from samplers.chem.fingerprints import fingerprints

    return torch.tensor(np.unpackbits(fingerprints(list(texts)), axis=1)).float()


def _set_threads(spec: Mapping[str, Any]) -> None:
    torch.set_num_threads(int(spec.get("threads", 1)))


def _space(folder: Path, environment: DesignEnvironment) -> tuple[Space, frozenset[str]]:
    kind, kept = environment.kind, json.loads((folder / "known.json").read_text())
    language = Assemblies(environment)

    def identify(texts: Sequence[str]) -> list[str | None]:
        from samplers.facade.sequences import standardise_sequences
        from samplers.facade.structures import standardise

        found = standardise_sequences(texts, kind) if is_sequence(kind) else standardise(texts)
        return [one["smiles"] if one["ok"] else None for one in found]

    def features(rows: Tensor) -> Tensor:
        return bits_of(kind, environment.max_steps, language.texts(rows))

    return Space(language, identify, features=features, known=frozenset(kept["known"])), frozenset(kept["data"])


def _load(spec: Mapping[str, Any], folder: Path, wells: Sequence[Plain]) -> State:
    """The state with these wells as its ledger; a failure whose verdict was changed later counts as unlearned."""
    environment, settings = prior.environment_of(folder)
    blank = prior.assembled(environment, empty_policy(environment, settings.hidden_size))
    rounds = LabSettings.from_dict(dict(spec["rounds"]))
    ledger = Ledger.of(rounds.budget, [_entry(well) for well in wells])
    state = checkpoint.load(folder / "search", _space(folder, environment)[0], blank, ledger)
    for record in state.rounds:
        if max(record.learned, default=-1) >= len(ledger.entries):
            raise ConfigError("wells", "are fewer than those that were learned from; give all wells of the search")
        wanted = [FAIL] * record.n_failures + [PASS] * record.n_hits
        record.learned = [
            index for index, verdict in zip(record.learned, wanted, strict=False)
            if ledger.verdict(ledger.entries[index].key) == verdict
        ]  # fmt: skip
    return state


def _entry(well: Mapping[str, Any]) -> Entry:
    return Entry(
        well["index"], well["round"], well["key"], well["text"], tuple(well["row"]), well["arm"], "lab",
        well.get("cost", 1.0), True, 0.0, 0.0 if well["verdict"] else None, well["verdict"],
    )  # fmt: skip


def _well(entry: Entry, extra: Plain) -> Plain:
    named = ("index", "round", "key", "text", "arm", "verdict")
    return {name: getattr(entry, name) for name in named} | {"row": list(entry.row)} | extra


def _looked_at(state: State, entries: Sequence[Entry]) -> list[Plain]:
    """Of each well: the similarity of the nearest failure, and by how much it passes the newest filter."""
    rows = torch.tensor([entry.row for entry in entries], dtype=torch.long)
    failed = [entry.text for entry in state.ledger.first_with(FAIL)][-MOST_COMPARED:]
    kind, length = _kind(state), state.space.language.max_length
    bits = bits_of(kind, length, [entry.text for entry in entries])
    near = nearest_similarity(bits, bits_of(kind, length, failed)).tolist() if failed else [None] * len(entries)
    margins = state.filters[-1].margins(rows).tolist() if state.filters else [None] * len(entries)
    return [{"near_failure": one, "margin": other} for one, other in zip(near, margins, strict=True)]


def _batch_figures(state: State, entries: Sequence[Entry]) -> Plain:
    """Of a batch: mean distance of two of its candidates, and scaffolds of molecules."""
    texts = list(dict.fromkeys(entry.text for entry in entries))
    bits = bits_of(_kind(state), state.space.language.max_length, texts)
    shared, size = bits @ bits.T, bits.sum(dim=1)
    alike = shared / (size.unsqueeze(1) + size - shared).clamp_min(1)
    n = len(texts)
    told: Plain = {"n_candidates": n}
    if n > 1:
        told["diversity"] = 1 - float((alike.sum() - alike.diagonal().sum()) / (n * (n - 1)))
    made = makeable(state)
    if made is not None:
        rows = torch.tensor([entry.row for entry in entries if entry.arm == FILTERED], dtype=torch.long)
        told |= {"n_not_made": made.n_not_made}
        told |= {"makeable": float(made.chance(rows).mean())} if len(rows) else {}
    if not is_sequence(_kind(state)):
        from samplers.facade.structures import scaffolds

        told["n_scaffolds"] = len(set(scaffolds(texts)))
    return told


def _kind(state: State) -> str:
    language: Any = state.space.language
    kind: str = language.environment.kind
    return kind


def _learned(state: State, record: Round, source: Path, folder: Path) -> Plain:
    _save(state, source, folder)
    return {"round": record.to_dict(), "finished": state.finished, "pieces": _pieces(state)}


def _pieces(state: State) -> Plain:
    """Pieces that the next batch favours and avoids against the generator before any failure."""
    model, region = proposer(state)
    language: Any = state.space.language
    source = generator(state.seed, f"pieces/{state.number}")
    try:
        now = draw_accepted(model, region, DRAWN_FOR_PIECES, source, patience=100 * DRAWN_FOR_PIECES)
    except EmptyRegionError:
        return {"favoured": [], "avoided": []}
    return compare(language.environment, now, state.first.draw(2 * DRAWN_FOR_PIECES, source))


def _save(state: State, source: Path, folder: Path) -> None:
    for name in ("prior.json", "known.json"):
        shutil.copy(source / name, folder / name)
    checkpoint.save(state, folder / "search")
