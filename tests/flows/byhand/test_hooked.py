"""What hooks pause, as if somebody had done it, once."""

from __future__ import annotations

import pytest

from events.hooks import pausing
from events.models import Event
from events.vocabulary import EventType
from recipients.models import Endpoint
from tests.factories import make_recipient, make_source

pytestmark = pytest.mark.django_db
WHY = {"reason": "Hook a: too many", "by": pausing.by("a")}


def test_a_source_is_switched_off_which_the_history_tells() -> None:
    source = make_source()
    pause = pausing.pauser("source")
    assert pause(source.id, way="", **WHY) == "switched off Web Form A"
    assert pause(source.id, way="", **WHY) == ""
    source.refresh_from_db()
    assert not source.active
    assert Event.objects.get(type=EventType.CONFIG_CHANGED.value).data["by"] == "hook:a"


def test_the_endpoint_of_the_event_is_paused_and_no_other() -> None:
    buyer = make_recipient()
    other = Endpoint.objects.create(recipient=buyer, kind="fallback", url="https://b.example.com/")
    pause = pausing.pauser("endpoint")
    with pytest.raises(LookupError):
        pause(buyer.id, way="", **WHY)
    assert pause(buyer.id, way="fallback", **WHY) == "paused Abc Insurance, fallback"
    assert pause(buyer.id, way="fallback", **WHY) == ""
    other.refresh_from_db()
    assert other.paused_reason == "Hook a: too many"
    assert not buyer.endpoints.exclude(pk=other.pk).filter(paused_at__isnull=False).exists()
    assert Event.objects.get(type=EventType.RECIPIENT_PAUSED.value).data["endpoint"] == "fallback"


def test_what_is_gone_is_said() -> None:
    for kind in ("recipient", "source", "endpoint"):
        with pytest.raises(LookupError):
            pausing.pauser(kind)("gone", way="", **WHY)
