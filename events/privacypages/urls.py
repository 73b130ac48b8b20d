"""Addresses of the privacy pages."""

from __future__ import annotations

from django.urls import path

from events.privacypages.views import request_page, start

app_name = "privacy"
urlpatterns = [
    path("privacy/", start, name="start"),
    path("privacy/<str:id>/", request_page, name="request"),
]
