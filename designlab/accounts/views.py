"""Home, the team page and the team switch."""

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
