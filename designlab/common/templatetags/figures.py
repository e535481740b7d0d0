"""Numbers and dates as the pages write them."""

import math
from datetime import timedelta

from django import template
from django.utils import timezone
from django.utils.html import format_html

register = template.Library()


@register.filter
def count(value) -> str:
    """A whole number with separators: 12,480."""
    return "–" if value is None else f"{int(value):,}"


@register.filter
def sensible(value, digits: int = 3) -> str:
    """A measured number with sensible digits and a true minus sign; a dash where there is none."""
    if value is None or value == "":
        return "–"
    number = float(value)
    if not math.isfinite(number):
        return "–"
    if number == 0:
        return "0"
    decimals = max(0, int(digits) - 1 - math.floor(math.log10(abs(number))))
    return f"{number:,.{min(decimals, 6)}f}".replace("-", "−")


@register.filter
def reward(value) -> str:
    """A reward between 0 and 1 with two decimals; three near the ends, where two would say 0 or 1."""
    if value is None or value == "":
        return "–"
    number = float(value)
    return f"{number:.3f}" if 0 < number < 0.01 or 0.995 <= number < 1 else f"{number:.2f}"


@register.filter
def percent(share) -> str:
    """A share between 0 and 1 in per cent: 10 %; one decimal below 10 and near 100, where whole numbers would lie."""
    if share is None or share == "":
        return "–"
    value = 100 * float(share)
    whole = value == round(value) or 10 <= value <= 99
    return f"{value:.0f} %" if whole else f"{value:.1f} %"


@register.filter
def span(seconds) -> str:
    """A length of time in words: 45 seconds, 8 minutes, 2 hours."""
    if seconds is None:
        return "–"
    seconds = max(0, round(float(seconds)))
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 1.5 * size or seconds == size:
            n = round(seconds / size)
            return f"{n} {word}{'' if n == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


@register.filter
def ago(moment):
    """A moment relative to now, the absolute one on hover."""
    if moment is None:
        return "–"
    age = timezone.now() - moment
    words = "just now" if age < timedelta(seconds=2) else f"{span(age.total_seconds())} ago"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), f"{moment:%d %b %Y, %H:%M} UTC", words
    )


@register.filter
def lookup(mapping, key):
    """A value of a dictionary by a key that a template holds in a variable."""
    return mapping.get(key) if mapping else None


@register.filter
def megabytes(size) -> str:
    """A file's size: 312 kB, 4.2 MB."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3))} kB"
