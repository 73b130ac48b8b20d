"""What buyers answer, on the pages that show it."""

from __future__ import annotations

import re

import pytest

from events.models import Event
from events.readable import pretty
from recipients.deliver import Attempt, RecordedReply, RecordedRequest
from recipients.outcomes import Outcome, Result
from tests import factories
from tests.pages import sign_in

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg onload=alert(3)>"
UNREADABLE = [
    '{"message": "\\ud800"}',
    "[" * 60_000,
    '{"a":' * 2_000 + "1" + "}" * 2_000,
    "<r>" * 5_000,
    '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]><r>&x;</r>',
    "a=%ff&b=%00",
]


def attempt_with(body, reason=""):
    """Stands in for factories.make_attempt: every buyer rejects, with this body."""

    def made(sending, outcome, *, seconds=0.1):
        return Attempt(
            result=Result(Outcome.REJECTED, reason=reason, message=reason, buyer_lead_id=reason),
            request=RecordedRequest("POST", "https://x.example/?a=" + MARKUP, {"X": MARKUP}, body),
            reply=RecordedReply(200, {"X-Reply": MARKUP}, body),
            seconds=seconds,
        )

    return made


@pytest.fixture
def flow(db):
    recipient = factories.make_recipient(name=MARKUP)
    return factories.make_flow(factories.make_source(), recipient)


def pages_of(lead_id, user):
    """The lead's page with every one of its events in the inspector."""
    client = sign_in(user)
    ids = Event.objects.filter(lead_id=lead_id).values_list("id", flat=True)
    return [client.get(f"/leads/{lead_id}/?event={event_id}") for event_id in ids]


@pytest.mark.parametrize("body", UNREADABLE)
@pytest.mark.parametrize("role", ["auditor", "account_manager"])
def test_it_shows_replies_that_no_parser_can_take(flow, monkeypatch, body, role):
    monkeypatch.setattr(factories, "make_attempt", attempt_with(body))
    source = flow.sources.get().source
    lead_id = factories.deliver_lead(flow, source)
    recipients = [row.recipient for row in flow.steps.get(kind="deliver").recipients.all()]
    user = factories.make_user("viewer", role=role, recipients=recipients)
    pages = pages_of(lead_id, user)
    assert {page.status_code for page in pages} == {200}
    assert "root:" not in "".join(page.content.decode() for page in pages)


def test_it_lays_out_no_reply_that_would_take_for_ever():
    assert pretty("[" * 60_000) == "[" * 60_000


def test_it_shows_markup_as_text_wherever_it_comes_from(flow, monkeypatch):
    monkeypatch.setattr(factories, "make_attempt", attempt_with(MARKUP, MARKUP))
    source = flow.sources.get().source
    source.name = flow.name = MARKUP
    source.save()
    flow.save()
    lead_id = factories.deliver_lead(
        flow, source, **{"first_name": MARKUP, MARKUP: MARKUP, "note": {MARKUP: MARKUP}}
    )
    admin = factories.make_user("adm", role="administrator")
    client = sign_in(admin)
    addresses = ["/leads/", f"/leads/?q={MARKUP}", "/dashboards/", "/admin/"]
    addresses += [f"/dashboards/recipients/{row.slug}/" for row in _recipients(flow)]
    addresses += ["/admin/recipients/recipient/", "/admin/flows/flow/", "/admin/flows/source/"]
    addresses += ["/admin/events/event/", f"/admin/recipients/recipient/?q={MARKUP}"]
    answers = [*pages_of(lead_id, admin), *(client.get(address) for address in addresses)]
    for answer in answers:
        assert answer.status_code == 200
        page = answer.content.decode()
        assert not re.search(r"<script>alert|<img src=x|<svg onload", page), answer.request


def _recipients(flow):
    return [row.recipient for row in flow.steps.get(kind="deliver").recipients.all()]
