"""What a designer fills in to send molecules to review."""

from django import forms

from designlab.accounts.models import Team
from designlab.candidates.calibration import MOST_REPEATED
from designlab.candidates.review_selectors import able_reviewers
from designlab.candidates.selection import MOST


class ReviewForm(forms.Form):
    """Title, question, reviewers, due date, how many see each, and the molecules as they were chosen."""

    title = forms.CharField(max_length=120)
    question = forms.CharField(max_length=2_000, required=False)
    reviewers = forms.ModelMultipleChoiceField(queryset=None)
    due = forms.DateField(required=False)
    blinded = forms.BooleanField(required=False)
    each = forms.IntegerField(required=False, min_value=1)
    repeats = forms.IntegerField(required=False, min_value=0, max_value=MOST_REPEATED)
    candidates = forms.CharField(max_length=12 * MOST)

    def __init__(self, *args, team: Team, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reviewers"].queryset = able_reviewers(team)
        self.fields["title"].error_messages["required"] = "Give the review a title, so that people know it again."
        self.fields["reviewers"].error_messages["required"] = "Choose at least one colleague."
        self.fields["due"].error_messages["invalid"] = "Write the date as year-month-day, or leave it empty."

        self.fields["each"].error_messages["invalid"] = "Write how many reviewers see each, as a whole number."
        self.fields["each"].error_messages["min_value"] = "At least one reviewer must see each."
        few = f"Between 0 and {MOST_REPEATED} per cent can be shown twice."
        self.fields["repeats"].error_messages |= dict.fromkeys(("invalid", "min_value", "max_value"), few)

    def clean_repeats(self) -> int:
        """Per cent; none when nothing is said."""
        return self.cleaned_data["repeats"] or 0

    def clean_candidates(self) -> list[int]:
        """The chosen ids in their order."""
        parts = self.cleaned_data["candidates"].split(",")
        if not all(part.isdecimal() and len(part) < 19 for part in parts):
            raise forms.ValidationError("The selection was not understood; go back to the list and choose again.")
        return [int(part) for part in parts]
