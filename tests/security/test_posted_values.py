"""What a source may say about a lead, and what of it is kept."""

from __future__ import annotations

import json

import pytest

from events.models import Event, Exchange, Snapshot
from tests import factories

SSN = "536224455"


@pytest.fixture
def source(db):
    return factories.make_source()


@pytest.fixture
def flow(source):
    return factories.make_flow(source, factories.make_recipient())


def bodies(lead_id):
    return [each.body for each in Snapshot.objects.filter(lead_id=lead_id).order_by("version")]


def kept(lead_id):
    """Everything that the record holds of a lead, as one text."""
    rows = [*Event.objects.filter(lead_id=lead_id).values("reason", "data")]
    rows += [*Exchange.objects.values("url", "request_body", "reply_body", "request_headers")]
    return json.dumps([rows, bodies(lead_id)], default=str)


def test_it_takes_no_components_of_fields_from_a_source(flow, source):
    answer = factories.post_lead(
        flow, source, **{"phone_1": "", "phone_1.valid": True, "email.is_free": "yes"}
    )
    parsed = bodies(answer.lead_id)[-1]
    assert "phone_1.valid" not in parsed
    assert parsed["email.is_free"] is False


def test_it_takes_no_values_of_ours_from_a_source(flow, source):
    answer = factories.post_lead(
        flow,
        source,
        **{
            "id": "lead_X",
            "timestamp": "1999-01-01",
            "source.name": "Another",
            "appended.phone_check.carrier": "Verizon",
            "appended": {"phone_check": {"carrier": "Verizon"}},
        },
    )
    parsed = bodies(answer.lead_id)[-1]
    assert parsed["id"] == answer.lead_id
    assert parsed["source.name"] == source.name
    assert parsed["timestamp"].startswith("20")
    assert not [name for name in parsed if name.startswith("appended")]


@pytest.mark.parametrize(
    "given",
    [
        {"ssn": SSN},
        {"ssn": int(SSN)},
        {"ssn": [SSN]},
        {"ssn": {"number": SSN}},
        {"ssn": "not one: " + SSN},
        {"ssn.raw": SSN},
        {"SSN": SSN},
        {"applicant": {"ssn": SSN}},
    ],
)
def test_it_keeps_no_sensitive_value_in_the_record(flow, source, given):
    lead_id = factories.deliver_lead(flow, source, **given)
    assert SSN not in kept(lead_id)


def test_it_keeps_no_sensitive_value_when_the_lead_is_not_wanted(flow, source):
    flow.sources.update(accept={"all": [{"field": "ssn", "op": "matches", "value": "^9"}]})
    flow.save()
    answer = factories.post_lead(flow, source, ssn=SSN)
    assert answer.outcome == "rejected"
    assert SSN not in kept(answer.lead_id)
    assert SSN not in " ".join(answer.reasons)


def test_it_hides_sensitive_values_from_exchanges_in_every_spelling(flow, source, monkeypatch):
    flow.fields.create(name="dob", type="date_of_birth", privacy="sensitive", position=9)
    flow.save()
    shown = []
    make = factories.make_attempt

    def listen(sending, outcome, **how):
        redactor = sending.plan.redactor
        shown.append(redactor.text('{"ssn": "536-22-4455", "plain": "536224455"}'))
        shown.append(redactor.url("https://x.example/?s=536+22+4455&born=02%2F03%2F1980"))
        shown.append(redactor.text("<born>2/3/1980</born> 19800203 03.02.1980"))
        return make(sending, outcome, **how)

    monkeypatch.setattr(factories, "make_attempt", listen)
    factories.deliver_lead(flow, source, ssn=SSN, dob="1980-02-03")
    said = " ".join(shown)
    for part in ("4455", "1980", "02/03", "02%2F03", "2/3"):
        assert part not in said, said
