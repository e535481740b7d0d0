"""What a designer fills in to have a list to make chosen."""

from django import forms

from designlab.choosing.making import MOST, Settings
from designlab.engine.designs import Designs

MOST_SEED = 2**31 - 1
LONGEST = 1_000  # letters that two modes may be asked to lie apart
WHOLE = "Write a whole number from {low} to {high:,}."


def _whole(low: int, high: int, *, required: bool = True) -> forms.IntegerField:
    words = WHOLE.format(low=low, high=high)
    told = {"invalid": words, "min_value": words, "max_value": words, "required": words}
    return forms.IntegerField(min_value=low, max_value=high, required=required, error_messages=told)


class MakeListForm(forms.Form):
    """The limits of a make-list; an empty limit is none."""

    wanted = _whole(1, MOST)
    per_family = _whole(1, MOST, required=False)
    per_mode = _whole(1, MOST, required=False)
    distance = forms.FloatField(required=False, localize=False)
    uncertain = _whole(0, MOST, required=False)
    seed = _whole(0, MOST_SEED, required=False)
    fresh = forms.BooleanField(required=False)

    def __init__(self, *args, designs: Designs, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.measure = next(iter(designs.measures.values()))

    def clean_distance(self) -> float:
        """The distance between modes; left empty, the usual one."""
        value, most = self.cleaned_data["distance"], LONGEST if self.measure.unit else 1
        if value is None:
            return self.measure.usual
        if not 0 < value < most:
            raise forms.ValidationError(f"The distance must lie between 0 and {most:,}.")
        return value

    def clean(self) -> dict:
        """All limits; more uncertain ones than are wanted at all are refused."""
        given = super().clean()
        if (given.get("uncertain") or 0) > given.get("wanted", MOST):
            self.add_error("uncertain", "Not more than are wanted at all.")
        return given

    def settings(self) -> Settings:
        """What a valid form says."""
        given = self.cleaned_data
        whole = {name: given[name] or 0 for name in ("uncertain", "seed")}
        return Settings(**{**given, **whole})
