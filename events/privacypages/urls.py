"""Addresses of the privacy pages."""

from __future__ import annotations

from django.urls import path

from events.privacypages.fields import recipient, recipients, recipients_file
from events.privacypages.views import disclosed, request_page, start

app_name = "privacy"
urlpatterns = [
    path("privacy/", start, name="start"),
    path("leads/<str:lead_id>/disclosed/", disclosed, name="disclosed"),
    path("fields/", recipients, name="recipients"),
    path("fields.csv", recipients_file, name="recipients_file"),
    path("fields/<slug:slug>/", recipient, name="recipient"),
    path("privacy/<str:id>/", request_page, name="request"),
]
