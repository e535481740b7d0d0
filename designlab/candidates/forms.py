"""What a designer fills in to send molecules to review."""

from django import forms

from designlab.accounts.models import Team
from designlab.candidates.review_selectors import able_reviewers
from designlab.candidates.selection import MOST


class ReviewForm(forms.Form):
    """Title, question, reviewers, due date, and the molecules as they were chosen."""

    title = forms.CharField(max_length=120)
    question = forms.CharField(max_length=2_000, required=False)
    reviewers = forms.ModelMultipleChoiceField(queryset=None)
    due = forms.DateField(required=False)
    blinded = forms.BooleanField(required=False)
    candidates = forms.CharField(max_length=12 * MOST)

    def __init__(self, *args, team: Team, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reviewers"].queryset = able_reviewers(team)
        self.fields["title"].error_messages["required"] = "Give the review a title, so that people know it again."
        self.fields["reviewers"].error_messages["required"] = "Choose at least one colleague."
        self.fields["due"].error_messages["invalid"] = "Write the date as year-month-day, or leave it empty."

    def clean_candidates(self) -> list[int]:
        """The chosen ids in their order."""
        parts = self.cleaned_data["candidates"].split(",")
        if not all(part.isdecimal() and len(part) < 19 for part in parts):
            raise forms.ValidationError("The selection was not understood; go back to the list and choose again.")
        return [int(part) for part in parts]
