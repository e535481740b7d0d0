"""Addresses of the page on which people make tokens."""

from django.urls import path

from designlab.api import pages

app_name = "tokens"
urlpatterns = [
    path("", pages.tokens, name="list"),
    path("<int:pk>/revoke", pages.revoke, name="revoke"),
]
