"""Staff look values up in suppression lists and change them over the API."""

from __future__ import annotations

import hashlib

import pytest
from django.test import Client

from events.models import Event
from flows.suppression import entries
from recipients.models import SuppressionEntry, SuppressionList
from tests.factories import bearer, make_recipient, make_source, make_user

pytestmark = pytest.mark.django_db

OPS, AUDITOR = bearer("usr_test_key_0001"), bearer("usr_test_key_0002")
MANAGER, SOURCE = bearer("usr_test_key_0003"), bearer("src_test_key_0001")
PARTNER = bearer("rcp_test_key_0001")
URL = "/api/v1/suppression-lists/dnc"
PHONE = "5125550100"


@pytest.fixture
def api() -> Client:
    make_user("olga", role="ops", key="usr_test_key_0001")
    make_user("aud", role="auditor", key="usr_test_key_0002")
    make_user("dana", role="account_manager", key="usr_test_key_0003")
    make_source(key="src_test_key_0001")
    make_recipient(key="rcp_test_key_0001")
    SuppressionList.objects.create(slug="dnc", name="Do not call", fields=["phone_1"])
    return Client()


def call(api, method, url, body=None, **headers):
    send = getattr(api, method)
    return send(URL + url, body or {}, content_type="application/json", **headers)


def test_it_adds_checks_and_removes(api):
    added = call(api, "post", "/entries", {"values": [PHONE, "(512) 555-0100", 5125550101]}, **OPS)
    assert (added.status_code, added.json()) == (200, {"added": 2, "entries": 2})
    asked = {"values": ["1 512 555 0100", "5125550199", "no number"]}
    assert call(api, "post", "/check", asked, **AUDITOR).json() == {"results": [True, False, None]}
    gone = call(api, "delete", "/entries", {"values": [PHONE, "5125550199"]}, **OPS)
    assert gone.json() == {"removed": 1, "entries": 1}
    assert call(api, "post", "/check", {"values": [PHONE]}, **OPS).json() == {"results": [False]}


def test_it_tells_of_all_lists(api):
    entries.add(SuppressionList.objects.get(), [PHONE], by="olga")
    told = api.get("/api/v1/suppression-lists", **AUDITOR).json()
    assert told["results"] == [
        {
            "slug": "dnc",
            "name": "Do not call",
            "fields": ["phone_1"],
            "type": "phone",
            "hashed": "none",
            "entries": 1,
        }
    ]


def test_a_list_of_hashes_takes_hashes_and_values(api):
    SuppressionList.objects.update(hashed="md5")
    known = hashlib.md5(b"15125550100", usedforsecurity=False).hexdigest()
    call(api, "post", "/entries", {"values": [known, "5125550101"]}, **OPS)
    asked = {"values": [PHONE, "5125550101", "5125550102"]}
    assert call(api, "post", "/check", asked, **OPS).json() == {"results": [True, True, False]}
    call(api, "delete", "/entries", {"values": [PHONE]}, **OPS)
    assert SuppressionEntry.objects.count() == 1


def test_the_record_says_who_and_how_many_and_never_which(api):
    call(api, "post", "/entries", {"values": [PHONE]}, **OPS)
    call(api, "post", "/entries", {"values": [PHONE]}, **OPS)
    call(api, "delete", "/entries", {"values": [PHONE]}, **OPS)
    events = Event.objects.filter(type="config.changed").order_by("seq", "timestamp")
    assert [event.reason for event in events] == [
        "Suppression list Do not call: 1 entry added",
        "Suppression list Do not call: 1 entry removed",
    ]
    assert {event.data["by"] for event in events} == {"olga"}
    assert not any(PHONE in str(event.data) for event in events)


def test_it_adds_all_or_none(api):
    answer = call(api, "post", "/entries", {"values": [PHONE, "nonsense"]}, **OPS)
    assert answer.status_code == 422
    assert "nonsense" not in answer.content.decode()
    assert answer.json()["error"]["fields"]["values"].startswith("Value 2 ")
    assert not SuppressionEntry.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"values": []},
        {"values": {"a": 1}},
        {"values": [None]},
        {"values": [True]},
        {"values": [["5125550100"]]},
        {"values": ["5" * 501]},
        {"values": ["1"] * (entries.AT_ONCE + 1)},
    ],
)
def test_it_says_what_is_wrong_with_a_body(api, body):
    for url in ("/entries", "/check"):
        answer = call(api, "post", url, body, **OPS)
        assert answer.status_code == 422
        assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("who", "changes", "looks"),
    [(OPS, 200, 200), (AUDITOR, 403, 200), (MANAGER, 403, 403), (SOURCE, 403, 403),
     (PARTNER, 403, 403), ({}, 401, 401)],
)  # fmt: skip
def test_who_may_what(api, who, changes, looks):
    body = {"values": [PHONE]}
    assert call(api, "post", "/entries", body, **who).status_code == changes
    assert call(api, "delete", "/entries", body, **who).status_code == changes
    assert call(api, "post", "/check", body, **who).status_code == looks
    assert api.get("/api/v1/suppression-lists", **who).status_code == looks


def test_there_must_be_such_a_list(api):
    url = "/api/v1/suppression-lists/none/check"
    answer = api.post(url, {"values": [PHONE]}, content_type="application/json", **OPS)
    assert answer.status_code == 404
