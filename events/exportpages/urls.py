"""Addresses of the pages of exports."""

from __future__ import annotations

from django.urls import path

from events.exportpages.files import by_link, download
from events.exportpages.views import new, one, overview

app_name = "exports"
urlpatterns = [
    path("exports/", overview, name="list"),
    path("exports/new/", new, name="new"),
    path("exports/file/<str:token>/", by_link, name="file"),
    path("exports/<str:id>/", one, name="one"),
    path("exports/<str:id>/download/", download, name="download"),
]
