"""The API's addresses, version 1."""

from __future__ import annotations

from django.urls import path

from events.api.events import EventsView, FlowEventsView, LeadEventsView
from events.api.feedback import FeedbackView
from events.api.leads import LeadView
from events.api.metrics import RecipientMetricsView
from flows.api.leads import LeadsView
from flows.api.steering import PauseView, ResumeView, RetryView

urlpatterns = [
    path("flows/<str:flow>/leads", LeadsView.as_view(), name="leads"),
    path("flows/<str:flow>/events", FlowEventsView.as_view(), name="flow-events"),
    path("leads/<str:lead_id>", LeadView.as_view(), name="lead"),
    path("leads/<str:lead_id>/events", LeadEventsView.as_view(), name="lead-events"),
    path("leads/<str:id>/feedback", FeedbackView.as_view(), name="lead-feedback"),
    path("feedback", FeedbackView.as_view(), name="feedback"),
    path("events", EventsView.as_view(), name="events"),
    path("recipients/<str:slug>/metrics", RecipientMetricsView.as_view(), name="recipient-metrics"),
    path("recipients/<str:slug>/pause", PauseView.as_view(), name="recipient-pause"),
    path("recipients/<str:slug>/resume", ResumeView.as_view(), name="recipient-resume"),
    path("deliveries/<str:id>/retry", RetryView.as_view(), name="delivery-retry"),
]
