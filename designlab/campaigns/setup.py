"""The set-up page as one thing: fields as a browser sends them ↔ a reward, a config and a budget.

A page that is opened for the first time is filled like one that a person sent, so there is one way of reading it.
"""

from dataclasses import dataclass, field
from functools import cached_property

from django.db import transaction
from django.http import QueryDict

from designlab.accounts.models import Team, User
from designlab.campaigns import reward_kinds, saved_setup, services
from designlab.campaigns.budgets import oracles_of
from designlab.campaigns.forms import (
    OFF,
    ON,
    BudgetForm,
    ConfigForm,
    DataForm,
    GoalForm,
    ObjectiveFormSet,
    config_field,
    sentence,
    sources_of,
)
from designlab.campaigns.models import WHOLE, Campaign, Run
from designlab.campaigns.reward_rows import (
    ROWS,
    aim,
    distinct_names,
    nested,
    objective_of,
    oracle_field,
    plain,
    set_goal,
    source_key,
)
from designlab.datasets.models import DataSet
from designlab.engine import rewards as reward_engine
from designlab.engine import runs as engine
from designlab.engine.designs import Designs, designs_of
from designlab.engine.errors import SettingRefused

EVALUATIONS, SEED = 20_000, 1
DIALLED = ("objective", *engine.TARGETS)  # controls of settings that stand in the target dial
FAMILY_WAS = "family_was"  # the generator that the settings on the page belong to
# A property of every kind of design, with which nothing can be wrong.
WEIGHT = {"kind": "property", "property": "molecular_weight"}
HARMLESS = {"name": "any", "source": WEIGHT, "transform": reward_kinds.AS_IT_IS}


# -- defaults ----------------------------------------------------------------------------------------------


def default_fields(labelled: DataSet, unlabelled: DataSet | None) -> QueryDict:
    """The whole page filled so well that a first user only presses "Start run"."""
    fields = QueryDict(mutable=True)
    label = labelled.labels[0]["name"]
    fields["name"] = f"Raise {label}"[:120]
    fields["labelled"], fields["unlabelled"] = str(labelled.pk), str(unlabelled.pk) if unlabelled else ""
    fields["aggregation"] = "geometric_mean"
    set_goal(fields, labelled, label, "maximize", None)
    fields.update(run_fields(kind=labelled.kind))
    return fields


def run_fields(run: Run | None = None, kind: str = "molecule") -> dict[str, str]:
    """Generator and budget: the defaults, or those of an earlier run."""
    first = engine.suggested(None, kind)[0]
    family = run.family if run else first["name"]
    config = run.spec["config"] if run else {}
    fields = {"family": family, FAMILY_WAS: family, "seed": str(run.spec["seed"] if run else SEED)}
    fields["device"] = run.spec["device"] if run else "auto"
    fields["budget_evaluations"] = plain(run.budget_evaluations if run else EVALUATIONS)
    if run:
        for i, oracle in enumerate(oracles_of(run.spec["reward"])):
            if i and oracle in run.budgets:
                fields[oracle_field(i)] = plain(run.budgets[oracle])
    fields["budget_minutes"] = plain(run.budget_s / 60 if run and run.budget_s else None if run else first["minutes"])
    return fields | config_fields(family, kind, config)


def config_fields(family: str, kind: str, config: dict | None = None) -> dict[str, str]:
    """The settings of a family as fields: those given, the others at their defaults."""
    fields = {}
    for setting in engine.describe_config(family, kind):
        value = (config or {}).get(setting["name"], setting["default"])
        fields[config_field(setting["name"])] = (ON if value else OFF) if setting["kind"] == "bool" else plain(value)
    return fields


def follow_family(fields: QueryDict, kind: str) -> str:
    """The generator that the fields name, with its own settings in place of those of the one chosen before.

    Generators share names of settings, such as the learning rate, whose usual values differ.
    """
    offered = {row["name"]: row for row in engine.suggested(None, kind)}
    family = fields.get("family") if fields.get("family") in offered else next(iter(offered))
    usual, before = config_fields(family, kind), offered.get(fields.get(FAMILY_WAS, family))
    if before and fields.get("budget_minutes") == plain(before["minutes"]):
        fields["budget_minutes"] = plain(offered[family]["minutes"])
    for name, value in usual.items():
        if name not in fields or fields.get(FAMILY_WAS, family) != family:
            fields[name] = value
    fields[FAMILY_WAS] = family
    return family


# -- the page ----------------------------------------------------------------------------------------------


@dataclass
class SetUp:
    """The forms of the page, bound to what was sent, and what follows from them."""

    user: User
    team: Team | None
    fields: QueryDict
    campaign: Campaign | None = None
    refusals: list[str] = field(default_factory=list)  # those that belong to no field
    reward_refusal: str = ""

    def __post_init__(self) -> None:
        self.data = DataForm(self.fields, user=self.user, team=self.team)
        if self.campaign:
            self.labelled, self.unlabelled = self.campaign.labelled, self.campaign.unlabelled
        else:
            self.data.is_valid()
            cleaned = self.data.cleaned_data
            self.labelled, self.unlabelled = cleaned.get("labelled"), cleaned.get("unlabelled")
        labels = self.labelled.labels if self.labelled else []
        self.made_from = None if self.campaign else saved_setup.begun_from(self.user, self.team, self.fields)
        self.goal = GoalForm(self.fields, labels=labels)
        self.rows = ObjectiveFormSet(self.fields, prefix=ROWS, form_kwargs={"sources": sources_of(labels, self.kind)})
        self.reward = self.campaign.reward if self.campaign else self._reward()
        family = follow_family(self.fields, self.kind)
        self.config = ConfigForm(self.fields, family=family, design=self.kind, reward=self.reward)
        self.budget = BudgetForm(self.fields, oracles=oracles_of(self.reward) if self.reward else [WHOLE])

    def _reward(self) -> dict | None:
        """The reward that the rows state, checked; None when something is refused, which then stands at its field."""
        kept = self._kept()
        sound = self.goal.is_valid() and all(form.is_valid() for form in kept)
        if not kept:
            self.reward_refusal = "Keep at least one objective: without any there is nothing to reach."
        if not kept or not sound:
            self._ask_each(kept)
            return None
        cleaned = [form.cleaned_data for form in kept]
        raw = {
            "schema": 1,
            "name": self.goal.cleaned_data["reward_name"] or "Goal",
            "aggregation": self.goal.cleaned_data["aggregation"],
            "objectives": self._level(cleaned, nested(cleaned)),
        }
        try:
            checked = reward_engine.check_reward(raw, self.kind)
        except SettingRefused as refusal:
            if not self._ask_each(kept):
                self.reward_refusal = sentence(refusal.problem)
            return None
        self._name_keys(checked["objectives"], kept, nested(cleaned))
        return checked

    def _kept(self) -> list:
        """The rows that are not left out, by themselves or with the group that they are in."""
        kept, gone = [], set()
        for form in self.rows.forms:
            sent = {name: form.data.get(form.add_prefix(name), "") for name in ("DELETE", "inside", "id")}
            if sent["DELETE"] or sent["inside"] in gone:
                gone.add(sent["id"] or "nothing")
            else:
                kept.append(form)
        return kept

    def _level(self, cleaned: list[dict], tree: list[tuple[int, list]]) -> list[dict]:
        """The objectives of one level, groups with their members."""
        return distinct_names([objective_of(cleaned[i], self._level(cleaned, members)) for i, members in tree])

    def _name_keys(self, objectives: list[dict], forms: list, tree: list[tuple[int, list]]) -> None:
        """Tell each row by which text its measurements are known."""
        for objective, (position, members) in zip(objectives, tree, strict=True):
            forms[position].key = source_key(objective)
            self._name_keys(objective.get("objectives", []), forms, members)

    def _ask_each(self, forms: list) -> bool:
        """Put every row's own refusal beside its field, and let sound rows be drawn; whether one was refused."""
        inside = {form.data.get(form.add_prefix("inside"), "") for form in forms}
        placed = False
        for form in [form for form in forms if form.is_valid()]:
            row = form.cleaned_data
            if row["source"] == "group" and row["id"] not in inside:
                form.add_error("source", "Put an objective into this group, or leave the group out.")
                placed = True
                continue
            objective = objective_of(row, [HARMLESS])  # the members of a group are asked one by one
            try:
                one = {"schema": 1, "name": "one", "objectives": [objective]}
                checked = reward_engine.check_reward(one, self.kind)
            except SettingRefused as own:
                name = own.field.rsplit(".", 1)[-1].partition("[")[0]
                form.add_error(_place(name, form), sentence(own.problem))
                placed = True
            else:
                form.key = "" if row["source"] == "group" else source_key(checked["objectives"][0])
        return placed

    @property
    def kind(self) -> str:
        """What is designed: that which the labelled data hold."""
        return self.labelled.kind if self.labelled else "molecule"

    @property
    def designs(self) -> Designs:
        """How the page speaks of it."""
        return designs_of(self.kind)

    @property
    def keys(self) -> list[str]:
        """What the accepted rows are about, by the texts that measurements are known by."""
        return [form.key for form in self.rows.forms if getattr(form, "key", "")]

    @property
    def dialled(self) -> dict | None:
        """The settings of the target dial, None for a generator that has none."""
        target = self.config.controlled(*engine.TARGETS)
        return {"targets": target, "objective": self.config.controlled("objective")} if target else None

    @property
    def basic(self) -> list[dict]:
        """The generator's settings that everyone sees, but for those that the target dial holds."""
        return [row for row in self.config.settings("basic") if row["control"] not in DIALLED]

    @property
    def expert(self) -> list[dict]:
        """The generator's settings that are folded away."""
        return self.config.settings("expert")

    @property
    def expert_refused(self) -> bool:
        """Whether something in the fold needs attention."""
        return any(setting["field"].errors for setting in self.expert)

    @cached_property
    def families(self) -> list[dict]:
        """The generators on offer, the one suggested for this goal and these data first, each with its reason."""
        n_labelled = self.labelled.n_structures if self.labelled else 0
        n_unlabelled = self.unlabelled.n_structures if self.unlabelled else 0
        offered = engine.suggested(self.reward, self.kind, n_labelled=n_labelled, n_unlabelled=n_unlabelled)
        chosen = self.config["family"].value()
        return [row | {"is_chosen": row["name"] == chosen, "is_suggested": not i} for i, row in enumerate(offered)]

    @property
    def family(self) -> dict:
        """The chosen generator."""
        return next((row for row in self.families if row["is_chosen"]), self.families[0])

    @property
    def config_words(self) -> str:
        """How far the generator's settings are from its own, for the folded section."""
        if not self.config.is_valid():
            return "look at what is refused here"
        chosen = self.config.cleaned_data["config"]
        changed = [row["label"] for row in self.config.described if chosen.get(row["name"]) != row["default"]]
        return f"changed: {', '.join(changed)}" if changed else "with its usual settings"

    @property
    def budget_words(self) -> str:
        """The budget in a line, for the folded section."""
        if not self.budget.is_valid():
            return "look at what is refused here"
        given = self.budget.cleaned_data
        limits = []
        if given["budget_evaluations"]:
            limits.append(f"{given['budget_evaluations']:,} reward evaluations")
        if given["budget_minutes"]:
            limits.append(f"{given['budget_minutes']:g} minutes of training")
        first = ", whichever comes first" if len(limits) > 1 else ""
        return f"{' or '.join(limits)}{first}; seed {given['seed']}"

    def is_valid(self) -> bool:
        """Whether a run can be made of it; every refusal stands at its field by then."""
        parts = [self.config, self.budget] + ([] if self.campaign else [self.data, self.goal])
        refused = [part for part in parts if not part.is_valid()]  # each part is asked, so that each says its refusals
        return not refused and self.reward is not None

    def check_start(self) -> None:
        """Refuse a curve that still belongs to another source; with JavaScript it was adapted at once."""
        for form in self.rows.forms:
            form.data[form.add_prefix("fresh")] = ""  # from now on what is empty is refused
            row = getattr(form, "cleaned_data", {})
            if not row.get("DELETE") and row.get("was") and row.get("source") and row["was"] != row["source"]:
                form.add_error("source", "The source changed: press “Update” and look at its range first.")
                self.reward = None
        if self.goal.is_valid() and not self.campaign:
            goal = self.goal.cleaned_data
            if goal["aimed"] and goal["aimed"] != aim(goal["label"], goal["direction"], goal["target"]):
                self.goal.add_error("direction", "The goal changed: press “Aim at this” and look at the objectives.")

    def place(self, refusal: SettingRefused) -> None:
        """Put a refusal of the services beside its field."""
        words = sentence(refusal.problem)
        for form in (self.config, self.budget, self.data):
            for name in (refusal.field, config_field(refusal.field)):
                if name in form.fields:
                    form.is_valid()
                    form.add_error(name, words)
                    return
        if refusal.field.startswith("reward"):
            self.reward_refusal = words
        else:
            self.refusals.append(words)


def _place(name: str, form) -> str | None:
    """The field of a row that a refusal of the library belongs to."""
    if name == "source":  # what the settings of a kind come to: the first of them
        return next(iter(form.settings), "source")
    name = reward_kinds.PLACES.get(name, name)
    if name == "objectives":
        return "source"
    return name if name in form.fields else None


@transaction.atomic
def start(page: SetUp) -> Run:
    """Make the campaign where there is none yet, and its run, and queue it. Raises SettingRefused."""
    campaign = page.campaign
    if campaign is None:
        data = page.data.cleaned_data
        campaign = services.create_campaign(
            actor=page.user,
            team=page.team,
            name=data["name"],
            labelled=data["labelled"],
            unlabelled=data["unlabelled"],
            reward=page.reward,
            notes=data["notes"],
            budgets=page.budget.limits(),
            made_from=page.made_from,
        )
    budget = page.budget.cleaned_data
    run = services.create_run(
        actor=page.user,
        campaign=campaign,
        family=page.config.cleaned_data["family"],
        config=page.config.cleaned_data["config"],
        seed=budget["seed"],
        device=budget["device"],
        budget_evaluations=budget["budget_evaluations"],
        budget_minutes=budget["budget_minutes"],
        budgets=page.budget.budgets(),
    )
    services.queue_run(actor=page.user, run_id=run.id)
    return run
