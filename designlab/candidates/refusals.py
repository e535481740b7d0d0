"""Why a change to a review is not made."""


class ReviewRefused(Exception):
    """A change to a review is not possible; the message says why and what to do."""
