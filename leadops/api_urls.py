"""The API's addresses, version 1."""

from __future__ import annotations

from typing import Any

from django.urls import path
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events.api.destinations import DestinationTestView
from events.api.events import EventsView, EventView, FlowEventsView, LeadEventsView
from events.api.exports import (
    ExportCancelView,
    ExportDownloadView,
    ExportLinkView,
    ExportsView,
    ExportView,
)
from events.api.feedback import FeedbackView
from events.api.fields import RecipientFieldsView
from events.api.leads import LeadView
from events.api.metrics import RecipientMetricsView
from events.api.privacy import AccessRequestsView, ErasuresView, ErasureView
from events.api.reveal import RevealView
from events.api.stream import EventStreamView
from flows.api.breakers import BreakersView, CloseBreakerView, OpenBreakerView
from flows.api.capacity import CapacityView, FlowCapacityView
from flows.api.imports import (
    ImportAcceptedView,
    ImportCancelView,
    ImportErrorsView,
    ImportPauseView,
    ImportResumeView,
    ImportsView,
    ImportView,
)
from flows.api.leads import LeadsView
from flows.api.pings import PingsView
from flows.api.retries import BulkCancelView, BulkRetryView, BulkView
from flows.api.steering import PauseView, ResumeView, RetryView
from flows.api.suppression import (
    SuppressionCheckView,
    SuppressionEntriesView,
    SuppressionListsView,
)
from flows.api.testing import TestView


class NoSuchCall(APIView):
    """Whatever else is asked for: an error in the API's shape, not a page."""

    authentication_classes = []
    permission_classes = []
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise exceptions.NotFound("There is no such call; see /api/docs/.")

    def get(self, request: Request, rest: str) -> Response:
        raise NotImplementedError  # `initial` has answered


urlpatterns = [
    path("flows/<str:flow>/leads", LeadsView.as_view(), name="leads"),
    path("flows/<str:flow>/pings", PingsView.as_view(), name="pings"),
    path("flows/<str:flow>/events", FlowEventsView.as_view(), name="flow-events"),
    path("flows/<str:flow>/imports", ImportsView.as_view(), name="imports"),
    path("imports/<str:id>", ImportView.as_view(), name="import"),
    path("imports/<str:id>/pause", ImportPauseView.as_view(), name="import-pause"),
    path("imports/<str:id>/resume", ImportResumeView.as_view(), name="import-resume"),
    path("imports/<str:id>/cancel", ImportCancelView.as_view(), name="import-cancel"),
    path("imports/<str:id>/errors", ImportErrorsView.as_view(), name="import-errors"),
    path("imports/<str:id>/accepted", ImportAcceptedView.as_view(), name="import-accepted"),
    path("leads/<str:lead_id>", LeadView.as_view(), name="lead"),
    path("leads/<str:lead_id>/events", LeadEventsView.as_view(), name="lead-events"),
    path("leads/<str:lead_id>/reveal", RevealView.as_view(), name="lead-reveal"),
    path("leads/<str:id>/feedback", FeedbackView.as_view(), name="lead-feedback"),
    path("erasures", ErasuresView.as_view(), name="erasures"),
    path("erasures/<str:id>", ErasureView.as_view(), name="erasure"),
    path("access-requests", AccessRequestsView.as_view(), name="access-requests"),
    path("feedback", FeedbackView.as_view(), name="feedback"),
    path("events/stream", EventStreamView.as_view(), name="event-stream"),
    path("exports", ExportsView.as_view(), name="exports"),
    path("exports/<str:id>", ExportView.as_view(), name="export"),
    path("exports/<str:id>/cancel", ExportCancelView.as_view(), name="export-cancel"),
    path("exports/<str:id>/link", ExportLinkView.as_view(), name="export-link"),
    path("exports/<str:id>/download", ExportDownloadView.as_view(), name="export-download"),
    path("events", EventsView.as_view(), name="events"),
    path("events/<str:id>", EventView.as_view(), name="event"),
    path("recipients/<str:slug>/metrics", RecipientMetricsView.as_view(), name="recipient-metrics"),
    path("recipients/<str:slug>/fields", RecipientFieldsView.as_view(), name="recipient-fields"),
    path("recipients/<str:slug>/pause", PauseView.as_view(), name="recipient-pause"),
    path("recipients/<str:slug>/resume", ResumeView.as_view(), name="recipient-resume"),
    path("flows/<str:flow>/capacity", FlowCapacityView.as_view(), name="flow-capacity"),
    path("recipients/<str:slug>/capacity", CapacityView.as_view(), name="recipient-capacity"),
    path("recipients/<str:slug>/breakers", BreakersView.as_view(), name="recipient-breakers"),
    path(
        "recipients/<str:slug>/breakers/<str:endpoint>/open",
        OpenBreakerView.as_view(),
        name="breaker-open",
    ),
    path(
        "recipients/<str:slug>/breakers/<str:endpoint>/close",
        CloseBreakerView.as_view(),
        name="breaker-close",
    ),
    path("recipients/<str:slug>/test", TestView.as_view(), name="recipient-test"),
    path("recipients/<str:slug>/retry", BulkRetryView.as_view(), name="recipient-retry"),
    path("retries/<str:id>", BulkView.as_view(), name="bulk-retry"),
    path("retries/<str:id>/cancel", BulkCancelView.as_view(), name="bulk-retry-cancel"),
    path("suppression-lists", SuppressionListsView.as_view(), name="suppression-lists"),
    path(
        "suppression-lists/<str:slug>/entries",
        SuppressionEntriesView.as_view(),
        name="suppression-entries",
    ),
    path(
        "suppression-lists/<str:slug>/check",
        SuppressionCheckView.as_view(),
        name="suppression-check",
    ),
    path("deliveries/<str:id>/retry", RetryView.as_view(), name="delivery-retry"),
    path("destinations/<str:slug>/test", DestinationTestView.as_view(), name="destination-test"),
    path("<path:rest>", NoSuchCall.as_view()),
    path("", NoSuchCall.as_view(), {"rest": ""}),
]
