"""Addresses of the datasets pages."""

from designlab.campaigns.home import home
from django.urls import path

app_name = "datasets"
urlpatterns = [path("list", home, name="list"), path("reviews/", home, name="reviews")]
