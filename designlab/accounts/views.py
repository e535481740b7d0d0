"""Home, the team page and the team switch."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from designlab.accounts import selectors, services


def team(request: HttpRequest) -> HttpResponse:
    """Who belongs to the team, and for its owner a form that adds a person."""
    shown = {"members": selectors.colleagues(request.team), "roles": services.ROLES}
    return render(request, "accounts/team.html", shown)


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Work in another of my teams from now on."""
    chosen = request.POST.get("team", "")
    request.session["team"] = selectors.team_for(request.user, int(chosen) if chosen.isdigit() else 0).pk
    return redirect("home")


@require_POST
def add_member(request: HttpRequest) -> HttpResponse:
    """Add a person to the team; a new person's first password is shown once."""
    try:
        added = services.add_member(
            actor=request.user,
            team=request.team,
            username=request.POST.get("username", ""),
            role=request.POST.get("role", ""),
        )
    except services.MemberRefused as refusal:
        messages.error(request, str(refusal))
    else:
        words = f"{added.user.username} is now {added.role} in {request.team}."
        if added.password:
            words += f" First password, shown once: {added.password}"
        messages.success(request, words)
    return redirect("accounts:team")


@require_POST
def set_role(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a colleague another role."""
    row = selectors.membership_for(request.user, pk)
    role = request.POST.get("role", "")
    return _changed(request, lambda: services.set_role(actor=request.user, membership=row, role=role),
                    f"{row.user.username} is now {role} in {row.team}.")  # fmt: skip


@require_POST
def remove_member(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a person out of the team, or leave it."""
    row = selectors.membership_for(request.user, pk)
    return _changed(request, lambda: services.remove_member(actor=request.user, membership=row),
                    f"{row.user.username} no longer belongs to {row.team}; what they did stays.")  # fmt: skip


def _changed(request: HttpRequest, change: Callable[[], None], words: str) -> HttpResponse:
    try:
        change()
    except services.MemberRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, words)
    return redirect("accounts:team")
