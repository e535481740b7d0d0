"""What happened in a team, as its record tells it."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from designlab.candidates.review_selectors import team_history

PAGE = 50


@require_safe
def activity(request: HttpRequest) -> HttpResponse:
    """Who did what, newest first; of blinded rounds only what is open to the person who looks."""
    if request.team is None:
        return redirect("accounts:team")
    rows = team_history(request.user, request.team)
    who = request.GET.get("who", "")
    shown = rows.filter(user__username=who) if who else rows
    page = Paginator(shown, PAGE).get_page(request.GET.get("page"))
    people = request.team.members.order_by("username").values_list("username", flat=True)
    return render(request, "accounts/activity.html", {"page": page, "who": who, "people": people})
