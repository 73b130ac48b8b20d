"""Exports as staff ask for them over the API, from the question to the file."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from events.exports import keeping, serving, steering
from events.masking import MASK
from events.models import Event, Export, ExportLink, ExportPiece, Feedback, LeadTag
from tests.events.exports.conftest import ABC, ADA, AUDITOR, DANA, OLGA, WEB, World, work
from tests.factories import bearer

BACKWARDS = {"start": "2026-02-01", "end": "2026-01-01"}


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def recorded(kind: str) -> list[Event]:
    return list(Event.objects.filter(type=kind).order_by("timestamp", "id"))


def test_json_lines_are_the_events_of_the_api(client: Client, world: World):
    lead_id = world.lead()
    export = world.make(client, format="jsonl", filters={"lead_id": lead_id})
    lines = [orjson.loads(line) for line in world.file(client, export).splitlines()]
    api = client.get(f"/api/v1/leads/{lead_id}/events", **bearer(OLGA)).json()["results"]
    for event in (*api, *lines):  # what buyers answered stays with the exchange
        (event.get("response") or {}).pop("body", None)
        event.get("lead", {}).pop("source.name", None)  # a source's name is that of today
    assert sorted(lines, key=lambda line: line["seq"]) == api
    assert export.rows == len(api)


def test_csv_has_columns_known_before_and_leaves_nothing_out(client: Client, world: World):
    world.lead()
    export = world.make(client, format="csv", filters={"type": ["recipient.*"]})
    rows = rows_of(world.file(client, export))
    assert list(rows[0]) == export.columns
    assert {row["lead.email"] for row in rows} == {"john.smith@example.com"}
    delivered = next(row for row in rows if row["type"] == "recipient.delivered")
    assert (delivered["recipient.slug"], delivered["delivery.price"]) == ("abc-insurance", "45.0")
    event = Event.objects.get(type="recipient.delivered")
    named = {name for name in export.columns if "." in name and not name.startswith("lead.")}
    assert not named & set(orjson.loads(delivered["other"] or "{}"))
    assert event.id == delivered["id"]


def test_chosen_columns_come_in_their_order(client: Client, world: World):
    world.lead()
    fields = ["lead.state", "type", "recipient.name", "data"]
    export = world.make(client, format="csv", fields=fields, filters={"type": "flow.completed"})
    (row,) = rows_of(world.file(client, export))
    assert list(row) == fields
    assert (row["lead.state"], row["type"], row["recipient.name"]) == ("TX", "flow.completed", "")
    assert orjson.loads(row["data"])["result"] == "sold"


@pytest.mark.parametrize("format", ["xlsx", "parquet"])
def test_files_made_as_a_whole(client: Client, world: World, format: str):
    world.lead()
    export = world.make(client, format=format, exclude="lead")
    data = world.file(client, export)
    assert data[:4] == {"xlsx": b"PK\x03\x04", "parquet": b"PAR1"}[format]
    assert export.sha256 == hashlib.sha256(data).hexdigest()
    assert len(data) == export.bytes
    assert not ExportPiece.objects.filter(export=export, raw=True).exists()


def test_leads_and_deliveries(client: Client, world: World):
    lead_id = world.lead(state="CA")
    export = world.make(client, what="leads", format="csv", filters={"recipient": "abc-insurance"})
    (row,) = rows_of(world.file(client, export))
    assert (row["id"], row["lead.state"], row["margin"]) == (lead_id, "CA", "30.0")
    export = world.make(client, what="deliveries", format="csv", filters={"flow": world.flow.slug})
    (row,) = rows_of(world.file(client, export))
    assert (row["lead_id"], row["recipient.slug"], row["state"]) == (
        lead_id, "abc-insurance", "accepted",
    )  # fmt: skip


def test_who_took_what_is_recorded(client: Client, world: World):
    world.lead()
    export = world.make(client, format="csv", filters={"type": "flow.completed"}, reason="Billing")
    data = world.file(client, export)
    world.file(client, export, Range="bytes=5-")  # the next part of a download is none of its own
    (created,), (ended,), (taken,) = map(
        recorded, ("export.created", "export.ended", "export.downloaded")
    )
    assert (created.data["by"], created.data["why"]) == ("olga", "Billing")
    assert created.data["filters"] == {"type": "flow.completed"}
    digest = hashlib.sha256(data).hexdigest()
    assert {ended.data["sha256"], taken.data["sha256"]} == {digest}
    assert (taken.data["by"], taken.data["rows"], taken.entity_id) == ("olga", 1, export.id)


# --- who may


def test_account_managers_get_their_rows_masked(client: Client, world: World):
    from recipients.outcomes import Outcome

    world.lead(outcomes={"abc-insurance": [Outcome.REJECTED]})
    export = world.make(client, DANA, format="jsonl")
    lines = [orjson.loads(line) for line in world.file(client, export, DANA).splitlines()]
    assert {line["entity_id"] for line in lines} == {world.abc.id}
    assert {line["lead"]["email"] for line in lines if "lead" in line} == {MASK}
    assert b"john.smith" not in world.file(client, export, DANA)
    answer = world.ask(client, DANA, format="csv", filters={"entity_id": world.xyz.id})
    assert answer.status_code == 403
    leads = world.make(client, DANA, what="leads", format="csv")
    (row,) = rows_of(world.file(client, leads, DANA))
    assert row["lead.email"] == MASK
    assert row["revenue"] == ""


@pytest.mark.parametrize("key", [AUDITOR, WEB, ABC])
def test_who_may_not_export_is_told_so(client: Client, world: World, key: str):
    world.lead()
    assert world.ask(client, key, format="csv").status_code == 403
    assert not Export.objects.exists()
    export = world.make(client, format="csv")
    path = f"/api/v1/exports/{export.id}/download"
    assert client.get(path, **bearer(key)).status_code == 403


def test_files_of_others_stay_with_them(client: Client, world: World):
    world.lead()
    export = world.make(client, format="csv")
    assert client.get(f"/api/v1/exports/{export.id}", **bearer(DANA)).status_code == 404
    own = world.make(client, DANA, format="csv")
    world.dana.recipients.clear()
    path = f"/api/v1/exports/{own.id}/download"
    assert client.get(path, **bearer(DANA)).status_code == 403
    assert client.delete(f"/api/v1/exports/{own.id}", **bearer(OLGA)).status_code == 403
    assert client.get(f"/api/v1/exports/{own.id}", **bearer(ADA)).status_code == 200


# --- bad input


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "format"),
        ({"format": "doc"}, "format"),
        ({"format": "csv", "what": "secrets"}, "what"),
        ({"format": "csv", "everything": True}, "everything"),
        ({"format": "csv", "filters": []}, "format"),
        ({"format": "csv", "filters": "x"}, "filters"),
        ({"format": "csv", "fields": ["id", "nope"]}, "fields"),
        ({"format": "csv", "filters": {"type": "no.such"}}, "filters.type"),
        ({"format": "csv", "filters": {"outcome": ["accepted", "x"]}}, "filters.outcome"),
        ({"format": "csv", "filters": {"start": "yesterday"}}, "filters.start"),
        (
            {"format": "csv", "filters": {"start": "2026-02-01", "end": "2026-01-01"}},
            "filters.start",
        ),
        ({"format": "csv", "filters": {"flow": "none"}}, "filters.flow"),
        ({"format": "csv", "filters": {"email": "a@b.c"}}, "filters.email"),
        ({"format": "csv", "filters": {"lead_id": {"$gt": ""}}}, "filters.lead_id"),
        ({"format": "csv", "fields": ["id", "id"]}, "fields"),
        ({"format": "csv", "fields": ["=1+1"]}, "fields"),
        ({"format": "csv", "what": "leads", "fields": ["salt"]}, "fields"),
        ({"format": "csv", "what": "leads", "filters": {"status": "x"}}, "filters.status"),
        ({"format": "csv", "exclude": "events"}, "exclude"),
        ({"format": "csv", "reason": "x" * 301}, "reason"),
    ],
)
def test_nonsense_is_named(client: Client, world: World, document: Any, field: str):
    answer = world.ask(client, **document)
    if document.get("filters") == []:  # nothing is filtered by nothing
        assert answer.status_code == 202
        return
    assert answer.status_code == 422, answer.json()
    assert field in answer.json()["error"]["fields"]
    assert not Export.objects.exists()


def test_nobody_has_more_than_some_under_way(client: Client, world: World):
    for _ in range(steering.MOST_OPEN):
        assert world.ask(client, format="csv").status_code == 202
    assert world.ask(client, format="csv").status_code == 409
    assert world.ask(client, ADA, format="csv").status_code == 202


# --- files


def test_a_part_of_a_file(client: Client, world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("events.exports.gathering.PIECE_ROWS", 2)
    monkeypatch.setattr("events.exports.gathering.FIRST_FETCH", 1)
    for _ in range(2):
        world.lead()
    export = world.make(client, format="csv")
    assert export.pieces > 3
    data = world.file(client, export)
    assert hashlib.sha256(data).hexdigest() == export.sha256
    middle = len(data) // 2
    for asked, expected in (
        ("bytes=0-0", data[:1]),
        (f"bytes={middle}-", data[middle:]),
        ("bytes=-7", data[-7:]),
        (f"bytes=3-{middle}", data[3 : middle + 1]),
    ):
        assert world.file(client, export, Range=asked) == expected
    path = f"/api/v1/exports/{export.id}/download"
    headers = {"Range": f"bytes={len(data)}-"}
    assert client.get(path, headers=headers, **bearer(OLGA)).status_code == 416
    changed = {"Range": "bytes=5-", "If-Range": '"another"'}
    answer = client.get(path, headers=changed, **bearer(OLGA))
    assert (answer.status_code, b"".join(answer.streaming_content)) == (200, data)


def test_few_download_at_once(client: Client, world: World):
    world.lead()
    export = world.make(client, format="csv")
    path = f"/api/v1/exports/{export.id}/download"
    open_ones = [client.get(path, **bearer(OLGA)) for _ in range(serving.AT_ONCE)]
    refused = client.get(path, **bearer(OLGA))
    assert refused.status_code == 503
    assert refused["Retry-After"]
    for answer in open_ones:
        assert b"".join(answer.streaming_content)
    assert world.file(client, export)


def test_a_link_opens_the_file_without_a_key(client: Client, world: World):
    world.lead()
    export = world.make(client, format="csv")
    made = client.post(f"/api/v1/exports/{export.id}/link", **bearer(OLGA)).json()
    stranger = Client()
    assert b"".join(stranger.get(made["url"]).streaming_content) == world.file(client, export)
    assert "link" in recorded("export.downloaded")[0].data["way"]
    assert stranger.get(made["url"][:-3] + "/").status_code == 404
    ExportLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert stranger.get(made["url"]).status_code == 410


def test_a_file_goes_when_its_time_is_over(client: Client, world: World):
    world.lead()
    export = world.make(client, format="csv")
    assert keeping.forget_old() == 0
    Export.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert keeping.forget_old() == 1
    assert not ExportPiece.objects.exists()
    path = f"/api/v1/exports/{export.id}/download"
    assert client.get(path, **bearer(OLGA)).status_code == 410
    assert client.get(f"/api/v1/exports/{export.id}", **bearer(OLGA)).json()["rows"] > 0
    assert recorded("export.deleted")


def test_an_erasure_deletes_files_that_may_hold_the_person(client: Client, world: World):
    world.lead()
    plain, masked = world.make(client, format="csv"), world.make(client, DANA, format="csv")
    begun = world.ask(client, format="csv").json()["id"]
    assert keeping.forget_before(timezone.now()) == 1
    assert not Export.objects.get(pk=plain.id).has_file
    assert Export.objects.get(pk=masked.id).has_file
    assert work(begun).has_file  # begun anew: it reads what is there after the erasure


def words_of(client: Client, world: World, key: str, **how: str) -> list[dict[str, Any]]:
    """The feedback's events as an export has them."""
    filters = {"type": ["feedback.*"]}
    export = world.make(client, key, format="jsonl", filters=filters, exclude="lead", **how)
    return [orjson.loads(line) for line in world.file(client, export, key).splitlines()]


def test_words_of_partners_stand_in_it_as_in_the_api(client: Client, world: World):
    lead_id = world.lead()
    said = {"type": "return", "lead_id": lead_id, "value": "no answer at all from john.smith"}
    body = {**said, "reason": "She said: not me!"}
    answer = client.post("/api/v1/feedback", body, content_type="application/json", **bearer(ABC))
    assert answer.status_code == 201
    for key in (OLGA, DANA):
        shown = client.get("/api/v1/events?type=feedback.*&exclude=lead", **bearer(key)).json()
        expected = {event["id"]: event for event in shown["results"]}
        found = {event["id"]: event for event in words_of(client, world, key)}
        assert found == expected
        assert "not me" in str(found)
        assert "left_out" not in str(found)
        assert ("john.smith" in str(found)) == (key == OLGA)
    columns = world.make(client, format="csv", fields=["reason"], filters={"type": "feedback.*"})
    assert b"She said: not me!" in world.file(client, columns)


def test_an_erasure_deletes_masked_files_with_words_of_partners(client: Client, world: World):
    lead_id = world.lead()
    body = {"type": "other", "lead_id": lead_id, "value": "v", "reason": "It was the neighbour."}
    client.post("/api/v1/feedback", body, content_type="application/json", **bearer(ABC))
    masked = world.make(client, DANA, format="csv")
    begun = world.ask(client, DANA, format="csv").json()["id"]
    assert masked.partner_words
    Feedback.objects.update(reason="")
    assert keeping.forget_before(timezone.now()) == 1
    assert not Export.objects.get(pk=masked.id).has_file
    assert b"neighbour" not in world.file(client, work(begun), DANA)


def test_leads_have_their_tags_and_are_chosen_by_them(client: Client, world: World):
    one, two = world.lead(), world.lead()
    for tag in ("vip", "high-value"):
        LeadTag.objects.create(lead_id=one, tag=tag)
    shown = client.get(f"/api/v1/leads/{one}", **bearer(OLGA)).json()
    assert shown["tags"] == ["high-value", "vip"]
    assert client.get(f"/api/v1/leads/{two}", **bearer(OLGA)).json()["tags"] == []
    for key in (DANA, WEB):
        assert "tags" not in client.get(f"/api/v1/leads/{one}", **bearer(key)).json()
    every = world.make(client, what="leads", format="csv")
    rows = {row["id"]: row["tags"] for row in rows_of(world.file(client, every))}
    assert rows == {one: '["high-value","vip"]', two: ""}
    chosen = world.make(client, what="leads", format="jsonl", filters={"tag": "vip"})
    (row,) = map(orjson.loads, world.file(client, chosen).splitlines())
    assert (row["id"], row["tags"]) == (one, ["high-value", "vip"])
    asked = world.ask(client, DANA, what="leads", format="csv", filters={"tag": "vip"})
    assert (asked.status_code, list(asked.json()["error"]["fields"])) == (422, ["filters.tag"])
    hers = world.make(client, DANA, what="leads", format="csv")
    assert {row["tags"] for row in rows_of(world.file(client, hers, DANA))} == {""}


def test_values_are_kept_encrypted(client: Client, world: World):
    world.lead()
    export = world.make(client, format="csv")
    kept = b"".join(bytes(piece.data) for piece in ExportPiece.objects.filter(export=export))
    assert kept
    assert b"john.smith" not in kept
