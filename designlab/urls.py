"""Every address of the product."""

from django.urls import include, path

from designlab.campaigns.home import home
from designlab.operations.activity import activity
from designlab.operations.views import healthz, metrics, readyz

urlpatterns = [
    path("", home, name="home"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("sign-in/", include("designlab.accounts.sign_in")),
    path("team/", include("designlab.accounts.urls")),
    path("team/activity", activity, name="activity"),
    path("team/tokens/", include("designlab.api.page_urls")),
    path("api/v1/", include("designlab.api.root")),
    path("data/", include("designlab.datasets.urls")),
    path("campaigns/", include("designlab.campaigns.urls")),
    path("rounds/", include("designlab.rounds.urls")),
    path("", include("designlab.results.urls")),
    path("", include("designlab.choosing.urls")),
    path("", include("designlab.reports.urls")),
    path("", include("designlab.candidates.urls")),
]
