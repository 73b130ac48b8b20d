"""Feedback told together, in files, to a destination."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from events import verify
from events.models import Destination, Event, Exchange, FeedbackLine, PassedFeedback
from events.passing import working
from flows.models import Source
from tests.events.passing.stage import Receiver, Sold, run

db = pytest.mark.django_db(transaction=True)


def summarise(sold: Sold, receiver: Receiver, kind: str) -> None:
    place = Destination.objects.create(
        slug="partner", kind="http", settings={"url": receiver.url, "method": "POST"}
    )
    sold.source.feedback_mode = Source.FeedbackMode.SUMMARY
    sold.source.feedback_format = kind
    sold.source.feedback_destination = place
    sold.source.full_clean()
    sold.source.save()


def yesterday() -> None:
    PassedFeedback.objects.update(created_at=timezone.now() - timedelta(days=1, hours=1))


@db
def test_a_summary_goes_at_the_end_of_its_period_as_one_file(
    sold: Sold, receiver: Receiver
) -> None:
    summarise(sold, receiver, "csv")
    sold.say("return", reason="Wrong number")
    sold.say("conversion", value="=1+1")
    yesterday()
    PassedFeedback.objects.filter(feedback__kind="return").update(created_at=timezone.now())
    sold.say("conversion", value="99.50", key="K-2")
    PassedFeedback.objects.filter(feedback__key="K-2").update(
        created_at=timezone.now() - timedelta(days=1)
    )
    assert run() == 2
    ((_, body),) = receiver.got
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))
    assert [(row["kind"], row["value"], row["fields.state"]) for row in rows] == [
        ("conversion", "'=1+1", "TX"),
        ("conversion", "99.50", "TX"),
    ]
    assert rows[0]["fields.email"] == ""
    assert sold.types().count("sent") == 2
    event = Event.objects.filter(type="feedback.sent").first()
    assert event is not None
    assert (event.data["destination"], event.data["rows"]) == ("partner", 2)
    assert not verify.passed_on().problems
    assert run() == 0, "what came today waits for the end of the day"


@db
def test_a_summary_that_did_not_arrive_comes_again_as_the_same(
    sold: Sold, receiver: Receiver
) -> None:
    summarise(sold, receiver, "json")
    sold.say("conversion", value="10")
    yesterday()
    receiver.status = 503
    assert run() == 0
    sold.say("conversion", value="20", key="K-2")
    yesterday()
    receiver.status = 200
    assert run() == 2
    keys = [headers["idempotency-key"] for headers, _ in receiver.got]
    assert keys[0] == keys[1] != keys[2]
    documents = [json.loads(body) for _, body in receiver.got]
    assert documents[0] == documents[1]
    assert [[one["value"] for one in d["feedback"]] for d in documents] == [["10"], ["10"], ["20"]]
    assert not verify.passed_on().problems


@db
def test_each_summary_has_a_day_of_its_own_to_arrive(sold: Sold, receiver: Receiver) -> None:
    summarise(sold, receiver, "json")
    receiver.status = 503
    sold.say("conversion", value="10")
    yesterday()
    run()
    ago = timezone.now() - timedelta(hours=25)
    PassedFeedback.objects.update(failing_since=ago)
    FeedbackLine.objects.update(failing_since=ago)
    run()
    assert sold.types()[-1] == "failed"
    sold.say("conversion", value="20", key="K-2")
    yesterday()
    run()
    assert sold.types()[-1] == "processed", "it is tried for another day"
    receiver.status = 200
    assert run() == 1


@db
def test_a_summary_is_an_excel_file_where_that_is_wanted(sold: Sold, receiver: Receiver) -> None:
    summarise(sold, receiver, "xlsx")
    sold.say("conversion", value="10")
    assert working.run(seconds=5.0) == 0, "its day is not over"
    yesterday()
    assert run() == 1
    book = zipfile.ZipFile(io.BytesIO(receiver.got[0][1]))
    assert any(b"conversion" in book.read(name) for name in book.namelist())


@db
def test_it_goes_by_the_clock_of_the_source_and_keeps_what_is_about_each(
    sold: Sold, receiver: Receiver
) -> None:
    summarise(sold, receiver, "xml")
    zone = ZoneInfo("Pacific/Kiritimati")  # fourteen hours ahead
    midnight = datetime.combine(timezone.now().astimezone(zone).date(), time(0), tzinfo=zone)
    Source.objects.update(feedback_timezone=zone.key)
    sold.say("conversion", value="10")
    sold.say("return")
    for kind, moment in (("conversion", -1), ("return", 1)):
        at = midnight + timedelta(seconds=moment)
        PassedFeedback.objects.filter(feedback__kind=kind).update(created_at=at)
    assert run() == 1
    ((_, body),) = receiver.got
    assert b"<totals><conversion>1</conversion></totals>" in body
    event = sold.last()
    kept = Exchange.objects.get(id=event.exchange_id)
    assert "<kind>conversion</kind>" in kept.request_body
    assert (event.data["method"], event.data["format"]) == ("http", "xml")


@pytest.mark.django_db
def test_summaries_need_a_destination() -> None:
    source = Source(slug="web", name="Web", feedback_kinds=["return"], feedback_mode="summary")
    with pytest.raises(ValidationError, match="need a destination"):
        source.full_clean()
