"""Exports by the clock: when, of which period, and sent until they have arrived."""

from __future__ import annotations

import hashlib
import json
import socket
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse_lazy
from django.utils import timezone

from events.exports import scheduling
from events.masking import MASK
from events.models import Destination, Event, Export, ExportSchedule, RecordSettings
from leadops.accounts.models import User
from leadops.config import loading
from leadops.config.problems import BundleError
from tests.events.exports.conftest import World, work

ADD = reverse_lazy("admin:events_exportschedule_add")
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)  # a Tuesday


def schedule(**fields: Any) -> ExportSchedule:
    """Not saved: what is due is worked out of its fields alone."""
    given = {"slug": "daily", "every": "day", "at": time(6), "timezone": "UTC", **fields}
    return ExportSchedule(**given)


@pytest.mark.parametrize(
    ("every", "due", "start", "end"),
    [
        ("day", "2026-03-11T06:00", "2026-03-10", "2026-03-11"),
        ("week", "2026-03-16T06:00", "2026-03-09", "2026-03-16"),
        ("month", "2026-04-01T06:00", "2026-03-01", "2026-04-01"),
    ],
)
def test_it_is_of_the_whole_period_before(every: str, due: str, start: str, end: str):
    one = schedule(every=every)
    found = scheduling.next_after(one, NOW)
    assert found == datetime.fromisoformat(f"{due}+00:00")
    covered = scheduling.period(one, found)
    assert covered.start == datetime.fromisoformat(f"{start}T00:00+00:00")
    assert covered.end == datetime.fromisoformat(f"{end}T00:00+00:00")


def test_a_day_is_that_of_its_zone_when_clocks_change():
    one = schedule(timezone="America/New_York")
    due = scheduling.next_after(one, datetime(2026, 3, 8, 12, 0, tzinfo=UTC))
    covered = scheduling.period(one, due)
    assert covered.end - covered.start == timedelta(hours=23)  # the night that is an hour short


@pytest.fixture
def outbox(world: World) -> Path:
    Destination.objects.create(slug="folder", kind="file", settings={"folder": "out"})
    return Path(settings.LEADOPS_HOME) / "outbox" / "out"


def saved(**fields: Any) -> ExportSchedule:
    one = schedule(destination=Destination.objects.get(), **fields)
    one.save()
    return one


def run() -> Export:
    """Begin what is due, make its file, send it."""
    scheduling.begin_due()
    (id,) = Export.objects.filter(schedule="daily").values_list("id", flat=True)
    work(id)
    scheduling.send_due()
    return Export.objects.get(pk=id)


def due_now() -> None:
    """Let the period be today: its events are there."""
    scheduling.begin_due()
    assert not Export.objects.exists()
    ExportSchedule.objects.update(next_at=timezone.now() - timedelta(seconds=1))


def test_it_is_made_masked_and_sent_once(world: World, outbox: Path):
    world.lead()
    saved(format="jsonl")
    due_now()
    scheduling.begin_due()
    export = Export.objects.get()
    begun = timezone.now() - timedelta(days=2)  # the lead of today is to be in it
    Export.objects.update(
        filters={**export.filters, "start": begun.isoformat(), "end": "2999-01-01"}
    )
    export = work(export.id)
    assert scheduling.send_due() == 1
    assert scheduling.send_due() == 0
    data = (outbox / export.filename).read_bytes()
    assert hashlib.sha256(data).hexdigest() == export.sha256
    assert b"john.smith" not in data
    assert MASK.encode() in data
    (event,) = Event.objects.filter(type="export.sent")
    assert (event.data["arrived"], event.data["destination"]) == (True, "folder")
    assert scheduling.begin_due() == 0


def test_it_is_sent_again_until_it_is_given_up(world: World, outbox: Path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings = {"url": f"http://127.0.0.1:{port}/in"}
    Destination.objects.update(kind="http", settings=settings)
    saved(tries=2)
    due_now()
    export = run()
    assert export.sent_at is None
    assert export.send_at is not None
    assert export.send_at > timezone.now()
    Export.objects.update(send_at=timezone.now())
    scheduling.send_due()
    export = Export.objects.get()
    assert (export.send_at, export.send_tries) == (None, 2)
    assert export.send_error
    assert Event.objects.filter(type="export.sent", data__arrived=False).count() == 2


def test_a_missed_one_is_made_once(world: World, outbox: Path):
    saved()
    due_now()
    ExportSchedule.objects.update(next_at=timezone.now() - timedelta(days=5))
    assert scheduling.begin_due() == 1
    assert scheduling.begin_due() == 0


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"filters": {"type": "no.such"}}, "filters"),
        ({"filters": {"start": "2026-01-01"}}, "filters"),
        ({"fields": ["id", "id"]}, "fields"),
        ({"timezone": "Mars/Base"}, "timezone"),
    ],
)
def test_what_makes_no_file_cannot_be_saved(
    client: Client, world: World, outbox: Path, fields: dict[str, Any], wrong: str
):
    client.force_login(User.objects.get(username="ada"))
    answer = client.post(ADD, form(**fields))
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [wrong]
    assert not ExportSchedule.objects.exists()


def form(**fields: Any) -> dict[str, Any]:
    """What the console's page sends."""
    given = {
        "slug": "daily", "what": "events", "format": "csv", "every": "day", "at": "06:00",
        "timezone": "UTC", "destination": Destination.objects.get().pk, "tries": 5,
        "filters": {}, "fields": [], "active": "on", "with_lead": "on", **fields,
    }  # fmt: skip
    return {
        name: json.dumps(value) if isinstance(value, dict | list) else value
        for name, value in given.items()
    }


def test_an_unmasked_one_shows_what_its_owner_may_see_by_now(
    client: Client, world: World, outbox: Path
):
    """Who saves it owns it; without a right to personal values, or to exports, it is masked."""
    ada = User.objects.get(username="ada")
    client.force_login(ada)
    assert client.post(ADD, form()).status_code == 302
    one = ExportSchedule.objects.get()
    assert (one.masked, one.owner) == (False, ada)
    assert begun(one).personal
    RecordSettings.objects.update_or_create(id=1, defaults={"personal_shown_to": ["ops"]})
    assert not begun(one).personal
    RecordSettings.objects.update(personal_shown_to=["account_manager", "auditor"])
    User.objects.update(role="account_manager")
    theirs = begun(one)
    assert (theirs.personal, theirs.recipients) == (True, [])
    User.objects.update(role="auditor")
    assert not begun(one).personal
    ExportSchedule.objects.update(owner=None)
    assert not begun(one).personal


def begun(one: ExportSchedule) -> Export:
    fresh = ExportSchedule.objects.get(pk=one.pk)
    return scheduling.begin(fresh, scheduling.period(fresh, NOW))


BUNDLE = """
leadops: 1
destinations:
  - {slug: nightly, kind: http, settings: {url: "https://files.example.com/in"}}
exports:
  - slug: sales
    what: leads
    format: parquet
    filters: {result: sold}
    every: week
    at: 06:30
    timezone: America/New_York
    to: nightly
"""


def test_the_bundle_has_schedules(world: World):
    loading.load(BUNDLE.encode(), name="b.yaml")
    one = ExportSchedule.objects.get()
    assert (one.slug, one.at, one.destination.slug) == ("sales", time(6, 30), "nightly")
    assert not loading.load(BUNDLE.encode(), name="b.yaml").changes
    assert "at: 06:30" in loading.dump()


UNMASKED = """    masked: false
    to: nightly
"""


def test_the_bundle_says_whose_rights_an_unmasked_one_has(world: World):
    text = BUNDLE.replace("    to: nightly\n", UNMASKED)
    with pytest.raises(BundleError) as caught:
        loading.load(text.encode(), name="b.yaml")
    assert ["owner is missing" in str(each) for each in caught.value.problems] == [True]
    loading.load(text.replace("masked:", "owner: ada\n    masked:").encode(), name="b.yaml")
    owner: Any = ExportSchedule.objects.get().owner
    assert owner.username == "ada"
    assert "owner: ada" in loading.dump()
    wrong = BUNDLE.replace("result: sold", "result: gone")
    with pytest.raises(BundleError) as caught:
        loading.load(wrong.encode(), name="b.yaml")
    assert ["filters" in str(each) for each in caught.value.problems] == [True]
