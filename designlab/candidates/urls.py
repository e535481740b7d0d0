"""Addresses of the candidates pages."""

from django.urls import path

from designlab.campaigns.home import home

app_name = "candidates"
urlpatterns = [path("list", home, name="list"), path("reviews/", home, name="reviews")]
