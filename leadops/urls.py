"""Where each address leads."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView

from events.dashboards.views import front
from flows.api.submit import PingView, SubmitView
from leadops import api_docs, health

# What the API is like is no secret; what it holds is.
OPEN: dict[str, list[Any]] = {"permission_classes": [], "authentication_classes": []}

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="dashboards:overview")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("admin/", front),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(**OPEN), name="schema"),
    path("api/docs/", api_docs.docs, name="api-docs"),
    path("api/v1/", include("leadops.api_urls")),
    path("flows/<str:flow>/sources/<str:source>/submit", SubmitView.as_view(), name="submit"),
    path("flows/<str:flow>/sources/<str:source>/ping", PingView.as_view(), name="submit-ping"),
    path("dashboards/", include("events.dashboards.urls")),
    path("leads/", include("events.leadpages.urls")),
    path("", include("events.viewpages.urls")),
    path("", include("events.eventpages.urls")),
    path("", include("events.exportpages.urls")),
    path("", include("events.privacypages.urls")),
    path("", include("flows.importpages.urls")),
    path("", include("flows.reviewpages.urls")),
    path("", include("flows.specificationpages.urls")),
    path("", include("flows.suppressionpages.urls")),
]

handler400 = "leadops.inbound.bad_request"
handler500 = "leadops.inbound.server_error"
