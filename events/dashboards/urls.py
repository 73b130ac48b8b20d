"""Addresses of the dashboards."""

from __future__ import annotations

from django.urls import path

from events.dashboards.views import overview, recipient

app_name = "dashboards"
urlpatterns = [
    path("", overview, name="overview"),
    path("recipients/<slug:slug>/", recipient, name="recipient"),
]
