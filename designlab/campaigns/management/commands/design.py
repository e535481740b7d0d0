"""A whole campaign from the command line: the same services as the pages, no browser, no server."""

import json
import os
import sys
import time
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from designlab.campaigns import headless, services
from designlab.campaigns.budgets import split_budgets
from designlab.campaigns.models import WHOLE, InvalidTransition, Run
from designlab.campaigns.report import report
from designlab.campaigns.sweep import target_words
from designlab.campaigns.tradeoff import aim_words
from designlab.candidates import exports
from designlab.candidates.filters import Filter
from designlab.candidates.judging import judge_now
from designlab.candidates.objectives import objectives_of
from designlab.candidates.selectors import matching
from designlab.engine import rewards as reward_engine
from designlab.engine import runs as engine
from designlab.engine.designs import designs_of
from designlab.engine.errors import Refused, SettingRefused


class Command(BaseCommand):
    """`python manage.py design FILE --label COLUMN --out DIR`."""

    help = "Learn from a file of molecules or sequences, design new ones for a goal, and write the list."

    def run_from_argv(self, argv: list[str]) -> None:
        """As usual, but a sweep may begin with a negative number, which would be taken for an option."""
        joined: list[str] = []
        for word in argv:
            if joined and joined[-1] == "--sweep" and word[:1] == "-" and word[1:2].isdigit():
                joined[-1] = f"--sweep={word}"
            else:
                joined.append(word)
        super().run_from_argv(joined)

    def add_arguments(self, parser: CommandParser) -> None:
        """The file, the goal, the generator, the budget, the folder for the results."""
        parser.add_argument("file", type=Path, help="labelled molecules or sequences: CSV, TSV, SMI or FASTA")
        parser.add_argument("--structure", help="column of the structures (found by itself when it is clear)")
        parser.add_argument("--label", required=True, help="column of the measured property")
        goal = parser.add_mutually_exclusive_group()
        goal.add_argument("--maximize", action="store_true", help="raise the label (the default)")
        goal.add_argument("--minimize", action="store_true", help="lower the label")
        goal.add_argument("--target", type=float, help="reach this value of the label")
        parser.add_argument("--reward", type=Path, help="a reward as JSON, instead of the default one for the label")
        parser.add_argument("--unlabelled", type=Path, help="more of the same kind, without labels")
        offered = ", ".join(family["name"] for family in engine.families())
        parser.add_argument("--generator", default="gflownet", help=f"{offered} (default: gflownet)")
        parser.add_argument("--config", default="{}", help="settings of the generator as JSON")
        parser.add_argument(
            "--sweep", metavar="A,B,C", help="values of the label that a generator with targets draws designs for"
        )
        parser.add_argument(
            "--guidance", type=float, help="0 ignores the targets, 1 keeps to the data, above 1 pushes on"
        )
        parser.add_argument(
            "--weights", metavar="A,B,C", help="for a generator that weighs the value against being like the data"
        )
        parser.add_argument("--scaffold", help="what every design must keep: a SMILES, or letters at fixed places")
        parser.add_argument("--minutes", type=float, help="minutes of training")
        parser.add_argument("--evaluations", type=int, help="reward evaluations, a hard limit")
        parser.add_argument(
            "--budget", action="append", default=[], metavar="ORACLE=N",
            help="calls of one paid oracle, a hard limit; ORACLE as in the ledger, or its objective; may be repeated",
        )  # fmt: skip
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
        parser.add_argument("--out", type=Path, required=True, help="folder for the results")

    def handle(self, *args, **options) -> None:
        """Run it all; a refusal is printed as the sentence a page would show."""
        if not settings.HEADLESS:
            self._start_again_by_itself(options["out"])
        call_command("migrate", interactive=False, verbosity=0)
        try:
            run = self._campaign(options)
            if run.n_candidates:
                self._write(run, options["out"])
        except SettingRefused as refusal:
            raise CommandError(f"{refusal.field}: {refusal.problem}") from refusal
        except (Refused, InvalidTransition) as refusal:
            raise CommandError(str(refusal)) from refusal
        if run.status == Run.Status.FAILED:
            raise CommandError(run.message)

    def _start_again_by_itself(self, out: Path) -> None:
        """The same command with a database of its own beside the results, and without Redis."""
        out.mkdir(parents=True, exist_ok=True)
        mine = {"DESIGNLAB_HEADLESS": "true", "DESIGNLAB_VAR": str((out / "var").resolve())}
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | mine)  # noqa: S606 - ourselves

    def _campaign(self, options: dict) -> Run:
        config, written = asked_of_generator(options), None
        budgets = dict(_budget(text) for text in options["budget"])
        if options["reward"]:
            written, inside = split_budgets(_json(_text(options["reward"]), "--reward"))
            budgets = inside | budgets
        whole = budgets.pop(WHOLE, None)
        options["evaluations"] = whole if options["evaluations"] is None else options["evaluations"]
        if options["minutes"] is None and options["evaluations"] is None:
            options["minutes"] = 5.0
        actor, team = headless.actor_and_team()
        wanted = [options["label"]]
        labelled = headless.import_file(
            options["file"], actor=actor, team=team, structure=options["structure"], labels=wanted
        )
        unlabelled = None
        if options["unlabelled"]:
            unlabelled = headless.import_file(options["unlabelled"], actor=actor, team=team, structure=None, labels=[])
        if written is not None:
            reward = reward_engine.read_reward(written, labelled.kind)
        else:
            reward = headless.reward_for(labelled, options["label"], _goal(options))
        for label in reward_engine.labels_needed(reward):
            self._say(f"Learning {label!r} ...")
            model = headless.learned(labelled, label, actor=actor, seed=options["seed"])
            self._say(_model_words(model.report, designs_of(labelled.kind).groups))
        campaign = services.create_campaign(
            actor=actor, team=team, name=f"{options['file'].name}, seed {options['seed']}",
            labelled=labelled, unlabelled=unlabelled, reward=reward,
        )  # fmt: skip
        run = services.create_run(
            actor=actor, campaign=campaign, family=options["generator"], config=config, seed=options["seed"],
            device=options["device"], budget_evaluations=options["evaluations"], budget_minutes=options["minutes"],
            budgets=budgets,
        )  # fmt: skip
        services.queue_run(actor=actor, run_id=run.id)
        return headless.train_here(run, owner=f"design:{os.getpid()}", tell=self._tell)

    def _tell(self, run: Run) -> None:
        best = run.summary.get("best100_mean")
        words = f", best 100 on average {best:.3f}" if best else ""
        self._say(f"step {run.step:,}: {run.n_evaluations:,} evaluations in {run.trained_s:.0f} s{words}")

    def _say(self, words: str) -> None:
        self.stderr.write(f"{time.strftime('%H:%M:%S')}  {words}")

    def _write(self, run: Run, out: Path) -> None:
        self._say("Writing the list and comparing with random draws and the uploaded data ...")
        while judge_now(run.id):
            pass
        objectives = objectives_of(run)
        candidates = matching(run, Filter.read({}, objectives))
        for kind, _ in designs_of(run.kind).downloads[:2]:
            with (out / f"candidates.{kind}").open("w", encoding="utf-8", newline="") as file:
                file.writelines(exports.KINDS[kind][1](candidates, run, objectives))
        result = report(run)
        (out / "report.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        means = result["metrics"]["best100_mean"]
        many = designs_of(run.kind).many
        for row in result["targets"]:
            self._say(target_words(row))
        for row in result["tradeoff"]["rows"]:
            self._say(aim_words(row))
        self.stdout.write(
            f"{run.n_candidates:,} distinct {many} from {run.n_evaluations:,} evaluations in {out}. "
            f"Mean reward of the best 100: {means['designs']:.3f}; random draws {means['random']:.3f}; "
            f"uploaded {means['uploaded']:.3f}."
        )


def asked_of_generator(options: dict) -> dict:
    """The generator's settings: those of --config, and those that have an option of their own.

    With a generator that has targets, --target is one of them, beside being the goal.
    """
    config, family = _json(options["config"], "--config"), options["generator"]
    settings_of = {row["name"]: row for row in engine.describe_config(family)}
    targets = next((row["name"] for row in settings_of.values() if row["control"] in engine.TARGETS), None)
    structure = next((row["name"] for row in settings_of.values() if row["control"] == "structure"), None)
    asked = [] if options["target"] is None else [f"{options['target']:.12g}"]
    if options["sweep"] is not None:
        asked += [f"{value:.12g}" for value in engine.read_targets(options["sweep"])]
    wanted = {
        targets: " ".join(asked) or None, "guidance": options["guidance"], "weights": options["weights"],
        structure: options["scaffold"],
    }  # fmt: skip
    own = (("sweep", targets), ("guidance", "guidance"), ("weights", "weights"), ("scaffold", structure))
    for option, name in own:
        if options[option] is not None and name not in settings_of:
            raise CommandError(f"--{option}: the generator {family} has no such setting; --generator chooses another.")
    return config | {name: value for name, value in wanted.items() if name in settings_of and value is not None}


def _budget(text: str) -> tuple[str, int]:
    oracle, _, number = text.rpartition("=")
    if not oracle or not number.strip().isdecimal():
        raise CommandError(f"--budget: write ORACLE=N, such as docking=500, got {text!r}.")
    return oracle.strip(), int(number)


def _goal(options: dict) -> headless.Goal:
    if options["target"] is not None:
        return headless.Goal("target", options["target"])
    return headless.Goal("minimize" if options["minimize"] else "maximize")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as problem:
        raise CommandError(f"--reward: {path} cannot be read: {problem.strerror}.") from problem


def _json(text: str, option: str) -> dict:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as problem:
        raise CommandError(f"{option}: not JSON, line {problem.lineno}: {problem.msg}.") from problem
    if not isinstance(value, dict):
        raise CommandError(f"{option}: must be a JSON object.")
    return value


def _model_words(card: dict, groups: str) -> str:
    error, guessing = card["scores"]["rmse"], card["baseline"]["rmse"]
    return f"Learned: error {error:.2f} on held-out {groups} (always guessing the mean: {guessing:.2f})."
