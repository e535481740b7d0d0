"""What this process answered since it began: requests by view and status, and how long they took."""

import threading
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

UNKNOWN = "unknown"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds; expectations stand at 0.5
Key = tuple[str, str, int]  # method, view, status


@dataclass
class Times:
    """How many requests of a view fell below each bound but not below the one before, the last without a bound."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total_s: float = 0.0


_lock = threading.Lock()
_requests: Counter[Key] = Counter()
_times: dict[str, Times] = {}


def method_of(method: str | None) -> str:
    """The method when it is a usual one; anybody may send any word."""
    return method if method in METHODS else "other"


def count(method: str | None, view: str, status: int, seconds: float) -> None:
    """Count one request."""
    with _lock:
        _requests[method_of(method), view, status] += 1
        times = _times.setdefault(view, Times())
        times.buckets[bisect_left(BOUNDS, seconds)] += 1
        times.total_s += seconds


def counted() -> tuple[dict[Key, int], dict[str, Times]]:
    """A copy of the counts by now."""
    with _lock:
        return dict(_requests), {view: Times(list(times.buckets), times.total_s) for view, times in _times.items()}
