"""Addresses of campaigns and runs."""

from django.urls import path

from designlab.campaigns.home import home

app_name = "campaigns"
urlpatterns = [path("", home, name="list")]
