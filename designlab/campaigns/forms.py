"""The parts of the set-up form: goal, objectives, data, generator, budget. The library's own checks come on top."""

from django import forms
from django.forms import BaseFormSet, formset_factory

from designlab.accounts.models import Team, User
from designlab.campaigns import reward_kinds
from designlab.campaigns.budgets import MOST
from designlab.campaigns.reward_rows import MAX_ROWS, oracle_field
from designlab.datasets.models import DataSet
from designlab.engine import rewards as reward_engine
from designlab.engine import runs as engine
from designlab.engine.errors import SettingRefused

DIRECTIONS = [("maximize", "as high as possible"), ("minimize", "as low as possible"), ("target", "close to a value")]
SHAPES = [
    ("sigmoid", "the further, the better"),
    ("double_sigmoid", "within a range"),
    ("linear", "in proportion"),
    ("step", "all or nothing"),
    ("gaussian", "at a value, falling as a bell"),
]
COMBINATIONS = [
    ("geometric_mean", "Geometric mean: one poor objective spoils the whole"),
    ("product", "Product: every objective counts in full"),
    ("weighted_sum", "Mean: a good objective makes up for a poor one"),
    ("maximum", "Best: one good objective is enough"),
]
DEVICES = [("auto", "a GPU where a worker has one, else CPU"), ("cpu", "CPU"), ("cuda", "GPU")]
ON, OFF = "on", "off"
NUMBER = {"invalid": "Write a number, such as 2.5."}
WHOLE = {"invalid": "Write a whole number, such as 20000."}


def number(**given) -> forms.FloatField:
    """A number with a decimal point; empty where it may be."""
    field = forms.FloatField(required=False, error_messages=NUMBER, **given)
    field.widget.attrs.update({"class": "field", "step": "any"})
    return field


def chooser(choices, **given) -> forms.ChoiceField:
    """A choice among named things."""
    wrong = {"invalid_choice": "“%(value)s” is not one of the choices.", "required": "Choose one."}
    return forms.ChoiceField(
        choices=choices, error_messages=wrong, widget=forms.Select(attrs={"class": "field"}), **given
    )


class DataForm(forms.Form):
    """The campaign's name and the data sets that it starts from."""

    name = forms.CharField(
        max_length=120,
        error_messages={"required": "Give the campaign a name.", "max_length": "At most 120 characters."},
        widget=forms.TextInput(attrs={"class": "field", "autocomplete": "off"}),
    )
    labelled = forms.ModelChoiceField(
        DataSet.objects.none(),
        empty_label=None,
        error_messages={
            "required": "Choose the data set that carries your measurements.",
            "invalid_choice": "This data set is not imported, or has no numeric label; choose another.",
        },
        widget=forms.Select(attrs={"class": "field"}),
    )
    unlabelled = forms.ModelChoiceField(
        DataSet.objects.none(),
        required=False,
        empty_label="none: build from the labelled molecules alone",
        error_messages={"invalid_choice": "This data set is not imported; choose another, or none."},
        widget=forms.Select(attrs={"class": "field"}),
    )
    notes = forms.CharField(required=False, max_length=4000, widget=forms.Textarea(attrs={"class": "field", "rows": 2}))

    def __init__(self, data, *, user: User, team: Team | None) -> None:
        super().__init__(data)
        ready = DataSet.objects.visible_to(user).filter(team=team, status=DataSet.Status.READY)
        self.fields["labelled"].queryset = ready.exclude(labels=[])
        self.fields["unlabelled"].queryset = ready

    def clean(self) -> dict:
        """Both data sets hold the same kind of design; another one is left out and said so."""
        labelled, more = self.cleaned_data.get("labelled"), self.cleaned_data.get("unlabelled")
        if labelled and more and labelled.kind != more.kind:
            held = f"It holds {more.get_kind_display()}, not {labelled.get_kind_display()}"
            self.add_error("unlabelled", f"{held}; choose another, or none.")
        return self.cleaned_data


class GoalForm(forms.Form):
    """What is wanted of the measured label, and how the objectives combine."""

    label = chooser([])
    direction = chooser(DIRECTIONS)
    target = number()
    aggregation = chooser(COMBINATIONS)
    reward_name = forms.CharField(required=False, max_length=120, widget=forms.HiddenInput)
    aimed = forms.CharField(required=False, widget=forms.HiddenInput)  # the goal that the objectives were set from

    def __init__(self, data, *, labels: list[dict]) -> None:
        super().__init__(data)
        self.fields["label"].choices = [(row["name"], named(row["name"], row.get("unit", ""))) for row in labels]
        offered = ", ".join(row["name"] for row in labels) or "none"
        words = f"“%(value)s” is not a numeric label of this data set; it has: {offered}."
        self.fields["label"].error_messages["invalid_choice"] = words

    def clean(self) -> dict:
        """A target needs its value."""
        if self.cleaned_data.get("direction") == "target" and self.cleaned_data.get("target") is None:
            self.add_error("target", "Write the value to come close to.")
        return self.cleaned_data


def words(longest: int, **attrs) -> forms.CharField:
    """A line of text that may be empty, or several with a Textarea as `widget`."""
    widget = attrs.pop("widget", forms.TextInput)
    wrong = {"max_length": f"At most {longest:,} characters."}
    shown = widget(attrs={"class": "field", "autocomplete": "off", "spellcheck": "false"} | attrs)
    return forms.CharField(required=False, max_length=longest, error_messages=wrong, widget=shown)


def tag() -> forms.CharField:
    """A short text that the page itself writes and reads."""
    return forms.CharField(required=False, max_length=120, widget=forms.HiddenInput)


class ObjectiveForm(forms.Form):
    """One objective: a source, its desirability curve, weight and caution; for some kinds what they are about."""

    source = chooser([])
    kind = chooser(SHAPES)
    low = number()
    high = number()
    margin = number()
    weight = number()
    caution = number()
    name = tag()
    was = tag()  # the source that the curve was made for
    id = tag()  # of a group, for the rows inside it
    inside = tag()
    fresh = tag()  # added a moment ago: what is still empty is no refusal yet
    tested = tag()  # the test of a scorer that is shown beside it
    references = words(20_000, widget=forms.Textarea, rows=3)
    fingerprint = chooser([], required=False)
    summary = chooser(reward_kinds.SUMMARIES, required=False)
    distance = chooser(reward_kinds.DISTANCES, required=False)
    motif = words(200, placeholder="TATAWAW")
    smarts = words(20_000, widget=forms.Textarea, rows=3)
    wanted = chooser(reward_kinds.WANTED, required=False)
    sets = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "“%(value)s” is not one of the sets."},
    )
    formula = words(120)
    url = words(300, inputmode="url", placeholder="https://scorer.example/score")
    asked = words(120, placeholder="docking")
    unit = words(30, placeholder="none")
    direction = chooser(reward_kinds.SIDES, required=False)
    known = words(4_000, widget=forms.Textarea, rows=2)  # molecules to test a scorer with
    combine = chooser(reward_kinds.GROUPED, required=False)

    def __init__(self, *args, sources: list, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["source"].choices = sources
        self.fields["fingerprint"].choices = reward_engine.similarity_kinds().items()
        self.fields["sets"].choices = reward_engine.alert_sets().items()
        if reward_kinds.is_kind(self.named):  # the others are called by what they measure
            self.fields["name"].widget = forms.TextInput(attrs={"class": "field", "autocomplete": "off"})

    @property
    def named(self) -> str:
        """The source as it was sent."""
        return str(self.data.get(self.add_prefix("source"), ""))

    @property
    def settings(self) -> dict:
        """The fields that say what this kind of objective is about, by name."""
        return {name: self[name] for name in reward_kinds.FIELDS.get(self.named, ())}

    @property
    def is_fresh(self) -> bool:
        """Added a moment ago and not filled in yet, so that nothing is held against it."""
        fresh = self.data.get(self.add_prefix("fresh")) == "yes"
        return fresh and any(self.has_error(field, "blank") for field in self.settings)

    def clean(self) -> dict:
        """What a kind cannot do without, and a direction that its curve contradicts."""
        blank = reward_kinds.first_blank(self.cleaned_data)
        if blank:
            self.add_error(blank, forms.ValidationError(reward_kinds.BLANK[blank], code="blank"))
        other = reward_kinds.wrong_side(self.cleaned_data)
        if other:
            self.add_error("direction", other)
        return self.cleaned_data


ObjectiveFormSet: type[BaseFormSet] = formset_factory(
    ObjectiveForm, extra=0, can_delete=True, max_num=MAX_ROWS, absolute_max=MAX_ROWS
)


def limit_field(**given) -> forms.IntegerField:
    """A number of calls, at least one; empty means no limit."""
    low = {"min_value": "Allow at least 1 call, or leave it empty for no limit."}
    return forms.IntegerField(
        required=False, min_value=1, max_value=MOST, error_messages=WHOLE | low,
        widget=forms.NumberInput(attrs={"class": "field", "step": 1}), **given,
    )  # fmt: skip


def shared_field(position: int) -> str:
    """The form field of what all runs of a campaign may call of the oracle at this place; the first is the reward."""
    return f"shared-{position}"


class SharedBudgetForm(forms.Form):
    """What all runs of a campaign may call together, oracle by oracle; the first is the reward as a whole."""

    def __init__(self, data, *, oracles: list[str]) -> None:
        super().__init__(data)
        self.oracles = oracles
        for i, oracle in enumerate(oracles):
            self.fields[shared_field(i)] = limit_field(label=oracle)

    def limits(self) -> dict[str, int | None]:
        """Oracle to its limit, None for none."""
        return {oracle: self.cleaned_data.get(shared_field(i)) for i, oracle in enumerate(self.oracles)}

    def refusals(self) -> list[str]:
        """What is wrong, each with its oracle."""
        return [f"{self.fields[name].label}: {words}" for name, found in self.errors.items() for words in found]


class BudgetForm(SharedBudgetForm):
    """How long a run may go on, what its campaign's runs may call together, and what makes it repeatable."""

    budget_evaluations = forms.IntegerField(
        required=False, error_messages=WHOLE, widget=forms.NumberInput(attrs={"class": "field", "step": 1000})
    )
    budget_minutes = number()
    seed = forms.IntegerField(
        error_messages=WHOLE | {"required": "Write a whole number; any will do."},
        widget=forms.NumberInput(attrs={"class": "field"}),
    )
    device = chooser(DEVICES)

    def __init__(self, data, *, oracles: list[str]) -> None:
        super().__init__(data, oracles=oracles)
        for i, oracle in enumerate(oracles[1:], start=1):
            self.fields[oracle_field(i)] = limit_field(label=oracle)

    def budgets(self) -> dict[str, int | None]:
        """The limits of paid oracles in this run."""
        return {oracle: self.cleaned_data.get(oracle_field(i)) for i, oracle in enumerate(self.oracles) if i}

    def rows(self) -> list[dict]:
        """The paid oracles with their fields, for the page."""
        return [
            {"name": oracle, "run": self[oracle_field(i)], "shared": self[shared_field(i)]}
            for i, oracle in enumerate(self.oracles) if i
        ]  # fmt: skip

    @property
    def shared(self):
        """The field of what all runs may evaluate together."""
        return self[shared_field(0)]

    def clean_budget_evaluations(self) -> int | None:
        """At least one evaluation, where there is a limit."""
        value = self.cleaned_data["budget_evaluations"]
        if value is not None and value < 1:
            raise forms.ValidationError(f"Allow at least 1 evaluation; {value:,} would end before it begins.")
        return value

    def clean_budget_minutes(self) -> float | None:
        """More than no time, where there is a limit."""
        value = self.cleaned_data["budget_minutes"]
        if value is not None and not value > 0:
            raise forms.ValidationError(f"Allow more than 0 minutes; {value:g} would end before it begins.")
        return value

    def clean(self) -> dict:
        """One limit at least, of time or of evaluations."""
        limits = ("budget_evaluations", "budget_minutes")
        if not any(self.errors.get(field) for field in limits) and not any(
            self.cleaned_data.get(field) is not None for field in limits
        ):
            self.add_error("budget_evaluations", "Give a limit: evaluations, minutes, or both.")
        return self.cleaned_data


class ConfigForm(forms.Form):
    """The settings of a generator family, as the family describes them itself."""

    family = chooser([])

    def __init__(self, data, *, family: str, design: str = "molecule", reward: dict | None = None) -> None:
        super().__init__(data)
        self.design, self.reward = design, reward
        self.fields["family"].choices = [(row["name"], row["label"]) for row in engine.families(design)]
        self.described = engine.describe_config(family, design)
        names = [objective["name"] for objective in (reward or {}).get("objectives", [])]
        usual = engine.aimed_at(family, {}, reward, design) if reward else ""
        for setting in self.described:
            self.fields[config_field(setting["name"])] = setting_field(setting, names, usual)

    def clean(self) -> dict:
        """Ask the family itself; a setting left empty takes its default."""
        if not self.errors:
            self.check()
        return self.cleaned_data

    def check(self) -> None:
        """Place the family's refusal beside the setting that it names."""
        try:
            checked = engine.check_config(self.cleaned_data["family"], self.raw(), self.reward, self.design)
            self.cleaned_data["config"] = checked
        except SettingRefused as refusal:
            field = config_field(refusal.field)
            self.add_error(field if field in self.fields else None, sentence(refusal.problem))

    def raw(self) -> dict:
        """Plain settings by their own names."""
        found = {}
        for setting in self.described:
            value = self.cleaned_data.get(config_field(setting["name"]))
            if setting["kind"] == "bool" and value:
                value = value == ON
            empty = value is None or (value == "" and not setting["control"])
            found[setting["name"]] = setting["default"] if empty else value
        return found

    def settings(self, level: str) -> list[dict]:
        """The settings of one level, basic or expert, each with its bound field."""
        return [self.shown(setting) for setting in self.described if setting["level"] == level]

    def shown(self, setting: dict) -> dict:
        """A setting with its bound field and its range in words."""
        return setting | {"field": self[config_field(setting["name"])], "reach": reach(setting)}

    def controlled(self, *controls: str) -> dict | None:
        """The setting that has one of these controls, None where the family has none."""
        return next((self.shown(setting) for setting in self.described if setting["control"] in controls), None)


def config_field(name: str) -> str:
    """The form field of a generator's setting."""
    return f"config-{name}"


def reach(setting: dict) -> str:
    """The range of a number in words; empty for anything else."""
    low, high = setting["low"], setting["high"]
    if setting["kind"] not in ("int", "float") or low is None or high is None:
        return ""
    return f"{low:,.6g} to {high:,.0f}." if high >= 1000 else f"{low:,.6g} to {high:,.6g}."


def setting_field(setting: dict, objectives: list[str], usual: str) -> forms.Field:
    """The field of a setting; one that names an objective may have any of `objectives`, and means `usual` if empty."""
    if setting["control"] == "objective":
        listed = [("", f"{usual}, as usual" if usual else "as usual"), *((name, name) for name in objectives)]
        return chooser(listed, required=False)
    if setting["kind"] == "str" and not setting["choices"]:
        return forms.CharField(required=False, widget=forms.TextInput(attrs={"class": "field", "autocomplete": "off"}))
    if setting["kind"] == "bool":  # a checkbox that is off cannot be told from one that was not on the page
        return chooser([(ON, "on"), (OFF, "off")], required=False)
    if setting["kind"] == "str":
        words = setting["words"] or setting["choices"]
        return chooser(list(zip(setting["choices"], words, strict=True)), required=False)
    if setting["kind"] == "int":
        whole = forms.NumberInput(attrs={"class": "field"})
        return forms.IntegerField(required=False, error_messages=WHOLE, widget=whole)
    return number()


def sources_of(labels: list[dict], design: str = "molecule") -> list:
    """Everything an objective may be about, as choices: learned labels first, then computed properties."""
    learned = [(f"model:{row['name']}", f"Predicted {named(row['name'], row.get('unit', ''))}") for row in labels]
    computed = [
        (f"property:{row['name']}", named(row["label"], row["unit"]))
        for row in reward_engine.property_catalogue(design)
    ]
    more = [*reward_kinds.kinds_for(design).items()]
    return [("Learned from your data", learned), ("Computed", computed), ("More kinds", more)]


def named(label: str, unit: str) -> str:
    """A quantity with its unit, where it has one that its name does not say already."""
    return f"{label} ({unit})" if unit and unit not in label else label


def sentence(problem: str) -> str:
    """A refusal of the library as a sentence of its own."""
    problem = problem.strip()
    return problem[:1].upper() + problem[1:] + ("" if problem.endswith((".", "?", "!")) else ".")
