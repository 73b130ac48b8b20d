"""Feedback over HTTP: one, a list, a form, a file; errors in the one shape."""

from __future__ import annotations

import json

import pytest

from events.api.feedback import MAX_ITEMS
from events.models import Feedback, Lead
from tests.factories import KEYS, bearer, deliver_lead, make_flow, make_recipient, make_source

pytestmark = pytest.mark.django_db

URL = "/api/v1/feedback"


@pytest.fixture
def lead_id() -> str:
    source = make_source(key=KEYS["source"])
    buyer = make_recipient(key=KEYS["partner"])
    make_recipient("other", key="rcp_other_key_0001")
    return deliver_lead(make_flow(source, buyer), source)


def post(client, data, *, url=URL, key=KEYS["partner"], content_type="application/json", **headers):
    body = data if isinstance(data, str | bytes) else json.dumps(data)
    return client.post(url, body, content_type=content_type, **bearer(key), **headers)


def test_it_takes_one(client, lead_id):
    reply = post(client, {"type": "conversion", "lead_id": lead_id, "value": "sold"})
    assert reply.status_code == 201
    feedback = Feedback.objects.get()
    assert reply.json() == {
        "outcome": "processed",
        "id": feedback.id,
        "lead_id": lead_id,
        "reason": "",
    }


def test_it_says_when_it_repeats_itself(client, lead_id):
    data = {"kind": "return", "lead_id": lead_id, "key": "K"}
    first, second = post(client, data), post(client, data)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert Lead.objects.get().revenue == 0


def test_it_takes_the_header_for_a_key(client, lead_id):
    for value in ("sold", "sold again"):
        data = {"kind": "conversion", "lead_id": lead_id, "value": value}
        post(client, data, HTTP_IDEMPOTENCY_KEY="H-1")
    assert Feedback.objects.get().key == "H-1"


def test_it_takes_it_at_the_leads_own_address(client, lead_id):
    reply = post(client, {"kind": "return"}, url=f"/api/v1/leads/{lead_id}/feedback")
    assert reply.status_code == 201
    assert Feedback.objects.get().kind == "return"
    other = {"kind": "return", "lead_id": "lead_other"}
    assert post(client, other, url=f"/api/v1/leads/{lead_id}/feedback").status_code == 422


def test_it_answers_each_of_a_list(client, lead_id):
    items = [
        {"kind": "conversion", "lead_id": lead_id},
        {"kind": "sold", "lead_id": lead_id},
        "nonsense",
        {"kind": "return", "lead_id": "lead_nobody"},
        {"kind": "return", "email": "john.smith@example.com"},
        {"kind": "return", "phone": "512-555-1234", "key": "late"},
    ]
    reply = post(client, {"feedback": items})
    assert reply.status_code == 201
    results = reply.json()["results"]
    outcomes = [result["outcome"] for result in results]
    assert outcomes == ["processed", "rejected", "rejected", "rejected", "processed", "rejected"]
    assert results[1]["reason"].startswith("kind: One of conversion")
    assert results[3] == {
        "outcome": "rejected",
        "id": None,
        "lead_id": None,
        "reason": "No such lead of yours",
    }
    assert results[5]["reason"].startswith("Returned already")


def test_it_takes_a_bare_list_and_an_empty_answer_for_none(client, lead_id):
    assert len(post(client, [{"kind": "return", "lead_id": lead_id}]).json()["results"]) == 1
    assert post(client, {"feedback": []}).status_code == 422
    too_many = [{"kind": "return"}] * (MAX_ITEMS + 1)
    assert post(client, {"feedback": too_many}).status_code == 422


def test_it_takes_a_thousand_at_once(client, lead_id):
    items = [
        {"kind": "other", "lead_id": lead_id, "value": str(number)} for number in range(MAX_ITEMS)
    ]
    reply = post(client, {"feedback": items})
    assert reply.status_code == 201
    assert Feedback.objects.count() == MAX_ITEMS
    assert Lead.objects.get().seq == 6 + 2 * MAX_ITEMS


def test_it_takes_a_file(client, lead_id):
    text = f'\ufeffKind, Lead_ID ,value\r\nconversion,{lead_id},"sold, twice"\r\nreturn,,\r\n'
    reply = post(client, text.encode(), content_type="text/csv")
    assert [each["outcome"] for each in reply.json()["results"]] == ["processed", "rejected"]
    assert Feedback.objects.get().value == "sold, twice"


def test_it_takes_a_form(client, lead_id):
    form = f"kind=conversion&lead_id={lead_id}&value=sold"
    reply = post(client, form, content_type="application/x-www-form-urlencoded")
    assert reply.status_code == 201


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ('{"kind": "\\ud800"}', "application/json", 400),
        (b"\xff\xfe", "text/csv", 400),
        ('kind\n"open', "text/csv", 400),
        ("<a/>", "application/xml", 415),
        ("", "application/json", 400),
        ("null", "application/json", 422),
        ('"text"', "application/json", 422),
        ("7", "application/json", 422),
        ('{"feedback": {"kind": "return"}}', "application/json", 422),
        ('{"kind": "return"}', "application/json", 422),
        ('{"kind": "return", "lead_id": "lead_nobody"}', "application/json", 404),
        ('{"kind": "return", "lead_id": "a\\u0000b"}', "application/json", 404),
        ('{"kind": "return", "lead_id": {"$ne": ""}}', "application/json", 422),
        (json.dumps({"kind": "other", "value": "x" * 1_100_000}), "application/json", 413),
        ("kind\n" + "return\n" * 200_000, "text/csv", 413),
    ],
)
def test_it_explains_bad_input(client, lead_id, data, content_type, status):
    reply = post(client, data, content_type=content_type)
    assert reply.status_code == status, reply.content
    assert set(reply.json()["error"]) >= {"code", "message"}
    assert not Feedback.objects.exists()


def test_it_names_the_fields_that_are_wrong(client, lead_id):
    reply = post(client, {"kind": "x", "lead_id": lead_id, "occurred_at": "soon"})
    assert set(reply.json()["error"]["fields"]) == {"kind", "occurred_at"}


@pytest.mark.parametrize(
    ("key", "status"),
    [("nobody", 401), (KEYS["source"], 403), ("rcp_other_key_0001", 404)],
)
def test_it_opens_to_the_buyer_alone(client, lead_id, key, status):
    reply = post(client, {"kind": "return", "lead_id": lead_id}, key=key)
    assert reply.status_code == status
    assert lead_id not in reply.content.decode()


def test_it_wants_a_key(client, lead_id):
    reply = client.post(URL, "{}", content_type="application/json")
    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"] == "Bearer"
