"""Addresses of the datasets pages."""

from django.urls import path

from designlab.campaigns.home import home

app_name = "datasets"
urlpatterns = [path("list", home, name="list"), path("reviews/", home, name="reviews")]
