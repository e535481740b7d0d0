"""Addresses of the candidates pages."""

from designlab.campaigns.home import home
from django.urls import path

app_name = "candidates"
urlpatterns = [path("list", home, name="list"), path("reviews/", home, name="reviews")]
