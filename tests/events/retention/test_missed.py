"""Events that go before somebody who follows the record has them: warned of, and then recorded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from events import following
from events.admin.subscriptions import kept_text, missed_text
from events.models import Alert, Event, EventHook, EventSubscription, HookFollower
from events.retention import missed, readers, running, terms
from events.retention.terms import Kept
from events.sealing import seals
from tests.events.retention.ages import DAY, keep, month_of, older, there
from tests.events.test_following import write
from tests.factories import make_recipient

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = 90


def subscribe(slug: str = "warehouse", **fields: Any) -> EventSubscription:
    given = {"url": "https://in.example.com/", "secret": "${X}", "tx": 0, **fields}
    return EventSubscription.objects.create(slug=slug, **given)


def hook() -> EventHook:
    armed_at = timezone.now() - timedelta(days=365)
    return EventHook.objects.create(slug="all", name="All", active=True, armed_at=armed_at)


def follow() -> None:
    """Hooks are at the beginning of the record, whatever was."""
    HookFollower.objects.create(id=1, tx=0)


def alerts() -> dict[str, str]:
    return dict(Alert.objects.filter(resolved_at=None).values_list("subject", "text"))


def kept_for(left: timedelta) -> None:
    """Events are kept for so long that the month of the oldest goes in that time."""
    oldest = Event.objects.earliest("timestamp").timestamp
    end = (oldest.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
           + timedelta(days=32)).replace(day=1)  # fmt: skip
    keep(events=(timezone.now() + left - end).total_seconds() / DAY)


def trim() -> Any:
    seals.seal()
    run = running.start()
    assert run is not None
    assert running.work(run.id, seconds=60.0, stopping=lambda: False)
    run.refresh_from_db()
    return run


def test_what_a_paused_subscription_misses_is_recorded_with_the_month_that_goes() -> None:
    abc = make_recipient("abc-insurance")
    had = write()[0]
    at = following.position_of(had)
    wanted = [write(entity_id=abc.id)[0] for _ in range(3)]
    write(entity_id="rcp_other")
    behind = subscribe(
        tx=at.tx, after=at.id, recipients=["abc-insurance"], paused_at=timezone.now()
    )
    ahead, off = subscribe("ahead", tx=following.horizon()), subscribe("off", active=False)
    hook()
    follow()
    older(LONG_AGO)
    keep(events=40)
    times = list(Event.objects.filter(id__in=wanted).order_by("id").values_list("timestamp"))
    assert trim().note == ""
    assert not there("events_event", month_of(LONG_AGO))
    told = {event.entity_id: event for event in Event.objects.filter(type__endswith=".missed")}
    assert set(told) == {behind.id, off.id, ""}, "who is ahead of it misses nothing"
    said = told[behind.id].data["missed"]
    assert (said["events"], said["first"], said["last"]) == (3, wanted[0], wanted[-1])
    assert told[off.id].data["missed"]["events"] == 5
    assert told[""].data["missed"]["events"] == 5
    assert told[behind.id].data["month"] == f"{month_of(LONG_AGO):%Y-%m}"
    behind.refresh_from_db()
    assert (behind.missed, behind.missed_from, behind.missed_to) == (3, *times[0], *times[-1])
    assert missed_text(behind).startswith("3 events; the last of ")
    assert HookFollower.objects.get().missed == 5
    month = f"{month_of(LONG_AGO):%Y-%m}"
    assert set(alerts()) == {f"missed:{behind.id}:{month}", f"missed:hooks:{month}"}
    assert "missed 3 events of " in alerts()[f"missed:{behind.id}:{month}"]
    ahead.refresh_from_db()
    assert ahead.missed == 0
    trim()
    assert Event.objects.filter(type="subscription.missed").count() == 2


def test_it_warns_before_with_the_time_that_is_left() -> None:
    write()
    older(LONG_AGO)
    waits = subscribe(paused_at=timezone.now())
    subscribe("ahead", tx=following.horizon())
    subscribe("off", active=False)
    hook()
    follow()
    kept_for(timedelta(days=30))
    assert missed.warn() == 0
    kept_for(timedelta(days=6, hours=5, minutes=30))
    assert missed.warn() == 2
    assert missed.warn() == 0
    assert set(alerts()) == {f"kept:{waits.id}:week", "kept:hooks:week"}
    assert "UTC, in 6 days 5 hours" in alerts()[f"kept:{waits.id}:week"]
    assert kept_text(readers.of_subscription(waits)).endswith("UTC, in 6 days 5 hours")
    kept_for(timedelta(hours=20))
    missed.warn()
    assert f"kept:{waits.id}:day" in alerts()
    kept_for(timedelta(days=-2))
    [left] = [readers.left(one, terms.load()) for one in readers.readers() if one.id == waits.id]
    assert left is not None
    assert "over: any day now" in left.words(timezone.now())
    EventSubscription.objects.update(tx=following.horizon())
    HookFollower.objects.update(tx=following.horizon())
    missed.warn()
    assert alerts() == {}


def test_nobody_is_late_who_follows_or_while_events_are_for_ever() -> None:
    write()
    subscribe()
    keep(events=1)
    missed.warn()
    assert alerts() == {}, "what is that young is under way"
    older(LONG_AGO)
    keep()
    missed.warn()
    assert alerts() == {}


def test_a_reader_that_is_far_behind_is_looked_through_to_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readers, "ROWS", 2)
    monkeypatch.setattr(readers, "MOST_READS", 2)
    passed = [write()[0] for _ in range(6)]
    write(entity_id=make_recipient("abc-insurance").id)
    reader = readers.of_subscription(subscribe(recipients=["abc-insurance"]))
    assert reader is not None
    with connection.cursor() as cursor:
        cursor.execute("SELECT timestamp FROM events_event WHERE id = %s", [passed[4]])
        assert readers.first_waiting(reader) == cursor.fetchone()[0], "not looked at yet"
    monkeypatch.setattr(readers, "MOST_READS", 9)
    assert readers.first_waiting(reader) == Event.objects.latest("timestamp").timestamp


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=2, hours=4, minutes=9), "2 days 4 hours"),
        (timedelta(hours=1, minutes=1), "1 hour 1 minute"),
        (timedelta(seconds=50), "less than a minute"),
    ],
)
def test_lengths_are_said_as_people_do(left: timedelta, said: str) -> None:
    assert readers.length(left) == said


def test_events_are_kept_as_long_as_the_longest_flow_says() -> None:
    keep(events=40)
    assert terms.load().longest(Kept.EVENTS) == 40 * DAY
