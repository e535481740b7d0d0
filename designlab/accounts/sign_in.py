"""The few addresses of allauth that the product uses; accounts are made by team owners, not by sign-up."""

from allauth.account import views
from django.urls import path

urlpatterns = [
    path("", views.login, name="account_login"),
    path("out", views.logout, name="account_logout"),
    path("password", views.password_change, name="account_change_password"),
    path("inactive", views.account_inactive, name="account_inactive"),
    path("closed", views.signup, name="account_signup"),
    path("again", views.reauthenticate, name="account_reauthenticate"),
]
