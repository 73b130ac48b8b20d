"""Leads of a recipient whose mapping is on trial."""

from __future__ import annotations

import pytest

from events.byversion import by_version
from events.models import Delivery
from flows import plans
from flows.trying import trials
from flows.turns.desk import Sending
from leadops.lib import ids
from recipients import versions
from recipients.models import MappingRow, Recipient
from recipients.outcomes import Outcome
from tests.flows import scene as scenes

pytestmark = pytest.mark.django_db
DOWN = scenes.attempt(Outcome.UNAVAILABLE, reason="Refused")
YES = scenes.attempt(Outcome.ACCEPTED, buyer_lead_id="B-1")


@pytest.fixture
def abc() -> Recipient:
    """Version 1 sends `email`, version 2, the mapping, `mail`."""
    made = scenes.recipient("abc")
    versions.keep(made, by="olga")
    made.mapping_rows.all().delete()
    MappingRow.objects.create(recipient=made, key="mail", value="{{lead.email}}")
    versions.keep(made, by="olga")
    return made


def try_first(recipient: Recipient, percent: int = 50) -> None:
    trials.start(recipient, recipient.mapping_versions.get(number=1), percent, by="olga")


def payload(sending: Sending) -> dict[str, str]:
    sent: dict[str, str] = sending.plan.mapping.render(sending.context)  # type: ignore[assignment]
    return sent


def test_both_versions_are_sent_each_under_its_number(abc: Recipient):
    scene = scenes.scene(abc)
    try_first(abc)
    answers = [scene.post(email=f"a{n}@example.com", phone_1=f"55555512{n:02}") for n in range(40)]
    starts = []
    while more := scene.start():
        starts += more
    numbers = dict(Delivery.objects.values_list("id", "mapping_version"))
    assert set(numbers.values()) == {1, 2}  # all by one: once in 2^39
    for sending in starts:
        expected = {1: "email", 2: "mail"}[numbers[sending.delivery_id]]
        assert list(payload(sending)) == [expected]
        assert sending.plan.version == numbers[sending.delivery_id]
    scene.take((), [(sending, YES) for sending in starts])
    for answer in answers:
        version = Delivery.objects.get(lead_id=answer.lead_id).mapping_version
        for kind in ("recipient.delivery_attempt", "recipient.delivered"):
            assert scene.event(answer, kind).data["metadata"]["mapping_version"] == version
    went = by_version(abc.pk, Delivery.objects.earliest("created_at").created_at)
    assert sum(each.accepted for each in went.values()) == 40
    assert all(each.rate == 1.0 for each in went.values())


def retried(scene: scenes.Scene, first: list[Sending]) -> list[Sending]:
    scene.take((), [(sending, DOWN) for sending in first])
    scene.hurry()
    again: list[Sending] = []
    while more := scene.start():
        again += more
    assert len(again) == len(first)
    return again


def test_a_retry_sends_what_was_sent_before_whatever_the_share_is_now(abc: Recipient):
    scene = scenes.scene(abc)
    Recipient.objects.update(breaker_enabled=False)  # twenty failures are many
    try_first(abc)
    for n in range(20):
        scene.post(email=f"a{n}@example.com", phone_1=f"55555512{n:02}")
    first = []
    while more := scene.start():
        first += more
    before = {sending.lead_id: payload(sending) for sending in first}
    try_first(abc, 1)
    again = retried(scene, first)
    assert {sending.lead_id: payload(sending) for sending in again} == before
    assert {next(iter(sent)) for sent in before.values()} == {"email", "mail"}
    keys = {sending.context["delivery"]["idempotency_key"] for sending in again}
    assert keys == {sending.context["delivery"]["idempotency_key"] for sending in first}


def test_after_a_trial_retries_go_by_the_mapping(abc: Recipient):
    scene = scenes.scene(abc)
    try_first(abc, 99)
    scene.post()
    (first,) = scene.start()
    trials.end(abc, by="olga")
    (again,) = retried(scene, [first])
    assert list(payload(again)) == ["mail"]
    assert scene.delivery("abc").mapping_version == 2


def test_without_a_trial_a_sending_carries_the_plan_itself(abc: Recipient):
    scene = scenes.scene(abc)
    scene.post()
    (sending,) = scene.start()
    assert sending.plan is plans.current().recipients[abc.pk]
    assert scene.delivery("abc").mapping_version == 2


def test_failures_name_the_version(abc: Recipient):
    scene = scenes.scene(abc)
    answer = scene.post()
    (sending,) = scene.start()
    no = scenes.attempt(Outcome.REJECTED, reason="No capacity")
    scene.take((), [(sending, no)])
    metadata = scene.event(answer, "recipient.failed").data["metadata"]
    assert metadata["mapping_version"] == 2


def test_ids_of_leads_are_dealt_evenly(abc: Recipient):
    try_first(abc, 20)
    plan = plans.current().recipients[abc.pk]
    tried = sum(plan.version_for(ids.new_id("lead")) == 1 for _ in range(5_000))
    assert 800 < tried < 1_200  # seven standard deviations either side
