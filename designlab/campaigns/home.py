"""The first page: what needs me?"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def home(request: HttpRequest) -> HttpResponse:
    """My reviews due, runs in progress and just finished, campaigns by last activity."""
    return render(request, "campaigns/home.html", {})
