"""POST /api/v1/flows/{flow}/leads as a source sees it."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest
from django.db import OperationalError

from events.models import Lead
from flows.api import waiting
from flows.arrival import storing
from flows.models import Flow, Source, SourceKey
from recipients.models import PartnerKey
from tests.flows.scene import LEAD, recipient, scene

KEY = "web-form-a-key-0123456789"


@pytest.fixture
def play(db):
    play = scene(recipient("abc"))
    key = SourceKey(source=play.source)
    key.set(KEY)
    key.save()
    return play


@pytest.fixture
def post(client, play):
    def post(body=LEAD, *, flow="auto", key=KEY, content_type="application/json", **headers):
        if content_type == "application/json" and not isinstance(body, str | bytes):
            body = json.dumps(body)
        return client.post(
            f"/api/v1/flows/{flow}/leads",
            body,
            content_type=content_type,
            headers={"Authorization": f"Bearer {key}", **headers},
        )

    return post


def error(reply, status):
    assert reply.status_code == status, reply.content
    body = reply.json()["error"]
    assert body["code"]
    assert body["message"]
    assert "Traceback" not in reply.content.decode()
    return body


def test_it_answers_201_with_outcome_lead_and_price(post):
    reply = post()
    assert reply.status_code == 201
    body = reply.json()
    assert body["outcome"] == "accepted"
    assert body["reason"] == ""
    assert body["price"] == 15.0
    assert body["lead"]["url"] == f"http://testserver/api/v1/leads/{body['lead']['id']}"
    assert Lead.objects.filter(id=body["lead"]["id"]).exists()


def test_it_takes_forms(post):
    reply = post(
        "email=ann%40example.com&state=tx", content_type="application/x-www-form-urlencoded"
    )
    assert reply.json()["outcome"] == "accepted"


def test_a_rejected_lead_is_201_and_recorded(post):
    body = post({"state": "TX"}).json()
    assert body["outcome"] == "rejected"
    assert body["reason"] == "Missing required field: email"
    assert body["reasons"] == ["Missing required field: email"]
    assert body["price"] == 0


def test_the_same_key_gives_the_same_answer(post):
    first = post(**{"Idempotency-Key": "a1"})
    second = post(**{"Idempotency-Key": "a1"})
    assert second.json() == first.json()
    assert second.status_code == 201
    assert second.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    ("body", "headers"), [({**LEAD, "test": True}, {}), (LEAD, {"X-LeadOps-Test": "1"})]
)
def test_it_takes_test_leads(post, body, headers):
    reply = post(body, **headers).json()
    lead = Lead.objects.get(id=reply["lead"]["id"])
    assert lead.test
    assert reply["price"] == 0


@pytest.mark.parametrize(
    "body", ["", "{", "[1", "nan", b"\xff\xfe", '{"a": "\ud800"}'.encode("utf-8", "surrogatepass")]
)
def test_unparsable_is_400(post, body):
    error(post(body), 400)


@pytest.mark.parametrize("body", ["[]", '"text"', "1", "null", "true"])
def test_what_is_no_object_is_422(post, body):
    error(post(body), 422)


def test_a_huge_body_is_413(post):
    error(post({"email": "x" * 300 * 1024}), 413)


def test_deep_nesting_is_422_and_names_the_field(post):
    deep: object = "x"
    for _ in range(50):
        deep = [deep]
    assert "trap" in error(post({**LEAD, "trap": deep}), 422)["fields"]
    error(post("[" * 100_000), 400)


def test_too_many_fields_are_422(post):
    error(post({f"f{n}": 1 for n in range(2_000)}), 422)


def test_an_unknown_type_is_415(post):
    error(post("email: x", content_type="text/yaml"), 415)


def test_nul_and_control_characters_are_taken(post):
    assert post({**LEAD, "first_name": "a\x00b\x07"}).json()["outcome"] == "accepted"


@pytest.mark.parametrize("key", ["", "wrong", "x" * 5_000, "é"])
def test_no_or_a_wrong_key_is_401(post, key):
    reply = post(key=key)
    error(reply, 401)
    assert reply.headers["WWW-Authenticate"] == "Bearer"


def test_another_sources_key_is_403(post):
    other = Source.objects.create(slug="other", name="Other")
    key = SourceKey(source=other)
    key.set("other-source-key-0123")
    key.save()
    error(post(key="other-source-key-0123"), 403)


def test_a_partners_key_is_403(post, play):
    key = PartnerKey(recipient_id=play.flow.steps.last().recipients.get().recipient_id)
    key.set("partner-key-0123456789")
    key.save()
    error(post(key="partner-key-0123456789"), 403)


def test_an_unknown_flow_is_404(post):
    error(post(flow="nowhere"), 404)


def test_a_paused_flow_is_409(post):
    flow = Flow.objects.get()
    flow.active = False
    flow.save()
    assert error(post(), 409)["message"] == "The flow auto is paused; it takes no leads."


def test_a_source_that_is_switched_off_is_403(post):
    source = Source.objects.get()
    source.active = False
    source.save()
    error(post(), 403)


def test_it_says_503_when_it_cannot_store(post, monkeypatch):
    def broken(*_, **__):
        raise OperationalError("the database is gone")

    monkeypatch.setattr(storing, "store", broken)
    reply = post()
    error(reply, 503)
    assert int(reply.headers["Retry-After"]) > 0


def test_a_get_is_405(client, play):
    error(client.get("/api/v1/flows/auto/leads", headers={"Authorization": f"Bearer {KEY}"}), 405)


def test_it_never_shows_the_key(post, caplog):
    post("{")
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=5", 5),
        ('wait="5"', 5),
        ("respond-async, wait = 10", 10),
        ("wait=99999999999", 30),
        ("wait=0", 0),
        ("", None),
        ("wait=x", None),
    ],
)
def test_it_reads_the_prefer_header(header, seconds):
    assert waiting.wanted(header) == seconds


def test_it_waits_no_longer_than_asked_and_says_null(post):
    reply = post(Prefer="wait=1")
    assert reply.status_code == 201
    assert reply.json()["result"] is None


def test_it_answers_early_when_all_places_stay_taken(post, monkeypatch):
    monkeypatch.setattr(waiting, "PLACES", threading.BoundedSemaphore(1))
    waiting.PLACES.acquire()
    assert post(Prefer="wait=30").json()["result"] is None
    assert post({"state": "TX"}, Prefer="wait=30").json()["result"] == "rejected"


def test_it_lets_a_wait_have_the_next_place(monkeypatch):
    monkeypatch.setattr(waiting, "PLACES", threading.BoundedSemaphore(1))
    monkeypatch.setattr(waiting, "PLACE_SECONDS", 20.0)
    waiting.PLACES.acquire()
    monkeypatch.setattr(waiting, "_look", lambda _: "sold" if leaving.finished.is_set() else None)
    leaving = threading.Timer(0.2, waiting.PLACES.release)
    leaving.start()
    assert waiting.result("lead_x", 20.0) == "sold"
    leaving.join()
    assert waiting.PLACES.acquire(blocking=False)  # it left its place to the next


def test_it_waits_for_nobody_who_has_hung_up(monkeypatch):
    ours, theirs = socket.socketpair()
    looks = []
    monkeypatch.setattr(waiting, "_look", looks.append)
    gone = waiting.gone(ours)
    assert not gone()
    theirs.send(b"GET")  # a next request in the pipe is no goodbye, and is not taken
    assert not gone()
    assert ours.recv(3) == b"GET"
    theirs.close()
    assert gone()
    assert waiting.result("lead_x", 600.0, gone=gone) is None
    assert looks == ["lead_x"]
    ours.close()
    assert gone()
    assert not waiting.gone(None)()


def test_many_waiters_leave_room_for_leads(monkeypatch):
    monkeypatch.setattr(waiting, "_look", lambda _: None)
    monkeypatch.setattr(waiting, "PLACE_SECONDS", 0.01)
    ended = threading.Event()
    waits = [
        threading.Thread(
            target=waiting.result, args=("lead_x", 600.0), kwargs={"gone": ended.is_set}
        )
        for _ in range(50)
    ]
    for wait in waits:
        wait.start()
    deadline = time.monotonic() + 60
    while sum(wait.is_alive() for wait in waits) > 8 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sum(wait.is_alive() for wait in waits) == 8
    ended.set()
    for wait in waits:
        wait.join(60)
    assert not any(wait.is_alive() for wait in waits)


def test_it_waits_for_test_leads_as_for_any(post):
    told = post({"state": "TX", "test": True}, Prefer="wait=20").json()
    assert told["result"] == "rejected"


def test_it_says_what_is_known_already_where_it_shall_not_wait(post):
    assert post({"state": "TX"}, Prefer="wait=0").json()["result"] == "rejected"
    assert "result" not in post().json()


def test_it_takes_a_lead_whatever_answer_its_source_would_rather_have(post):
    reply = post(Accept="application/xml")
    assert (reply.status_code, reply["Content-Type"]) == (201, "application/json")
    assert Lead.objects.count() == 1


def test_it_answers_with_the_result_as_soon_as_the_lead_has_ended(post):
    assert post({"state": "TX"}, Prefer="wait=20").json()["result"] == "rejected"


def test_it_reads_half_a_character_and_a_mark_at_the_beginning(post):
    half = b'{"email": "ann@example.com", "first_name": "Ann \\ud83d", "state": "TX"}'
    reply = post(half.decode())
    assert reply.json()["outcome"] == "accepted"
    assert Lead.objects.count() == 1
    assert post("\ufeff" + json.dumps({**LEAD, "email": "b@example.com"})).status_code == 201


@pytest.mark.parametrize(
    "body", ['{"a": "\\ud83d", "b": NaN}', '{"a": "\\ud83d"', "[" * 5000 + '"\\ud83d"']
)
def test_half_a_character_excuses_nothing_else(post, body):
    assert error(post(body), 400)["message"].startswith("Not JSON")


def test_it_says_that_it_does_not_unpack(post):
    reply = post(json.dumps(LEAD), **{"Content-Encoding": "gzip"})
    assert "gzip" in error(reply, 415)["message"]
