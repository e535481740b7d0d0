"""Addresses of reports."""

from django.urls import path, register_converter

from designlab.reports import views


class Kind:
    """html or pdf."""

    regex = "html|pdf"

    def to_python(self, value: str) -> str:
        """As written."""
        return value

    def to_url(self, value: str) -> str:
        """As written."""
        return value


register_converter(Kind, "report")
app_name = "reports"
urlpatterns = [
    path("reviews/<int:pk>/report.<report:kind>", views.review, name="review"),
    path("campaigns/<int:pk>/report.<report:kind>", views.campaign, name="campaign"),
]
