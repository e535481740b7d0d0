"""How sign-in behaves, and what it says."""

from allauth.account.adapter import DefaultAccountAdapter

NO_MATCH = "This name and password do not belong together. Check both; capitals count in the password."


class ClosedDoorAdapter(DefaultAccountAdapter):
    """Nobody signs up alone: a team's owner adds people."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": NO_MATCH,
        "email_password_mismatch": NO_MATCH,
        "invalid_login": NO_MATCH,
        "too_many_login_attempts": "Too many attempts with a wrong password. Wait five minutes, then try again.",
        "incorrect_password": "This is not your present password.",
        "enter_current_password": "This is not your present password.",
        "account_inactive": "This account is switched off; whoever runs this installation can switch it on again.",
        "rate_limited": "Too many requests in a short time. Wait a minute, then try again.",
    }

    def is_open_for_signup(self, request) -> bool:
        return False
