"""Addresses of searches and their rounds."""

from django.urls import path

from designlab.rounds import views

app_name = "rounds"
urlpatterns = [
    path("", views.index, name="list"),
    path("new", views.new, name="new"),
    path("<int:pk>/", views.search, name="search"),
    path("<int:pk>/live", views.live, name="live"),
    path("<int:pk>/propose", views.propose, name="propose"),
    path("<int:pk>/learn", views.learn, name="learn"),
    path("<int:pk>/end", views.end, name="end"),
    path("<int:pk>/take-up", views.take_up, name="take_up"),
    path("<int:pk>/ledger.csv", views.ledger, name="ledger"),
    path("<int:pk>/upload", views.upload, name="upload"),
    path("<int:pk>/verdicts", views.tell, name="tell"),
    path("round/<int:pk>/plate.csv", views.plate, name="plate"),
    path("round/<int:pk>/sent", views.sent, name="sent"),
    path("round/<int:pk>/undo", views.undo, name="undo"),
    path("well/<int:pk>/correct", views.correct, name="correct"),
]
