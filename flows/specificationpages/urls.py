"""Where buyers open their specification."""

from __future__ import annotations

from django.urls import path

from flows.specificationpages.views import specification

app_name = "specifications"
urlpatterns = [path("specifications/<str:token>/", specification, name="open")]
