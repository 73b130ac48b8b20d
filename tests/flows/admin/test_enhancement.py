"""The page of an enhancement step, and its service asked by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from events.models import Event
from flows import plans
from flows.models import Enhancement, Flow, Step
from leadops.buyers import Buyers, running_buyers
from tests.factories import make_flow, make_recipient, make_source, make_user, post_lead
from tests.pages import errors_of, page_of, sign_in, submit, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def buyers() -> Iterator[Buyers]:
    with running_buyers() as running:
        yield running


@pytest.fixture
def ops() -> Client:
    return sign_in(make_user("olga"))


@pytest.fixture
def flow() -> Flow:
    return make_flow(make_source(), make_recipient())


@pytest.fixture
def step(flow: Flow, buyers: Buyers) -> Step:
    made = Step.objects.create(flow=flow, name="phone_check", kind="enhance", position=0)
    Enhancement.objects.create(
        step=made,
        url=f"{buyers.url}/lookup",
        send={"phone": "{{lead.phone_1}}"},
        append={"carrier": "carrier", "ported": "ported", "none": "nowhere"},
    )
    return made


def add(client: Client, flow: Flow, **fields: Any) -> Any:
    url = f"/admin/flows/step/add/?flow={flow.pk}&kind=enhance"
    given = {
        "enhancement__0__url": "https://api.example.com/lookup",
        "enhancement__0__send": "phone: '{{lead.phone_1}}'",
        "enhancement__0__append": "carrier: carrier",
    }
    return submit(client, url, name="phone_check", **{**given, **fields})


def test_it_adds_a_step(ops: Client, flow: Flow) -> None:
    answer = add(ops, flow, enhancement__0__cost="0.0125", enhancement__0__cache_for="24h")
    assert answer.status_code == 302, errors_of(answer)
    row = Enhancement.objects.get(step__name="phone_check")
    assert row.send == {"phone": "{{lead.phone_1}}"}
    assert row.append == {"carrier": "carrier"}
    assert (float(row.cost), row.cache_for, row.timeout) == (0.0125, 86400.0, 5.0)
    assert row.step.kind == "enhance"
    assert "appends carrier" in text_of(ops.get(page_of(flow)))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"enhancement__0__url": ""}, "Say where it is asked"),
        ({"enhancement__0__append": ""}, "Say what is appended"),
        ({"enhancement__0__append": "c: {path: x, privacy: secret}"}, "is none of: plain"),
        ({"enhancement__0__send": "phone: '{{lead.phone_1'"}, "is not closed"),
        ({"enhancement__0__service": "twilio.lookup"}, "wants to know who asks"),
        ({"enhancement__0__timeout": "5m"}, "the lead waits for it"),
    ],
)
def test_it_refuses_what_cannot_be_asked(ops, flow, fields, message) -> None:
    answer = add(ops, flow, **fields)
    assert answer.status_code == 200
    assert message in str(errors_of(answer))


def test_it_asks_now_and_shows_what_would_be_appended(ops: Client, step: Step) -> None:
    page = f"/admin/flows/step/{step.pk}/ask/"
    assert "Ask now" in text_of(ops.get(page_of(step)))
    answer = ops.post(page, {"lead": "", "values": "phone_1: '5125550147'"})
    shown = text_of(answer)
    assert "appended.phone_check.carrier" in shown
    assert "Not in this reply: nowhere" in shown
    assert '"phone": "5125550147"' in shown
    event = Event.objects.get(type="enhancement.tested")
    assert (event.entity_id, event.data["by"], event.data["result"]) == (
        step.pk,
        "olga",
        "accepted",
    )


def test_it_asks_about_a_recent_lead(ops: Client, step: Step) -> None:
    source = step.flow.sources.get().source
    told = post_lead(plans.current().flows[step.flow_id], plans.current().sources[source.pk])
    page = f"/admin/flows/step/{step.pk}/ask/"
    assert told.lead_id in ops.get(page).content.decode()
    answer = ops.post(page, {"lead": told.lead_id, "values": ""})
    assert "The service answered" in text_of(answer)
    assert not Event.objects.filter(lead_id=told.lead_id, type__startswith="enhancement").exists()


def test_only_who_may_change_the_step_asks(step: Step) -> None:
    auditor = sign_in(make_user("arthur", role="auditor"))
    answer = auditor.post(f"/admin/flows/step/{step.pk}/ask/", {"values": ""})
    assert answer.status_code == 403
    assert not Event.objects.filter(type="enhancement.tested").exists()


def test_only_an_enhancement_is_asked(ops: Client, flow: Flow) -> None:
    deliver = flow.steps.get(kind="deliver")
    assert ops.get(f"/admin/flows/step/{deliver.pk}/ask/").status_code == 404
    assert "Ask now" not in text_of(ops.get(page_of(deliver)))
