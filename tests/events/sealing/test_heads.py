"""Heads go out at their interval to where they are wanted; what fails is kept, and tried again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.core.management import call_command

from events.models import Destination, Head, RecordSettings, Seal
from events.sealing import checking, heads, published, seals
from tests.events.sealing.written import sql, write

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "LEADOPS_HOME", tmp_path)
    return tmp_path


def seal(tx: int) -> Seal:
    write(tx)
    seals.seal(batch=1)
    return Seal.objects.first()


def wanted(*places: str) -> None:
    RecordSettings.objects.update_or_create(id=1, defaults={"heads_to": list(places)})


def test_there_is_no_head_of_an_empty_record(home):
    assert heads.publish(now=NOW) == 0
    assert not (home / "heads.jsonl").exists()


def test_it_adds_a_line_to_the_file_when_it_is_time_and_there_is_news(home):
    first = seal(10)
    assert heads.publish(now=NOW) == 1
    assert heads.publish(now=NOW + HOUR) == 0  # nothing new
    second = seal(11)
    assert heads.publish(now=NOW + HOUR / 2) == 0  # not yet time
    assert heads.publish(now=NOW + HOUR / 2, force=True) == 1
    lines = [json.loads(line) for line in (home / "heads.jsonl").read_text().splitlines()]
    assert [(line["n"], line["hash"]) for line in lines] == [
        (1, bytes(first.hash).hex()),
        (2, bytes(second.hash).hex()),
    ]
    assert [head.n for head in Head.objects.order_by("n")] == [1, 2]
    assert published.next_head(1) == 1


def test_it_goes_to_destinations_and_keeps_what_failed_until_it_is_there(home):
    destination = Destination.objects.create(
        slug="audit", kind="file", settings={"folder": "audit"}, active=False
    )
    wanted("audit", "nowhere")
    last = seal(10)
    assert heads.publish(now=NOW) == 1  # the file
    failed = {head.place: head.error for head in Head.objects.filter(published_at=None)}
    assert failed["nowhere"] == "There is no such destination."
    assert "switched off" in failed["audit"]

    destination.active = True
    destination.save()
    assert heads.publish(now=NOW + timedelta(minutes=1)) == 1
    assert Head.objects.get(place="audit").published_at == NOW + timedelta(minutes=1)
    (sent,) = (home / "outbox" / "audit").rglob("leadops-head-*.json")
    assert json.loads(sent.read_text())["hash"] == bytes(last.hash).hex()
    assert Head.objects.filter(place="nowhere").count() == 1


def test_the_newest_head_is_noted_at_once_and_one_that_was_removed_is_kept(home):
    seal(10)
    heads.publish(now=NOW)
    removed = seal(11)
    heads.publish(now=NOW)  # not yet time, but noted
    assert [head.n for head in published.read(home / "newest-head.json")] == [2]
    sql("DELETE FROM events_seal WHERE n = 2")
    assert "seal 2 is missing: it was published (in newest-head.json)" in checking.check().problems

    seals.seal()  # made anew, as the workers do
    heads.publish(now=NOW)
    kept = list(published.read(home / "heads.jsonl"))
    assert [(head.n, head.hash) for head in kept][1:] == [(2, bytes(removed.hash))]
    assert "seal 2 is not the one that was published (in heads.jsonl)" in checking.check().problems


def test_sealing_by_hand_publishes_to_the_file_alone(home):
    wanted("nowhere")
    write(10)
    call_command("seal")
    assert [head.n for head in published.read(home / "heads.jsonl")] == [1]
    assert not Head.objects.filter(place="nowhere").exists()
