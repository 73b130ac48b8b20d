"""Many deliveries sent again over the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from flows import tasks
from flows.models import BulkRetry, Work
from leadops.lib import queue
from recipients.outcomes import Outcome
from tests.factories import (
    bearer,
    deliver_lead,
    make_flow,
    make_recipient,
    make_source,
    make_user,
)

pytestmark = pytest.mark.django_db

STAFF = bearer("usr_test_key_0001")
URL = "/recipients/abc-insurance/retry"
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()


@pytest.fixture
def api(monkeypatch):
    monkeypatch.setattr(queue, "enqueue", lambda *_, **__: None)
    make_user("olga", role="ops", key="usr_test_key_0001")
    make_user("aud", role="auditor", key="usr_test_key_0002")
    source, recipient = make_source(), make_recipient(key="rcp_test_key_0001")
    flow = make_flow(source, recipient)
    for place in range(2):
        deliver_lead(
            flow, source, outcomes={"abc-insurance": [Outcome.REJECTED]},
            email=f"p{place}@example.com", phone_1=f"512555010{place}",
        )  # fmt: skip
    return Client()


def post(api, url, body=None, **headers):
    return api.post(f"/api/v1{url}", body or {}, content_type="application/json", **headers)


def test_it_counts_starts_and_tells_how_far_it_is(api):
    asked = {"start": YESTERDAY, "state": "declined"}
    counted = post(api, URL, {**asked, "dry_run": True}, **STAFF)
    assert (counted.status_code, counted.json()["total"]) == (200, 2)
    assert not BulkRetry.objects.exists()
    started = post(api, URL, asked, **STAFF)
    assert (started.status_code, started.json()["state"]) == (202, "queued")
    id = started.json()["id"]
    tasks.bulk_retry(id)
    told = api.get(f"/api/v1/retries/{id}", **STAFF).json()
    assert (told["state"], told["looked_at"], told["sent"]) == ("done", 2, 2)
    assert Work.objects.count() == 2
    assert BulkRetry.objects.get().by == "olga"


def test_it_is_cancelled(api):
    id = post(api, URL, {"start": YESTERDAY, "state": "declined"}, **STAFF).json()["id"]
    assert post(api, f"/retries/{id}/cancel", **STAFF).json()["state"] == "cancelled"
    tasks.bulk_retry(id)
    assert not Work.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"start": ""}, "start"),
        ({"start": "soon"}, "start"),
        ({"end": "never"}, "end"),
        ({"state": "accepted"}, "state"),
        ({"outcome": "odd"}, "outcome"),
        ({"category": ["odd"]}, "category"),
        ({"force": "perhaps"}, "force"),
    ],
)
def test_it_says_what_is_wrong(api, wrong, field):
    answer = post(api, URL, {"start": YESTERDAY, **wrong}, **STAFF)
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (422, [field])


def test_it_refuses_what_fits_nothing(api):
    answer = post(api, URL, {"start": YESTERDAY, "outcome": "unknown"}, **STAFF)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


def test_it_knows_no_other(api):
    assert post(api, "/recipients/nobody/retry", {"start": YESTERDAY}, **STAFF).status_code == 404
    assert api.get("/api/v1/retries/rty_none", **STAFF).status_code == 404
    assert post(api, "/retries/rty_none/cancel", **STAFF).status_code == 404


@pytest.mark.parametrize("url", [URL, "/retries/rty_none/cancel"])
def test_it_is_for_those_who_operate(api, url):
    assert post(api, url).status_code == 401
    for key in ("usr_test_key_0002", "rcp_test_key_0001"):
        assert post(api, url, **bearer(key)).status_code == 403
