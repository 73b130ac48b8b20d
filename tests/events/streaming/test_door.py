"""The door of the firehose: what it refuses, and what it hands on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from events.following import Position
from events.streaming.asked import Asked, Form
from leadops.lib import handover, ids
from tests.events.test_following import write
from tests.factories import bearer, make_flow, make_recipient, make_source, make_user

pytestmark = pytest.mark.django_db
OLGA, SOURCE, PARTNER = "key-olga-00000001", "key-web-0000001", "key-abc-0000001"
LONG_AGO = ids.new_id("evt", at=datetime(2001, 1, 1, tzinfo=UTC))


@pytest.fixture
def world() -> Any:
    source = make_source("web-form-a", key=SOURCE)
    flow = make_flow(source, make_recipient("abc-insurance", key=PARTNER))
    make_user("olga", key=OLGA)
    return flow


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """What would have been handed over; the socket is taken apart elsewhere."""
    found: list[Asked] = []
    monkeypatch.setattr(
        handover, "give", lambda at, connection, message: found.append(Asked.read(message))
    )
    return found


def ask(client: Client, query: str = "", key: str = OLGA, **headers: Any) -> Any:
    environ = {"gunicorn.socket": object(), "HTTP_ACCEPT": "*/*", **bearer(key), **headers}
    return client.get(f"/api/v1/events/stream?{query}", **environ)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("after=nonsense", 422),
        ("after=evt_'; drop table events_event; --", 422),
        (f"after={'x' * 5000}", 422),
        ("after=lead_0VbbLlX51T63ac33fvvr", 422),
        ("after=evt_zzzzzzzzzzzzzzzzzzzz", 404),
        ("after=%00", 422),
        pytest.param(f"after={ids.new_id('evt')}", 404, id="an event that is not there"),
        pytest.param(f"after={LONG_AGO}", 410, id="an event of long ago"),
        ("type=nonsense", 422),
        ("flow=nonsense", 422),
        ("outcome=nonsense", 422),
        ("exclude=all", 422),
        ("&".join(f"lead_id=lead_{n}" for n in range(101)), 422),
    ],
)
def test_it_refuses_what_it_cannot_read(
    client: Client, world: Any, given: list[Asked], query: str, status: int
) -> None:
    answer = ask(client, query)
    assert answer.status_code == status, answer.content
    assert answer.json()["error"]["message"]
    assert given == []


def test_it_hands_on_what_was_asked(client: Client, world: Any, given: list[Asked]) -> None:
    first, second = write()[0], write()[0]
    query = f"after={first}&type=recipient.*&flow={world.slug}&exclude=lead"
    ask(client, query, HTTP_ACCEPT="text/event-stream", HTTP_LAST_EVENT_ID=second)
    ask(client, "after=start", SERVER_PROTOCOL="HTTP/1.0")
    browser, plain = given
    assert browser.after.id == second, "a browser repeats the address and says how far it came"
    assert browser.form is Form.SSE
    assert "recipient.delivered" in browser.choice.types
    assert browser.choice.flows == {world.id}
    assert not browser.with_lead
    assert (plain.after, plain.form, plain.chunked) == (Position(0), Form.LINES, False)
    assert OLGA not in str(plain.message())


def test_it_is_for_staff_alone(client: Client, world: Any, given: list[Asked]) -> None:
    assert [ask(client, key=key).status_code for key in (SOURCE, PARTNER, "none")] == [
        403,
        403,
        401,
    ]
    assert given == []


def test_without_a_streams_process_it_says_try_again(client: Client, world: Any) -> None:
    answer = client.get("/api/v1/events/stream", **bearer(OLGA))
    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert client.head("/api/v1/events/stream", **bearer(OLGA)).status_code == 200
