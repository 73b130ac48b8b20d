"""Signs of life of the streams' process, and what is said when they stay away."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from events.models import Alert, Event, EventHook, EventSubscription, StreamsBeat
from events.streaming import watching
from events.streaming.pulse import Part, Pulse

pytestmark = pytest.mark.django_db
HOME = Path("/var/lib/leadops")
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def beat(*, age: float = 0.0, host: str = "web-1") -> None:
    at = timezone.now() - timedelta(seconds=age)
    StreamsBeat.objects.create(host=host, home=str(HOME), pid=7, beat=at)


def subscribe() -> None:
    EventSubscription.objects.create(
        slug="warehouse",
        url="https://in.example.com/",
        secret=SECRET,
        due_at=timezone.now() - timedelta(hours=1),
    )


def open_alerts() -> dict[str, str]:
    return dict(Alert.objects.filter(resolved_at=None).values_list("subject", "text"))


def test_it_beats_on_one_row_and_signs_off() -> None:
    pulse = Pulse(HOME, 7, open=lambda: 3)
    pulse.part("streams", 10.0)
    assert pulse.beat()
    first = StreamsBeat.objects.get()
    assert (first.pid, first.open, first.home) == (7, 3, str(HOME))
    successor = Pulse(HOME, 8, open=lambda: 0)
    assert successor.beat()
    assert StreamsBeat.objects.get().pid == 8
    pulse._execute("UPDATE events_streamsbeat SET open = 1 WHERE pid = %(pid)s")
    assert StreamsBeat.objects.get().open == 0, "its row is its successor's"
    pulse._stopping.set()


def test_a_part_that_stands_still_keeps_the_beat_away(capfd: pytest.CaptureFixture[str]) -> None:
    pulse = Pulse(HOME, 7, open=lambda: 0)
    moved = pulse.part("hooks", 10.0)
    assert isinstance(moved, Part)
    moved.at -= 11.0
    assert not pulse.beat()
    assert not pulse.beat()
    assert not StreamsBeat.objects.exists()
    said = capfd.readouterr().err
    assert said.count(threading.current_thread().name) or "most recent call first" in said
    moved()
    assert pulse.beat()


def test_a_silent_process_is_an_alert_until_it_beats_again() -> None:
    beat(age=90.0)
    beat(host="web-2")
    watching.watch()
    watching.watch()
    assert list(open_alerts()) == ["streams:web-1"]
    assert "no sign of life since" in open_alerts()["streams:web-1"]
    assert Event.objects.filter(type="alert.raised").count() == 1
    StreamsBeat.objects.update(beat=timezone.now())
    watching.watch()
    assert open_alerts() == {}


def test_a_machine_that_was_taken_away_is_forgotten() -> None:
    beat(age=2 * 86_400.0)
    watching.watch()
    assert open_alerts() == {}
    assert not StreamsBeat.objects.exists()


def test_work_that_no_process_does_is_an_alert() -> None:
    watching.watch()
    assert open_alerts() == {}, "who uses none of it needs no process"
    subscribe()
    EventHook.objects.create(
        slug="all", name="All", active=True, armed_at=timezone.now() - timedelta(hours=1)
    )
    watching.watch()
    assert "1 push subscription and 1 hook wait" in open_alerts()["streams:none"]
    beat()
    watching.watch()
    assert open_alerts() == {}
