"""Words of people, as pages show them."""

import re

from django import template
from django.utils.html import format_html, format_html_join

register = template.Library()
NAME = re.compile(r"((?<![\w.+@-])@[\w.+@-]*\w)")


@register.filter
def called(text):
    """A text with the @names in it set apart; everything else is escaped."""
    parts = NAME.split(str(text))  # words and names by turns
    shown = [format_html('<b class="called">{}</b>', one) if i % 2 else one for i, one in enumerate(parts)]
    return format_html_join("", "{}", ((one,) for one in shown))


@register.filter
def due(round):
    """When a review is due, and for how long it is overdue, in words; empty without a date."""
    if round.due is None:
        return ""
    days = round.days_over
    if not days:
        return f"due {round.due:%-d %b %Y}"
    many = "" if days == 1 else "s"
    return format_html('due {}, <b class="outside">overdue by {} day{}</b>', f"{round.due:%-d %b %Y}", days, many)
