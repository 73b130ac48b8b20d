"""Addresses of the review queue and of sending again."""

from __future__ import annotations

from django.urls import path

from flows.reviewpages.again import again
from flows.reviewpages.item import item
from flows.reviewpages.queue import queue
from flows.reviewpages.retries import retries, retry

app_name = "review"
urlpatterns = [
    path("review/", queue, name="queue"),
    path("retries/", retries, name="retries"),
    path("retries/<str:id>/", retry, name="retry"),
    path("deliveries/<str:id>/again/", again, name="again"),
    path("review/<str:id>/", item, name="item"),
]
