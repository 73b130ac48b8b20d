"""The console's landing page: what needs somebody, and what happened last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from events.models import Alert, Event
from events.vocabulary import EventType
from flows.models import Flow, Source
from leadops import badges, console, vitals
from leadops.lib import durations
from recipients import expiry
from recipients.models import Recipient

ALIVE = 15.0  # seconds since a pump's last sign of life
SHOWN = 8


def context(request: HttpRequest, given: dict[str, Any]) -> dict[str, Any]:
    """What the landing page shows to this person."""
    user: Any = request.user
    given["own_recipients"] = None
    if not user.sees_all:
        given["own_recipients"] = [_own(recipient) for recipient in user.visible_recipients()[:50]]
        return given
    given.update(
        tiles=_tiles(),
        alerts=Alert.objects.filter(resolved_at__isnull=True).order_by("-raised_at")[:SHOWN],
        paused=_paused()[:SHOWN],
        secrets=[(secret, expiry.told(secret)) for secret in expiry.due()[:SHOWN]],
        changes=_changes(),
        steps=_first_steps() if user.operates else [],
        dashboards=console.address("dashboards:overview"),
    )
    return given


def _own(recipient: Recipient) -> Mapping[str, Any]:
    return {"recipient": recipient, "state": "Paused" if recipient.is_paused else "Active"}


def _tiles() -> list[dict[str, str]]:
    seen = vitals.read()
    pumps = sum(beat.age < ALIVE for beat in seen.beats)
    late = durations.text(round(seen.oldest_due))
    due = f"{seen.due:,}+" if seen.due >= vitals.COUNT_LIMIT else f"{seen.due:,}"
    alerts = badges.open_alerts()
    return [
        {
            "title": "Workers",
            "value": f"{pumps} alive" if pumps else "None",
            "note": "pumps with a heartbeat" if pumps else "nothing is being sent",
            "tone": "" if pumps else "bad",
        },
        {
            "title": "Due work",
            "value": due,
            "note": f"oldest is {late} late" if seen.oldest_due >= 1 else "nothing is late",
            "tone": "",
        },
        {
            "title": "Open alerts",
            "value": str(alerts),
            "note": "need somebody" if alerts else "all figures within their bounds",
            "tone": "bad" if alerts else "",
        },
        {
            "title": "Held recipients",
            "value": str(_paused().count()),
            "note": "paused, or with a paused endpoint",
            "tone": "",
        },
    ]


def _paused() -> QuerySet[Recipient]:
    held = Q(paused_at__isnull=False) | Q(endpoints__paused_at__isnull=False)
    return Recipient.objects.filter(held, active=True).distinct().order_by("name")


def _changes() -> QuerySet[Event]:
    query = Event.objects.filter(
        type__in=[
            EventType.CONFIG_CHANGED,
            EventType.RECIPIENT_PAUSED,
            EventType.RECIPIENT_RESUMED,
        ]
    )
    return query.order_by("-timestamp", "-id")[:SHOWN]


def _first_steps() -> list[dict[str, Any]]:
    """What is to be set up before the first lead; nothing once all is there."""
    steps = [
        ("Add a recipient", "who receives leads, and how", Recipient, "recipients_recipient"),
        ("Add a source", "who sends them, with its key", Source, "flows_source"),
        ("Add a flow", "what happens in between", Flow, "flows_flow"),
    ]
    found = [
        {
            "title": title,
            "note": note,
            "done": model._default_manager.exists(),
            "url": console.address(f"admin:{name}_add"),
        }
        for title, note, model, name in steps
    ]
    return [] if all(step["done"] for step in found) else found
