"""Addresses of revealing, and of the list of views."""

from __future__ import annotations

from django.urls import path

from events.viewpages.views import reveal, views

app_name = "viewing"
urlpatterns = [
    path("views/", views, name="views"),
    path("leads/<str:lead_id>/reveal/", reveal, name="reveal"),
]
