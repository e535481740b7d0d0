"""Addresses of what a team picked."""

from django.urls import path

from designlab.choosing import views

app_name = "choosing"
urlpatterns = [
    path("campaigns/<int:pk>/shortlist/", views.shortlist, name="shortlist"),
    path("campaigns/<int:pk>/shortlist.<str:kind>", views.download, name="shortlist_file"),
    path("runs/<int:pk>/make-list/", views.make_new, name="make_new"),
    path("make-lists/<int:pk>/", views.make_list, name="make_list"),
    path("candidates/<int:pk>/keep", views.keep, name="keep"),
]
