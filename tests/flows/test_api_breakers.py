"""Staff read, open and close breakers over the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from events.models import Event
from recipients.models import Breaker, Endpoint
from tests.factories import bearer, make_recipient, make_user

pytestmark = pytest.mark.django_db

OPS = bearer("usr_test_key_0001")
AUDITOR = bearer("usr_test_key_0002")
MANAGER = bearer("usr_test_key_0003")
URL = "/api/v1/recipients/abc-insurance/breakers"


@pytest.fixture
def api() -> Client:
    make_recipient(key="rcp_test_key_0001")
    make_user("olga", role="ops", key="usr_test_key_0001")
    make_user("aud", role="auditor", key="usr_test_key_0002")
    make_user("dana", role="account_manager", key="usr_test_key_0003")
    return Client()


def post(api: Client, path: str, body: object = None, **headers):
    return api.post(URL + path, body or {}, content_type="application/json", **headers)


def test_it_says_how_they_stand(api: Client):
    found = api.get(URL, **AUDITOR).json()
    assert (found["recipient"], found["enabled"]) == ("abc-insurance", True)
    one = found["breakers"][0]
    assert (one["kind"], one["state"], one["counted"]) == ("production", "closed", 0)
    assert (one["since"], one["probe_at"], one["reason"]) == (None, None, "")


def test_production_comes_first(api: Client):
    first = Endpoint.objects.get()
    Endpoint.objects.create(recipient=first.recipient, kind="backup", url=first.url)
    kinds = [each["kind"] for each in api.get(URL, **OPS).json()["breakers"]]
    assert kinds == ["production", "backup"]


def test_it_opens_one_for_a_while_and_closes_it(api: Client):
    answer = post(api, "/production/open", {"reason": "They move", "wait": "30m"}, **OPS)
    assert answer.status_code == 200
    one = answer.json()["breakers"][0]
    assert (one["state"], one["reason"]) == ("open", "By olga: They move")
    row = Breaker.objects.get()
    assert row.until - row.since == timedelta(minutes=30)
    assert one["probe_at"] is not None
    endpoint = Endpoint.objects.get()
    closed = post(api, f"/{endpoint.pk}/close", {"reason": "They have moved"}, **OPS).json()
    assert closed["breakers"][0]["state"] == "closed"
    events = Event.objects.filter(type__startswith="breaker.").order_by("timestamp")
    assert [event.data["by"] for event in events] == ["olga", "olga"]
    assert events[1].reason == "By olga: They have moved"


def test_without_a_wait_it_stays_open(api: Client):
    answer = post(api, "/production/open", {"reason": "Until Monday"}, **OPS)
    assert answer.json()["breakers"][0]["probe_at"] is None


@pytest.mark.parametrize("action", ["open", "close"])
def test_it_is_for_those_who_operate(api: Client, action: str):
    path = f"/production/{action}"
    assert post(api, path, {"reason": "x"}).status_code == 401
    for headers in (AUDITOR, MANAGER, bearer("rcp_test_key_0001")):
        assert post(api, path, {"reason": "x"}, **headers).status_code == 403
    assert not Breaker.objects.exclude(state="closed").exists()


def test_it_is_read_by_staff_who_see_the_recipient(api: Client):
    assert api.get(URL).status_code == 401
    assert api.get(URL, **bearer("rcp_test_key_0001")).status_code == 403
    assert api.get(URL, **MANAGER).status_code == 404
    assert api.get(URL.replace("abc-insurance", "nobody"), **OPS).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": " "}, "reason"),
        ({"reason": ["x"]}, "reason"),
        ({"reason": "x" * 301}, "reason"),
        ({"reason": "x", "wait": "soon"}, "wait"),
        ({"reason": "x", "wait": 0}, "wait"),
        ({"reason": "x", "wait": True}, "wait"),
    ],
)
def test_it_names_what_is_wrong(api: Client, body: dict, field: str):
    answer = post(api, "/production/open", body, **OPS)
    assert answer.status_code == 422
    assert list(answer.json()["error"]["fields"]) == [field]


def test_an_endpoint_must_be_named_so_that_it_is_one(api: Client):
    first = Endpoint.objects.get()
    for place in range(2):
        Endpoint.objects.create(
            recipient=first.recipient, kind="fallback", url=first.url, position=place
        )
    assert post(api, "/backup/open", {"reason": "x"}, **OPS).status_code == 404
    assert post(api, "/fallback/open", {"reason": "x"}, **OPS).status_code == 409
    other = make_recipient("xyz").endpoints.get()
    assert post(api, f"/{other.pk}/open", {"reason": "x"}, **OPS).status_code == 404
