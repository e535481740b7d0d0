"""Addresses of campaigns and runs."""

from designlab.campaigns.home import home
from django.urls import path

app_name = "campaigns"
urlpatterns = [path("", home, name="list")]
