"""The numbers beside the sidebar's items."""

from __future__ import annotations

from django.http import HttpRequest

from events import visibility
from events.models import Alert
from flows.byhand import held


def open_alerts() -> int:
    return Alert.objects.filter(resolved_at__isnull=True).count()


def in_review(request: HttpRequest) -> str:
    """How many wait for review that this person sees; blank for none."""
    found = held.count(visibility.of_user(request.user))
    return f"{held.COUNTED - 1}+" if found >= held.COUNTED else str(found or "")
