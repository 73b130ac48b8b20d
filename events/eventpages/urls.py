"""Addresses of the pages of events."""

from __future__ import annotations

from django.urls import path

from events.eventpages.likeness import alike
from events.eventpages.views import keep, listing, throw_away

app_name = "events"
urlpatterns = [
    path("events/", listing, name="list"),
    path("events/kept/", keep, name="keep"),
    path("events/kept/<str:id>/", throw_away, name="throw_away"),
    path("events/alike/<str:id>/", alike, name="alike"),
]
