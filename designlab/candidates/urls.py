"""Addresses of candidates and reviews."""

from django.urls import path

from designlab.candidates import review_views, views

app_name = "candidates"
urlpatterns = [
    path("runs/<int:pk>/candidates/", views.listing, name="list"),
    path("runs/<int:pk>/candidates/counting/", views.counting, name="counting"),
    path("runs/<int:pk>/candidates.<str:kind>", views.download, name="download"),
    path("runs/<int:pk>/candidates/map/", views.map_and_figures, name="space"),
    path("runs/<int:pk>/candidates/modes/", views.modes, name="modes"),
    path("runs/<int:pk>/candidates/families/", views.groups, {"kind": "families"}, name="families"),
    path("runs/<int:pk>/candidates/clusters/", views.groups, {"kind": "clusters"}, name="clusters"),
    path("runs/<int:pk>/candidates/why-not/", views.why_not, name="why_not"),
    path("runs/<int:pk>/review/", review_views.new, name="review_new"),
    path("candidates/<int:pk>/", views.detail, name="detail"),
    path("candidates/<int:pk>/drawing.svg", views.drawing, name="drawing"),
    path("reviews/", review_views.reviews, name="reviews"),
    path("reviews/<int:pk>/", review_views.review, name="review"),
    path("reviews/<int:pk>/vote/", review_views.vote, name="vote"),
    path("reviews/<int:pk>/grid/", review_views.grid, name="grid"),
    path("reviews/<int:pk>/remark/", review_views.remark, name="remark"),
    path("mentions/<int:pk>/seen/", review_views.seen, name="seen"),
    path("reviews/<int:pk>/decide/", review_views.decide, name="decide"),
    path("reviews/<int:pk>/freeze/", review_views.freeze, name="freeze"),
    path("reviews/<int:pk>/votes.csv", review_views.export, name="review_export"),
]
