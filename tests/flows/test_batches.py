"""Leads that go together: gathered, sent as one, answered each, and never in two batches."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from events import goingon
from events.models import Delivery, Event
from flows import plans
from flows.byhand import batchdesk, steering
from flows.byhand.retrying import retry_delivery
from flows.delivery import batching, batchwork
from flows.delivery.batchwork import BatchEnded, BatchSending
from flows.models import Batch, Work
from flows.turns import turn
from leadops.lib import claim
from recipients.deliver import Attempt
from recipients.models import Batching, Breaker, Endpoint, Recipient
from recipients.outcomes import Outcome
from tests.factories import make_user
from tests.flows.scene import Scene, attempt, recipient, scene
from tests.pages import page_of, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


def gathering(slug: str = "pool", *, count: int = 3, **facts: Any) -> Recipient:
    made = recipient(slug, sandbox=True)
    Batching.objects.create(recipient=made, count=count, age=300.0, **facts)
    return made


def post(stage: Scene, number: int, **values: Any) -> None:
    for n in range(number):
        assert (
            stage.post(email=f"{uuid.uuid4().hex}{n}@example.com", **values).outcome == "accepted"
        )


def batches(stage: Scene, claimed: list[claim.Claimed] | None = None) -> list[BatchSending]:
    """Claim what is due, take the leads on, and begin the batches among it."""
    claimed = stage.claim() if claimed is None else claimed
    done = stage.take([c for c in claimed if c.kind != "batch"])
    assert not done.starts
    begun = []
    for each in [c for c in claimed if c.kind == "batch"]:
        begun += begin(stage, each).batches
    return begun


def begin(stage: Scene, claimed: claim.Claimed) -> turn.Done:
    return batching.begin(claimed, lease=stage.lease, lease_seconds=90.0, may_start=lambda _: True)


def full(stage: Scene) -> BatchSending:
    """The leads join; the batch that they fill is begun."""
    assert not batches(stage)
    (found,) = batches(stage)
    return found


def answer(stage: Scene, sending: BatchSending, *attempts: Attempt) -> turn.Done:
    given = attempts or (attempt(Outcome.ACCEPTED),) * len(sending.sendings)
    results = tuple(zip(sending.sendings, given, strict=True))
    ended = BatchEnded(sending, batchwork._judged(results), given[0])
    return turn.take(
        turn.Turn([], list(ended.results), stage.lease, 90.0, lambda _: True, (), [ended])
    )


def states() -> Counter[str]:
    return Counter(Delivery.objects.values_list("state", flat=True))


def hurry() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE flows_work SET due_at = clock_timestamp() - interval '1 s' "
            "WHERE lease IS NULL AND due_at < 'infinity'"
        )


def test_it_lets_leads_wait_until_the_batch_is_full() -> None:
    stage = scene(gathering())
    post(stage, 2)
    assert not batches(stage)
    assert not batches(stage)
    assert set(Delivery.objects.values_list("state", "waits_for")) == {("waiting", "Batch")}
    post(stage, 1)
    sending = full(stage)
    assert len(sending.sendings) == 3
    assert states() == {"sending": 3}
    assert Event.objects.filter(type="recipient.delivery_attempt").count() == 3
    assert {
        e.data["metadata"]["batch_id"]
        for e in Event.objects.filter(type="recipient.delivery_attempt")
    } == {sending.id}


def test_it_sends_a_batch_that_is_old_enough() -> None:
    stage = scene(gathering())
    post(stage, 2)
    assert not batches(stage)
    work = Work.objects.get(kind="batch")
    assert 200 < (work.due_at - Batch.objects.get().opened_at).total_seconds() <= 301
    Work.objects.filter(pk=work.pk).update(due_at=Batch.objects.get().opened_at)
    (sending,) = batches(stage)
    assert len(sending.sendings) == 2


def test_it_opens_the_next_batch_when_one_is_full() -> None:
    stage = scene(gathering())
    post(stage, 7)
    batches(stage)
    found = batches(stage)
    assert sorted(len(each.sendings) for each in found) == [3, 3]
    assert len({s.delivery_id for each in found for s in each.sendings}) == 6
    assert Batch.objects.get(state="open").size == 1


def test_it_settles_each_lead_by_its_own_answer() -> None:
    stage = scene(gathering())
    post(stage, 3)
    sending = full(stage)
    answer(
        stage,
        sending,
        attempt(Outcome.ACCEPTED, price=40),
        attempt(Outcome.REJECTED, reason="Too old"),
        attempt(Outcome.DUPLICATE),
    )
    assert states() == {"accepted": 1, "declined": 2}
    sent = Event.objects.get(type="batch.sent")
    assert sent.data["deliveries"] == [s.delivery_id for s in sending.sendings]
    assert sent.data["outcomes"] == {"accepted": 1, "rejected": 1, "duplicate": 1}
    assert Batch.objects.get().state == "done"
    assert not Work.objects.exists()


def test_it_sends_the_same_leads_again_under_the_same_id() -> None:
    stage = scene(gathering())
    post(stage, 3)
    first = full(stage)
    answer(stage, first, *[attempt(Outcome.SERVER_ERROR, reason="Oops")] * 3)
    assert states() == {"waiting": 3}
    assert Batch.objects.get().state == "waiting"
    post(stage, 2)  # somebody new
    hurry()
    assert not batches(stage)  # the retries ask for their batch
    hurry()
    found = {each.id: each for each in batches(stage)}
    again = found[first.id]
    assert [s.delivery_id for s in again.sendings] == [s.delivery_id for s in first.sendings]
    assert (again.attempt, again.tries) == (2, 2)
    assert again.context["now"] == first.context["now"]
    answer(stage, again)
    assert Delivery.objects.filter(batch=first.id, state="accepted").count() == 3


def test_it_sends_again_only_what_had_no_answer() -> None:
    stage = scene(gathering())
    post(stage, 3)
    first = full(stage)
    accepted, unknown = attempt(Outcome.ACCEPTED), attempt(Outcome.UNKNOWN, reason="No answer")
    answer(stage, first, accepted, unknown, accepted)
    assert states() == {"accepted": 2, "waiting": 1}
    hurry()
    batches(stage)
    (again,) = batches(stage)
    assert again.id == first.id
    assert [s.delivery_id for s in again.sendings] == [first.sendings[1].delivery_id]


def test_it_takes_a_lost_worker_for_an_unknown_fate_of_all() -> None:
    stage = scene(gathering())
    post(stage, 3)
    first = full(stage)
    stage.expire()
    assert not batches(stage)
    assert set(Delivery.objects.values_list("state", "outcome")) == {("waiting", "unknown")}
    assert answer(stage, first).refused == 3  # whoever comes back late is not believed
    hurry()
    batches(stage)
    (again,) = batches(stage)
    assert again.id == first.id
    assert len(again.sendings) == 3


def test_it_goes_on_with_a_batch_whose_worker_died_before_it_began() -> None:
    stage = scene(gathering())
    post(stage, 3)
    assert not batches(stage)
    (claimed,) = [c for c in stage.claim() if c.kind == "batch"]
    Batch.objects.update(state="due")
    stage.expire()
    other = Scene(stage.flow, stage.source)
    found = [c for c in other.claim() if c.kind == "batch"]
    assert len(begin(other, found[0]).batches[0].sendings) == 3
    assert not begin(stage, claimed).batches  # the first one's lease is gone
    assert Counter(Event.objects.values_list("type", flat=True))["recipient.delivery_attempt"] == 3


def test_it_counts_one_failure_of_the_endpoint_for_one_request() -> None:
    made = gathering(count=12)
    stage = scene(made)
    post(stage, 12)
    answer(stage, full(stage), *[attempt(Outcome.SERVER_ERROR)] * 12)

    assert not Breaker.objects.exclude(state="closed").exists()


def test_it_leaves_out_what_was_not_sent_for_want_of_room() -> None:
    stage = scene(gathering())
    post(stage, 3)
    sending = full(stage)

    last = replace(sending.sendings[2], batch="")
    crowded = replace(sending, sendings=(*sending.sendings[:2], last))
    sent = attempt(Outcome.ACCEPTED)
    answer(stage, crowded, sent, sent, attempt(Outcome.UNAVAILABLE, reason="No room"))
    left = Delivery.objects.get(state="waiting")
    assert left.batch == ""
    hurry()
    batches(stage)
    left.refresh_from_db()
    assert left.batch not in ("", sending.id)


def test_it_does_not_send_what_was_ended_meanwhile() -> None:
    stage = scene(gathering())
    post(stage, 3)
    assert not batches(stage)
    gone = Delivery.objects.order_by("id")[1]
    Recipient.objects.update(consent_required=False)
    Delivery.objects.filter(id=gone.id).update(state="skipped")
    (sending,) = batches(stage)
    assert gone.id not in [s.delivery_id for s in sending.sendings]


def test_it_passes_leads_on_when_the_recipient_was_paused_meanwhile() -> None:
    stage = scene(gathering(), recipient("next"), pattern="waterfall")
    post(stage, 3)
    assert not batches(stage)
    Recipient.objects.filter(slug="pool").update(active=False)
    plans.changed()
    done = begin(stage, *[c for c in stage.claim() if c.kind == "batch"])
    assert not done.batches
    assert len(done.starts) == 3
    assert {s.plan.slug for s in done.starts} == {"next"}


def test_it_lets_the_batch_wait_while_the_breaker_is_open() -> None:
    stage = scene(gathering())
    post(stage, 3)
    assert not batches(stage)

    steering.open_breaker(Endpoint.objects.get(kind="production"), by="olga", reason="x", wait=60)
    assert not batches(stage)
    found = Batch.objects.get()
    assert found.waits_for.startswith("Breaker")
    assert states() == {"waiting": 3}
    assert Work.objects.get(kind="batch").lease is None


def test_it_sends_test_leads_in_a_batch_of_their_own() -> None:
    stage = scene(gathering())
    post(stage, 1, test=True)
    post(stage, 1)
    assert not batches(stage)
    (sending,) = batches(stage)
    assert sending.test
    assert len(sending.sendings) == 1
    assert sending.endpoint.kind == "sandbox"


def test_it_puts_a_batch_aside_that_nobody_can_begin() -> None:
    stage = scene(gathering())
    post(stage, 3)
    assert not batches(stage)
    Work.objects.filter(kind="batch").update(claims=turn.MAX_CLAIMS)
    assert not batches(stage)
    assert states() == {"review": 3}
    assert not Work.objects.filter(kind="batch").exists()


def test_a_delivery_sent_again_by_hand_goes_with_another_batch() -> None:

    stage = scene(gathering())
    post(stage, 3)
    first = full(stage)
    answer(stage, first, *[attempt(Outcome.REJECTED)] * 3)
    retry_delivery(first.sendings[0].delivery_id, by="olga")
    assert not batches(stage)
    found = Delivery.objects.get(state="waiting")
    assert found.batch not in ("", first.id)


def test_it_shows_what_gathers_and_sends_it_by_hand() -> None:

    made = gathering()
    stage = scene(made)
    post(stage, 2)
    assert not batches(stage)
    (shown,) = batchdesk.of_recipient(made.pk, done=False)
    assert (shown.size, shown.label) == (2, "Gathering")
    assert shown.goes_at is not None
    assert batchdesk.release(made, by="olga", reason="They close early") == 1
    (sending,) = batches(stage)
    assert batchdesk.release(made, by="olga") == 0
    answer(stage, sending)
    (shown,) = batchdesk.of_recipient(made.pk, done=True)
    assert shown.said == "2 accepted"
    event = Event.objects.get(type="batch.released")
    assert (event.reason, event.data["by"]) == ("They close early", "olga")
    assert event.data["batch"] == {"id": sending.id, "count": 2}


def test_it_says_of_a_lead_when_its_batch_goes() -> None:

    stage = scene(gathering())
    post(stage, 1)
    assert not batches(stage)
    found = Delivery.objects.select_related("lead").get()
    until = goingon.goes_on([found.lead], [found])[found.id]
    assert until == Work.objects.get(kind="batch").due_at


def test_it_closes_a_batch_that_nobody_will_end() -> None:

    stage = scene(gathering())
    post(stage, 3)
    sending = full(stage)
    Delivery.objects.update(state="failed")
    Work.objects.all().delete()
    batchdesk.forget_old()
    assert Batch.objects.get().state == "sending"  # its worker may be at it
    Batch.objects.update(sent_at="2020-01-01T00:00Z")
    batchdesk.forget_old()
    assert Batch.objects.get(id=sending.id).state == "done"


def test_recipients_of_a_batch_step_gather_without_settings_of_their_own() -> None:
    stage = scene(recipient("a"), pattern="batch")
    post(stage, 2)
    assert not batches(stage)
    assert Batch.objects.get().size == 2


def test_its_page_shows_its_batches_and_the_button_sends_them() -> None:

    made = gathering()
    stage = scene(made)
    post(stage, 2)
    assert not batches(stage)
    ops = sign_in(make_user("olga"))
    page = ops.get(page_of(made)).content.decode()
    assert Batch.objects.get().id in page
    assert "Send batch now" in page


def drain(stage: Scene, *, declined: int = 0) -> int:
    """Gather and send until nothing goes any more, also what is not full; the first so many lines
    of each reply say no. How many batches went."""
    sent = 0
    for _ in range(20):
        for sending in batches(stage):
            lines = len(sending.sendings)
            said = [Outcome.REJECTED] * declined + [Outcome.ACCEPTED] * (lines - declined)
            answer(stage, sending, *(attempt(each) for each in said[:lines]))
            sent += 1
        hurry()
        if not Work.objects.exists():
            break
    return sent


def test_a_cap_lets_as_many_leads_into_batches_as_it_says() -> None:
    Recipient.objects.filter(pk=gathering(count=30).pk).update(caps=[{"count": 100, "per": "day"}])
    stage = scene(Recipient.objects.get())
    post(stage, 130)
    assert drain(stage) == 4  # three full ones, and the ten that are left
    assert states() == {"accepted": 100, "skipped": 30}


def test_lines_that_are_declined_give_their_places_back() -> None:
    caps = [{"money": 450, "per": "day"}]  # ten at 45
    Recipient.objects.filter(pk=gathering(count=5).pk).update(caps=caps)
    stage = scene(Recipient.objects.get())
    post(stage, 12)
    assert drain(stage, declined=2) == 2
    assert states() == {"accepted": 6, "declined": 4, "skipped": 2}
    post(stage, 6)
    assert drain(stage) == 1
    assert states() == {"accepted": 10, "declined": 4, "skipped": 4}
