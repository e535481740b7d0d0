"""What a person may see of candidates and reviews."""

from designlab.accounts.models import User
from designlab.candidates.models import Assignment


def n_reviews_waiting(user: User) -> int:
    """How many open rounds wait for this person's votes."""
    return Assignment.objects.filter(user=user, finished_at=None, round__frozen_at=None).count()
