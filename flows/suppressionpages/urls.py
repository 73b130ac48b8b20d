"""Addresses of the entries of suppression lists."""

from __future__ import annotations

from django.urls import path

from flows.suppressionpages.views import change, entries, send, upload

app_name = "suppression"
urlpatterns = [
    path("suppression/<slug:slug>/", entries, name="list"),
    path("suppression/<slug:slug>/change/", change, name="change"),
    path("suppression/<slug:slug>/upload/", send, name="send"),
    path("suppression/uploads/<str:id>/", upload, name="upload"),
]
