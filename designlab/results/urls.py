"""Addresses of results."""

from django.urls import path

from designlab.results import views

app_name = "results"
urlpatterns = [
    path("campaigns/<int:pk>/results/", views.page, name="page"),
    path("campaigns/<int:pk>/results/upload", views.upload, name="upload"),
    path("campaigns/<int:pk>/results/tell", views.tell, name="tell"),
    path("campaigns/<int:pk>/results/learn", views.learn, name="learn"),
    path("campaigns/<int:pk>/results/next-round", views.next_round, name="next_round"),
    path("campaigns/<int:pk>/results.csv", views.download, name="download"),
    path("results/<int:pk>/withdraw", views.withdraw, name="withdraw"),
]
