"""`python -m samplers list` and `python -m samplers reproduce NAME`: the published experiments from a terminal."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from samplers.config import Settings
from samplers.errors import ConfigError, DesignError
from samplers.experiments import registry
from samplers.experiments.document import Document
from samplers.experiments.running import reproduce
from samplers.experiments.table import table

REPOSITORY = Path(__file__).resolve().parents[1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m samplers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name every experiment with its sizes and methods")
    run = commands.add_parser("reproduce", help="run an experiment, or go on with one that was interrupted")
    run.add_argument("experiment", help="a name that `list` gives")
    run.add_argument("--methods", help="method ids separated by commas; all that the experiment compares by default")
    run.add_argument("--size", help="sizes separated by commas; all of them by default")
    run.add_argument("--seeds", type=int, default=3, help="how many seeds, from 0 (default 3)")
    run.add_argument("--steps", type=int, help="training steps, instead of the experiment's own number")
    run.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change another setting")
    run.add_argument("--device", default="cpu", help="cpu or cuda (default cpu)")
    run.add_argument("--threads", type=int, default=1, help="threads of torch on the CPU (default 1)")
    run.add_argument("--data", type=Path, help="the folder with the experiment's data files")
    run.add_argument("--json", type=Path, help="the file for the rows (default var/experiments/NAME.json)")
    draw = commands.add_parser("picture", help="draw the picture of an experiment's rows")
    draw.add_argument("experiment", help="a name that `list` gives")
    draw.add_argument("--json", type=Path, help="the file with the rows (default var/experiments/NAME.json)")
    draw.add_argument("--out", type=Path, help="the SVG to write (default: beside the rows)")
    return parser


def changed(settings: Settings, changes: Sequence[str]) -> Settings:
    """Settings with NAME=VALUE changes. Raises ConfigError for an unknown name or a value that is refused."""
    values: dict[str, Any] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise ConfigError("set", f"wants NAME=VALUE, got {change!r}")
        kinds = {item.name: str(item.type) for item in dataclasses.fields(settings)}
        if name not in kinds:
            raise ConfigError("set", f"{name!r} is not a setting here; there are {', '.join(kinds)}")
        try:
            values[name] = {"true": True, "false": False}[text] if kinds[name] == "bool" else (
                text if kinds[name] == "str" else float(text)
            )  # fmt: skip
        except (KeyError, ValueError):
            raise ConfigError(name, f"must be a {kinds[name]}, got {text!r}") from None
    return type(settings).from_dict({**settings.to_dict(), **values})


def _data_folder(given: Path | None) -> Path | None:
    """The folder given, else the one the environment names, else the reference data beside the project if there."""
    if given is not None:
        return given
    beside = Path(os.environ.get("DESIGNLAB_DATA", REPOSITORY.parent / "shared" / "data")) / "gflownet"
    return beside if beside.is_dir() else None


def _device(name: str) -> str:
    import torch

    if name != "cpu" and not (name.split(":")[0] == "cuda" and torch.cuda.is_available()):
        raise ConfigError("device", f"{name!r} is not on this machine; choose cpu" + (
            " or cuda" if torch.cuda.is_available() else ""
        ))  # fmt: skip
    return name


def _list() -> str:
    lines = []
    for name in registry.names():
        found = registry.find(name)
        lines += [f"{name:<10} {found.sentence}", f"{'':<10} methods: {', '.join(found.methods)}"]
        if found.further:
            lines.append(f"{'':<10} further methods: {', '.join(found.further)}")
        if len(found.settings) > 1:
            lines.append(f"{'':<10} sizes: {', '.join(found.settings)}")
        if found.files:
            lines.append(f"{'':<10} data files: {', '.join(found.files)}")
    return "\n".join(lines) + "\n"


def _reproduce(asked: argparse.Namespace) -> int:
    experiment = registry.find(asked.experiment)
    if asked.seeds < 1:
        raise ConfigError("seeds", f"must be at least 1, got {asked.seeds}")
    changes = [*asked.set, *([f"steps={asked.steps}"] if asked.steps is not None else [])]
    sizes = asked.size.split(",") if asked.size else experiment.settings
    settings = {experiment.size(name): changed(experiment.settings[name], changes) for name in sizes}
    names = asked.methods.split(",") if asked.methods else experiment.methods
    methods = list(dict.fromkeys(experiment.method(name) for name in names))
    file = asked.json or Path("var", "experiments", f"{experiment.name}.json")
    left = reproduce(
        experiment, settings, methods, range(asked.seeds),
        file=file, device=_device(asked.device), data=_data_folder(asked.data),
    )  # fmt: skip
    sys.stdout.write(table(Document(file, experiment).read()) + f"written to {file}\n")
    if left.elsewhere:
        sys.stdout.write(f"{len(left.elsewhere)} rows are being run by another process; run this again for the rest.\n")
    for sentence in left.failed:
        sys.stderr.write(f"failed: {sentence}\n")
    return 1 if left.failed else 0


def _picture(asked: argparse.Namespace) -> int:
    experiment = registry.find(asked.experiment)
    if experiment.picture is None:
        raise ConfigError("experiment", f"{experiment.name} has no picture")
    file = asked.json or Path("var", "experiments", f"{experiment.name}.json")
    raw = Document(file, experiment).read()
    if not raw["rows"]:
        raise ConfigError("json", f"{file} holds no rows yet; run `reproduce {experiment.name}` first")
    out = asked.out or file.with_suffix(".svg")
    out.write_text(experiment.picture(raw))
    sys.stdout.write(f"written to {out}\n")
    return 0


def _threads(n: int) -> None:
    import torch

    if n < 1:
        raise ConfigError("threads", f"must be at least 1, got {n}")
    torch.set_num_threads(n)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        if asked.command == "list":
            sys.stdout.write(_list())
            return 0
        if asked.command == "picture":
            return _picture(asked)
        _threads(asked.threads)
        return _reproduce(asked)
    except DesignError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. The same command goes on from the last saved step.\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
