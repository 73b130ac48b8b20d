"""Staff steer deliveries over the API."""

from __future__ import annotations

import pytest
from django.test import Client

from events.models import Delivery, Event
from flows.models import Work
from recipients.models import Recipient
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


@pytest.fixture
def api():
    make_user("olga", role="ops", key="usr_test_key_0001")
    make_user("aud", role="auditor", key="usr_test_key_0002")
    return Client()


def post(api, url, body=None, **headers):
    return api.post(f"/api/v1{url}", body or {}, content_type="application/json", **headers)


def test_it_pauses_a_recipient_and_says_so(api):
    make_recipient()
    answer = post(api, "/recipients/abc-insurance/pause", {"reason": "CRM down"}, **STAFF)
    assert answer.status_code == 200
    assert answer.json() == {"recipient": "abc-insurance", "paused": True, "reason": "CRM down"}
    assert Event.objects.get().data["by"] == "olga"


def test_it_takes_no_list_for_an_object(api):
    make_recipient()
    for body in ("[]", "null", '""'):
        answer = post(api, "/recipients/abc-insurance/pause", body, **STAFF)
        assert answer.status_code == 422, body
    assert not Event.objects.exists()


def test_it_resumes_a_recipient(api):
    make_recipient()
    post(api, "/recipients/abc-insurance/pause", **STAFF)
    answer = post(api, "/recipients/abc-insurance/resume", **STAFF)
    assert answer.json()["paused"] is False
    assert Recipient.objects.get().paused_at is None


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_it_is_for_those_who_operate(api, action):
    make_recipient(key="rcp_test_key_0001")
    url = f"/recipients/abc-insurance/{action}"
    assert post(api, url).status_code == 401
    assert post(api, url, **bearer("usr_test_key_0002")).status_code == 403
    assert post(api, url, **bearer("rcp_test_key_0001")).status_code == 403


def test_it_knows_no_other_recipient(api):
    answer = post(api, "/recipients/nobody/pause", **STAFF)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_it_wants_a_text_for_a_reason(api):
    make_recipient()
    answer = post(api, "/recipients/abc-insurance/pause", {"reason": ["x"]}, **STAFF)
    assert answer.status_code == 422
    assert answer.json()["error"]["fields"] == {"reason": "Not a text."}


def test_it_sends_a_delivery_again(api):
    source, recipient = make_source(), make_recipient()
    flow = make_flow(source, recipient)
    deliver_lead(flow, source, outcomes={"abc-insurance": [Outcome.REJECTED]})
    delivery = Delivery.objects.get()
    answer = post(api, f"/deliveries/{delivery.id}/retry", **STAFF)
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    assert Work.objects.get().delivery_id == delivery.id
    again = post(api, f"/deliveries/{delivery.id}/retry", **STAFF)
    assert again.status_code == 409
    assert "under way" in again.json()["error"]["message"]


def test_it_refuses_an_accepted_delivery_unless_forced(api):
    source, recipient = make_source(), make_recipient()
    deliver_lead(make_flow(source, recipient), source)
    url = f"/deliveries/{Delivery.objects.get().id}/retry"
    assert post(api, url, **STAFF).status_code == 409
    assert post(api, url, {"force": True}, **STAFF).status_code == 202


def test_it_wants_a_yes_or_a_no_for_force(api):
    answer = post(api, "/deliveries/dlv_none/retry", {"force": "perhaps"}, **STAFF)
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (422, ["force"])


def test_it_knows_no_other_delivery(api):
    assert post(api, "/deliveries/dlv_none/retry", **STAFF).status_code == 404
