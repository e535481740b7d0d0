"""The page on which a person makes and revokes tokens for programs."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from designlab.api import tokens as services
from designlab.api.models import Token

DAYS = ((7, "a week"), (30, "a month"), (90, "three months"), (365, "a year"))


@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """My tokens for this team, and a form for another; its secret is shown once, in the answer to the form."""
    made, refused = None, ""
    if request.method == "POST":
        days = request.POST.get("days", "")
        try:
            made = services.create_token(
                actor=request.user, team=request.team, name=request.POST.get("name", ""),
                scope=request.POST.get("scope", ""), days=int(days) if days.isdecimal() and len(days) < 6 else 0,
            )  # fmt: skip
        except services.TokenRefused as refusal:
            refused = str(refusal)
    shown = {
        "tokens": services.tokens_of(request.user, request.team), "made": made, "refused": refused,
        "scopes": Token.Scope.choices, "days": DAYS, "section": "team",
        "address": request.build_absolute_uri("/").rstrip("/"),
    }  # fmt: skip
    answer = render(request, "accounts/tokens.html", shown, status=422 if refused else 200)
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End one of my tokens."""
    token = Token.objects.visible_to(request.user).filter(pk=pk, user=request.user).first()
    if token is None:
        raise Http404
    services.revoke_token(actor=request.user, token_id=pk)
    messages.success(request, f"The token {token} no longer opens anything.")
    return redirect("tokens:list")
