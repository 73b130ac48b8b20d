"""What recipients get as configured: by which ways, since when, and what nobody is told."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.privacy import recipientfields
from flows.models import FlowField, FlowSource, Step
from flows.models.enhancement import Enhancement
from recipients import versions
from recipients.models import Endpoint, Ping, Recipient
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> SimpleNamespace:
    source, recipient = factories.make_source(), factories.make_recipient()
    flow = factories.make_flow(source, recipient)
    versions.keep(recipient, by="olga")
    return SimpleNamespace(flow=flow, recipient=recipient)


def told(recipient: Recipient) -> dict[str, tuple[str, list[str], bool]]:
    (found,) = recipientfields.standing([recipient])
    return {each.name: (each.privacy, list(each.ways), each.described) for each in found.fields}


def map_to(recipient: Recipient, value: str) -> None:
    recipient.mapping_rows.update(value=value)
    versions.keep(recipient, by="olga")


def test_it_tells_by_which_way_each_field_goes_and_of_which_class_it_is(world):
    one = world.recipient
    map_to(one, "{{lead.email}} {{lead.nickname}}")
    Endpoint.objects.filter(recipient=one).update(url="https://x.example/{{lead.state}}")
    Endpoint.objects.create(
        recipient=one,
        kind="fallback",
        integration="email",
        url="mailto:leads@x.example",
        options={"text": "SSN {{lead.ssn}}, {{lead.email}}"},
    )
    Endpoint.objects.create(recipient=one, kind="ping", url="https://x.example/ping")
    ping = Ping.objects.create(recipient=one, mapping={"zip": "{{lead.postal_code}}"})
    other = factories.make_flow(factories.make_source("other"), one, slug="home")
    FlowField.objects.filter(flow=other, name="state").update(privacy="personal")
    expected = {
        "email": ("personal", ["mapping", "fallback"], True),
        "nickname": ("personal", ["mapping"], False),
        "ssn": ("sensitive", ["fallback"], True),
        "state": ("personal", ["address"], True),  # the strictest of its flows
    }
    assert told(one) == {**expected, "postal_code": ("personal", ["ping"], False)}
    ping.static_bid = 5  # it is not asked
    ping.save()
    assert told(one) == expected
    map_to(one, "{{json(lead)}}")
    assert told(one)["*"] == ("sensitive", ["mapping"], True)


def test_it_says_since_when_a_field_is_named_and_what_each_version_changed(world):
    one = world.recipient
    for value in (
        "{{lead.email}} {{lead.state}}",
        "{{lead.email}}",
        "{{lead.state}}{{lead.email}}",
    ):
        map_to(one, value)
    since = recipientfields.since(one)
    assert {name: row.number for name, row in since.items()} == {"email": 1, "state": 4}
    page, more = recipientfields.history(one, {}, before=None, limit=2)
    names = [
        (each.row.number, [f.name for f in each.added], [f.name for f in each.removed])
        for each in page
    ]
    assert (names, more) == ([(4, ["state"], []), (3, [], ["state"])], True)
    page, more = recipientfields.history(one, {}, before=3, limit=2)
    assert ([each.row.number for each in page], more) == ([2, 1], False)
    assert [f.name for f in page[-1].added] == ["email"]


def test_it_names_what_neither_recipients_nor_services_are_told(world):
    (standing,) = recipientfields.standing([world.recipient])
    (before,) = recipientfields.unnamed(standing.flows)
    assert {"phone_1", "score", "state", "ssn"} <= {each.name for each in before.fields}
    assert "email" not in {each.name for each in before.fields}
    last = factories.make_recipient("last")
    last.mapping_rows.update(value="{{lead.ssn}}")
    versions.keep(last, by="olga")
    Step.objects.filter(flow=world.flow, kind="deliver").update(remediation=last)
    step = Step.objects.create(flow=world.flow, name="geo", kind="enhance", position=5)
    Enhancement.objects.create(step=step, send={"s": "{{lead.state}}"}, append={})
    FlowSource.objects.update(
        pricing={"url": "https://x.example/{{lead.score}}", "send": {"p": "{{lead.phone_1}}"}}
    )
    (after,) = recipientfields.unnamed(standing.flows)
    assert {f.name for f in before.fields} - {f.name for f in after.fields} == {
        "phone_1", "state", "ssn", "score",
    }  # fmt: skip


def test_it_asks_as_many_questions_for_many_as_for_one(world):
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            recipientfields.standing(Recipient.objects.all())
        return len(found)

    once = asked()
    for number in range(3):
        factories.make_flow(
            factories.make_source(f"s{number}"),
            factories.make_recipient(f"r{number}"),
            slug=f"f{number}",
        )
    assert asked() == once
