"""Where each address leads."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from events.dashboards.views import front
from leadops import health

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="dashboards:overview")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("admin/", front),
    path("admin/", admin.site.urls),
    path("api/v1/", include("leadops.api_urls")),
    path("dashboards/", include("events.dashboards.urls")),
    path("leads/", include("events.leadpages.urls")),
]
