"""Requests that cannot be taken: a clear error in one shape, and nothing of it in the logs."""

from __future__ import annotations

import json
import logging
from urllib.parse import quote

import psycopg
import pytest
from django.db import DataError, OperationalError
from django.test import Client

from tests import factories
from tests.factories import KEYS, bearer
from tests.pages import sign_in

pytestmark = pytest.mark.django_db
CALLS = [
    ("GET", "/api/v1/leads/{}", "staff"),
    ("GET", "/api/v1/leads/{}/events", "staff"),
    ("GET", "/api/v1/flows/{}/events", "staff"),
    ("GET", "/api/v1/recipients/{}/metrics", "staff"),
    ("POST", "/api/v1/recipients/{}/pause", "staff"),
    ("POST", "/api/v1/recipients/{}/resume", "staff"),
    ("POST", "/api/v1/deliveries/{}/retry", "staff"),
    ("POST", "/api/v1/flows/{}/leads", "source"),
    ("POST", "/api/v1/leads/{}/feedback", "partner"),
]
NAMES = ["\0", "a\0b", "../../etc/passwd", "'; DROP TABLE x --", "é" * 500, "\ud7ff", "%", "_%"]


@pytest.fixture
def client():
    recipient = factories.make_recipient(key=KEYS["partner"])
    factories.make_flow(factories.make_source(key=KEYS["source"]), recipient)
    factories.make_user(role="administrator", key=KEYS["staff"])
    client = Client()
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize(("method", "path", "who"), CALLS)
@pytest.mark.parametrize("name", NAMES)
def test_it_knows_nothing_of_odd_names(client, method, path, who, name):
    body = {"kind": "return"} if who == "partner" else {"email": "a@example.com"}
    answer = client.generic(
        method,
        path.format(quote(name, safe="")),
        json.dumps(body),
        content_type="application/json",
        **bearer(KEYS[who]),
    )
    assert answer.status_code in (400, 404, 422)
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("headers", [{"HTTP_HOST": "evil.example"}, {"HTTP_HOST": "a b"}])
def test_it_refuses_hosts_that_are_not_ours_in_the_apis_shape(client, headers):
    answer = client.get("/api/v1/events", **headers, **bearer(KEYS["staff"]))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unparsable")


def test_it_refuses_more_parameters_than_anybody_needs(client):
    answer = client.get("/api/v1/events?" + "a=&" * 1_100, **bearer(KEYS["staff"]))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unparsable")


@pytest.mark.parametrize(
    "query",
    [
        "start=0001-01-01T00:00:00%2B14:00&end=0001-01-02",
        "start=0001-01-01",
        "end=9999-12-31",
        "start=9999-12-31T23:59:59-14:00",
        "tz=../../etc/passwd",
        "interval=__class__",
        "group_by=data",
    ],
)
def test_it_names_the_parameter_that_makes_no_sense(client, query):
    address = f"/api/v1/recipients/abc-insurance/metrics?{query}"
    answer = client.get(address, **bearer(KEYS["staff"]))
    assert answer.status_code == 422
    assert answer.json()["error"]["fields"]


@pytest.mark.parametrize(
    "address",
    [
        "/leads/%00/",
        "/admin/recipients/recipient/?q=%00",
        "/admin/recipients/recipient/?slug=%00",
        "/admin/recipients/recipient/%00/change/",
    ],
)
def test_it_refuses_pages_whose_address_holds_nul(client, address):
    pages = sign_in(factories.make_user("adm", role="administrator"))
    assert pages.get(address).status_code == 400


@pytest.mark.parametrize(
    "address",
    [
        "/leads/?q=%00",
        "/leads/?flow=%00&after=%00&recipient=%00",
        "/dashboards/?flow=%00&sort=%00",
        "/dashboards/?period=%00&tz=%00",
        "/dashboards/recipients/abc-insurance/?period=custom&from=%00",
    ],
)
def test_it_looks_for_nothing_under_nul(client, address):
    pages = sign_in(factories.make_user("adm", role="administrator"))
    assert pages.get(address).status_code == 200


@pytest.mark.parametrize(
    "query",
    ["from=0001-01-01&to=0001-01-02", "from=9999-12-31&to=9999-12-31", "from=x&to=", "from=a&to=b"],
)
def test_it_falls_back_from_periods_outside_the_calendar(client, query):
    pages = sign_in(factories.make_user("adm", role="administrator"))
    assert pages.get(f"/dashboards/?period=custom&{query}").status_code == 200


SECRET = "john.smith@example.com"


def broken(error, monkeypatch, client):
    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr("flows.api.leads.receive", fail)
    return client.post(
        "/api/v1/flows/auto-insurance/leads",
        {"email": SECRET},
        content_type="application/json",
        **bearer(KEYS["source"]),
    )


@pytest.mark.parametrize("error", [OperationalError("gone"), psycopg.OperationalError("gone")])
def test_it_asks_to_send_again_what_it_could_not_store(client, monkeypatch, error):
    answer = broken(error, monkeypatch, client)
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")


@pytest.mark.parametrize("error", [DataError, psycopg.errors.NumericValueOutOfRange])
def test_it_does_not_ask_again_for_what_can_never_be_stored(client, monkeypatch, error):
    answer = broken(error(f"too large: {SECRET}"), monkeypatch, client)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "wrong_shape")


@pytest.mark.parametrize(
    "error", [DataError, psycopg.errors.UniqueViolation, KeyError, RuntimeError]
)
def test_it_keeps_what_a_lead_says_out_of_logs_and_answers(client, monkeypatch, caplog, error):
    with caplog.at_level(logging.DEBUG):
        answer = broken(error(f"DETAIL: ({SECRET}) is wrong"), monkeypatch, client)
    assert answer.status_code >= 422
    assert SECRET not in answer.content.decode()
    assert error.__name__ in caplog.text
    assert SECRET not in caplog.text


def test_it_lets_no_cache_keep_what_the_api_says(client):
    answer = client.get("/api/v1/recipients/none/metrics", **bearer(KEYS["staff"]))
    assert answer["Cache-Control"] == "no-store"
    # What has an ETag may be kept by whoever asked, to ask whether it has changed.
    answer = client.get("/api/v1/events", **bearer(KEYS["staff"]))
    assert answer["Cache-Control"] == "private, no-cache"


def test_it_lets_pages_load_from_and_send_to_nobody_else(client):
    pages = sign_in(factories.make_user("adm", role="administrator"))
    for address in ("/admin/", "/dashboards/", "/leads/", "/api/docs/", "/admin/login/"):
        answer = pages.get(address, follow=True)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "form-action 'self'" in policy
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        loaded = [word for word in answer.content.decode().split() if word.startswith('src="http')]
        assert not loaded
