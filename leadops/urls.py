"""Where each address leads."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from leadops import health

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("admin/", admin.site.urls),
    path("api/v1/", include("leadops.api_urls")),
    path("dashboards/", include("events.dashboards.urls")),
    path("leads/", include("events.leadpages.urls")),
]
