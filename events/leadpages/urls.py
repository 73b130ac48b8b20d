"""Addresses of the lead pages."""

from __future__ import annotations

from django.urls import path

from events.leadpages.proof import proof
from events.leadpages.views import lead, search

app_name = "leads"
urlpatterns = [
    path("", search, name="search"),
    path("<str:lead_id>/", lead, name="lead"),
    path("<str:lead_id>/proof/", proof, name="proof"),
]
