"""How sign-in behaves."""

from allauth.account.adapter import DefaultAccountAdapter


class ClosedDoorAdapter(DefaultAccountAdapter):
    """Nobody signs up alone: a team's owner adds people."""

    def is_open_for_signup(self, request) -> bool:
        return False
