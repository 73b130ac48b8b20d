"""Addresses of imports of leads."""

from __future__ import annotations

from django.urls import path

from flows.importpages.files import accepted, errors
from flows.importpages.views import one, overview, send

app_name = "imports"
urlpatterns = [
    path("imports/", overview, name="list"),
    path("imports/upload/", send, name="send"),
    path("imports/<str:id>/", one, name="one"),
    path("imports/<str:id>/errors.csv", errors, name="errors"),
    path("imports/<str:id>/accepted.csv", accepted, name="accepted"),
]
