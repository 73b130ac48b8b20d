"""Where buyers and sources open their specifications."""

from __future__ import annotations

from django.urls import path

from flows.specificationpages.submissions import submission
from flows.specificationpages.views import specification

app_name = "specifications"
urlpatterns = [
    path("specifications/<str:token>/", specification, name="open"),
    path("submissions/<str:token>/", submission, name="submission"),
]
