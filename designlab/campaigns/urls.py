"""Addresses of campaigns and runs."""

from django.urls import path

from designlab.campaigns import compare_views, run_views, saved_views, setup_views, views

app_name = "campaigns"
urlpatterns = [
    path("", views.campaign_list, name="list"),
    path("new", setup_views.new, name="new"),
    path("create", setup_views.create, name="create"),
    path("preview", setup_views.preview, name="preview"),
    path("preflight", setup_views.check, name="preflight"),
    path("scorer-tests/<str:token>", setup_views.scorer_test, name="scorer_test"),
    path("rewards/", saved_views.index, name="rewards"),
    path("rewards/upload", saved_views.upload, name="reward_upload"),
    path("rewards/<int:pk>/", saved_views.detail, name="saved_reward"),
    path("rewards/<int:pk>/upload", saved_views.upload_version, name="reward_version_upload"),
    path("rewards/versions/<int:pk>.json", saved_views.version_json, name="reward_version_json"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/compare", compare_views.compare, name="compare"),
    path("<int:pk>/new-run", setup_views.new_run, name="new_run"),
    path("<int:pk>/budgets", views.set_budgets, name="set_budgets"),
    path("<int:pk>/reward.json", setup_views.reward_json, name="reward_json"),
    path("runs/<int:pk>/", run_views.run, name="run"),
    path("runs/<int:pk>/live", run_views.live, name="run_live"),
    path("runs/<int:pk>/pause", run_views.pause, name="pause"),
    path("runs/<int:pk>/resume", run_views.resume, name="resume"),
    path("runs/<int:pk>/stop", run_views.stop, name="stop"),
    path("runs/<int:pk>/clone", setup_views.clone, name="clone"),
]
