"""The form that starts a search: data, what failed, and the settings as the library describes them."""

from django import forms

from designlab.accounts.models import Team, User
from designlab.campaigns.forms import ON, WHOLE, chooser, number, reach, sentence, setting_field
from designlab.datasets.models import DataSet
from designlab.engine import rounds as engine
from designlab.engine.errors import SettingRefused
from designlab.rounds.services import Failed

NONE, ALL = "", "all"


class StartForm(forms.Form):
    """Everything a new search needs; settings stand in fields called after their group and name."""

    name = forms.CharField(
        max_length=120, error_messages={"required": "Give it a name.", "max_length": "At most 120 characters."},
        widget=forms.TextInput(attrs={"class": "field", "autocomplete": "off"}),
    )  # fmt: skip
    like = forms.ModelChoiceField(
        DataSet.objects.none(), empty_label=None, widget=forms.Select(attrs={"class": "field"}),
        error_messages={"required": "Choose what new structures should be like.", "invalid_choice": "Choose another."},
    )  # fmt: skip
    failed = forms.ModelChoiceField(
        DataSet.objects.none(), required=False, empty_label="nothing yet", widget=forms.Select(attrs={"class": "field"})
    )
    rule = chooser([(ALL, "all of it failed")], required=False)
    value = number()
    seed = forms.IntegerField(error_messages=WHOLE, widget=forms.NumberInput(attrs={"class": "field"}))

    def __init__(self, data, *, user: User, team: Team | None, like: DataSet | None, failed: DataSet | None) -> None:
        super().__init__(data)
        ready = DataSet.objects.visible_to(user).filter(team=team, status=DataSet.Status.READY)
        self.fields["like"].queryset = self.fields["failed"].queryset = ready
        self.fields["rule"].choices = rules_of(failed)
        kind = like.kind if like else DataSet.Kind.MOLECULE
        self.described = [
            row | {"group": group} for group, rows in engine.describe_rounds(kind).items() for row in rows
        ]
        for row in self.described:
            self.fields[field_of(row)] = setting_field(row, [], "")

    def clean(self) -> dict:
        """Ask the library about the settings; one left empty takes its default."""
        if not self.errors:
            try:
                self.cleaned_data |= engine.check_rounds(self.raw("rounds"), self.raw("prior"))
            except SettingRefused as refusal:
                named = [field_of(row) for row in self.described if row["name"] == refusal.field]
                self.add_error(named[0] if named else None, sentence(refusal.problem))
        return self.cleaned_data

    def raw(self, group: str) -> dict:
        """Plain settings of a group by their own names."""
        found = {}
        for row in self.described:
            if row["group"] == group:
                value = self.cleaned_data.get(field_of(row))
                if row["kind"] == "bool" and value:
                    value = value == ON
                found[row["name"]] = row["default"] if value in (None, "") else value
        return found

    def settings(self, level: str) -> list[dict]:
        """The settings of a level, each with its bound field and its range in words."""
        rows = [row for row in self.described if row["level"] == level]
        return [row | {"field": self[field_of(row)], "reach": reach(row)} for row in rows]

    def told_failed(self) -> Failed | None:
        """What failed, as the service takes it."""
        data = self.cleaned_data.get("failed")
        if data is None:
            return None
        rule, _, label = (self.cleaned_data.get("rule") or ALL).partition(":")
        return Failed(data, rule, label, self.cleaned_data.get("value"))


def rules_of(data: DataSet | None) -> list[tuple[str, str]]:
    """How a data set can say what failed: all of it, or by one of its labels."""
    found = [(ALL, "all of it failed")]
    for label in data.labels if data else []:
        name = label["name"]
        if label.get("kind") == "class" or label.get("binary"):
            found.append((f"class:{name}", f"“{name}” says fail"))
        else:
            found += [
                (f"below:{name}", f"“{name}” is below the limit"),
                (f"above:{name}", f"“{name}” is above the limit"),
            ]
    return found


def n_passed(data: DataSet | None) -> int:
    """How many structures of a data set passed, where one of its labels says pass or fail; the most of any label."""
    told = [label for label in data.labels if label.get("binary")] if data else []
    return max((round((label.get("mean") or 0) * label.get("n_values", 0)) for label in told), default=0)


def field_of(row: dict) -> str:
    """The form field of a setting."""
    return f"{row['group']}-{row['name']}"


def initial(described: list[dict]) -> dict[str, object]:
    """The defaults of settings as a form shows them."""
    return {
        field_of(row): ("on" if row["default"] else "off") if row["kind"] == "bool" else row["default"]
        for row in described
    }
