"""What a team picks out of its candidates: the shortlist of a campaign."""

from django.conf import settings
from django.db import models

from designlab.accounts.models import TeamOwned
from designlab.candidates.models import Candidate


class Shortlisted(models.Model):
    """A candidate that somebody put on the shortlist of its campaign, for the whole team to see."""

    team_path = "candidate__run__campaign__team"

    candidate = models.OneToOneField(Candidate, on_delete=models.CASCADE, related_name="shortlisted")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    objects = TeamOwned.as_manager()

    class Meta:
        ordering = ["-added_at", "-id"]

    def __str__(self) -> str:
        return f"{self.candidate} by {self.added_by}"
