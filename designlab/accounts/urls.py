"""Team pages."""

from django.urls import path

from designlab.accounts import views

app_name = "accounts"
urlpatterns = [
    path("", views.team, name="team"),
    path("switch", views.switch, name="switch"),
    path("add", views.add_member, name="add_member"),
    path("members/<int:pk>/role", views.set_role, name="set_role"),
    path("members/<int:pk>/remove", views.remove_member, name="remove_member"),
]
