"""Batches of several slices: begun and taken in bit by bit, whatever dies in between."""

from __future__ import annotations

from collections import Counter

import pytest

from events import verify
from events.models import Delivery, Event
from flows.byhand import batchdesk, steering
from flows.delivery import batching, takingin
from flows.delivery.batching import Beginning
from flows.delivery.batchwork import BatchEnded, BatchSending, _judged
from flows.delivery.takingin import TakingIn
from flows.models import Batch, BatchAnswer, Work
from flows.turns.pump import Pump
from leadops.buyers import running_buyers
from recipients.deliver import Attempt, RecordedReply, RecordedRequest
from recipients.models import Endpoint, Recipient
from recipients.outcomes import Outcome
from tests.flows.scene import Scene, attempt, recipient, scene
from tests.flows.test_batches import gathering, post

pytestmark = pytest.mark.django_db(transaction=True)

LEADS = 5
SAID = Attempt(
    result=attempt(Outcome.ACCEPTED).result,
    request=RecordedRequest("POST", "https://buyer.test/", {"x": "1"}, '{"email": "a\u0000b"}'),
    reply=RecordedReply(200, {}, "ok"),
    seconds=0.25,
)


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "SLICE", 2)
    monkeypatch.setattr(takingin, "SLICE", 2)
    monkeypatch.setattr(takingin, "STORED", 2)


def worker(stage: Scene) -> Scene:
    """Another worker with the same market."""
    return Scene(stage.flow, stage.source)


def due(stage: Scene) -> Beginning:
    """The batch that is due, claimed; what else is due is taken on."""
    claimed = stage.claim()
    stage.take([each for each in claimed if each.kind != "batch"])
    found = [each for each in claimed if each.kind == "batch"] or [
        each for each in stage.claim() if each.kind == "batch"
    ]
    assert len(found) == 1
    return Beginning(found[0], stage.lease, 90.0)


def step(beginning: Beginning | TakingIn) -> list[BatchSending]:
    return beginning.step(lambda _: True).batches


def begun(beginning: Beginning) -> BatchSending:
    """All its slices; what is sent then."""
    sent: list[BatchSending] = []
    while not beginning.over:
        assert not sent
        sent = step(beginning)
    return sent[0]


def ended(stage: Scene, sending: BatchSending, said: Attempt = SAID, **other: Attempt) -> TakingIn:
    """The batch's reply; `other` than `said` to these places, counted from 1: `_2=…`."""
    results = [
        (each, other.get(f"_{place}", said)) for place, each in enumerate(sending.sendings, 1)
    ]
    return TakingIn(BatchEnded(sending, _judged(results), said), stage.lease, 90.0)


def take_in(taking: TakingIn) -> None:
    while not taking.over:
        step(taking)


def settle(stage: Scene) -> None:
    """A worker that comes later does all there is to do, and sends no batch by it."""
    stage.expire()
    for _ in range(4):
        claimed = stage.claim()
        stage.take([each for each in claimed if each.kind != "batch"])


def states() -> Counter[str]:
    return Counter(Delivery.objects.values_list("state", flat=True))


def count(kind: str) -> int:
    return Event.objects.filter(type=kind).count()


def check_books(sold: int = LEADS) -> None:
    assert states() == {"accepted": sold}
    assert count("recipient.delivered") == sold
    assert Batch.objects.get().state == "done"
    assert not BatchAnswer.objects.exists()
    assert not Work.objects.exists()
    assert [check for check in verify.run() if check.problems] == []


def test_it_records_slice_by_slice_and_sends_once_all_are_recorded() -> None:
    stage = scene(gathering(count=LEADS))
    post(stage, LEADS)
    beginning = due(stage)
    for recorded in (2, 4):
        assert step(beginning) == []
        assert states() == {"sending": recorded, "waiting": LEADS - recorded}
        assert Batch.objects.get().state == "starting"
    (sending,) = step(beginning)
    assert beginning.over
    assert len(sending.sendings) == LEADS
    assert sending.context["batch"]["count"] == LEADS
    assert count("recipient.delivery_attempt") == LEADS
    assert not Work.objects.filter(kind="batch").exists()


def test_it_takes_in_slice_by_slice_what_it_has_stored_before() -> None:
    stage = scene(gathering(count=LEADS))
    post(stage, LEADS)
    taking = ended(stage, begun(due(stage)))
    for stored in (2, 4, 5):
        step(taking)
        assert BatchAnswer.objects.count() == stored
        assert states() == {"sending": LEADS}
    assert (Batch.objects.get().state, count("batch.sent")) == ("answered", 1)
    for taken in (2, 4):
        step(taking)
        assert states() == {"accepted": taken, "sending": LEADS - taken}
        assert BatchAnswer.objects.count() == LEADS - taken
    step(taking)
    check_books()
    assert Batch.objects.get().outcomes == {"accepted": LEADS}


@pytest.mark.parametrize("steps", [1, 2])
def test_another_worker_goes_on_where_one_died_while_it_began(steps: int) -> None:
    stage = scene(gathering(count=LEADS))
    post(stage, LEADS)
    first = due(stage)
    for _ in range(steps):
        step(first)
    stage.expire()
    other = worker(stage)
    sending = begun(due(other))
    assert len({each.delivery_id for each in sending.sendings}) == LEADS
    assert {each.attempt for each in sending.sendings} == {1}
    assert step(first) == []  # it was only stopped, and comes back
    assert first.over
    take_in(ended(other, sending))
    check_books()
    assert count("recipient.delivery_attempt") == LEADS
    assert count("recipient.error") == 0


def test_a_delivery_whose_lease_ends_before_its_batch_is_sent_waits_for_the_batch() -> None:
    stage = scene(gathering(count=LEADS))
    post(stage, LEADS)
    step(due(stage))
    stage.expire()
    other = worker(stage)
    claimed = other.claim()
    other.take([each for each in claimed if each.kind != "batch"])
    assert states() == {"sending": 2, "waiting": 3}
    assert count("recipient.error") == 0
    [batch] = [each for each in claimed if each.kind == "batch"]
    take_in(ended(other, begun(Beginning(batch, other.lease, 90.0))))
    check_books()


def test_of_a_batch_that_was_half_begun_all_wait_while_the_breaker_is_open() -> None:
    stage = scene(gathering(count=LEADS))
    post(stage, LEADS)
    step(due(stage))
    stage.expire()
    endpoint = Endpoint.objects.get(kind="production")
    steering.open_breaker(endpoint, by="olga", reason="x", wait=60)
    other = worker(stage)
    waiting = due(other)
    assert step(waiting) == []
    assert waiting.over
    assert Batch.objects.get().waits_for.startswith("Breaker")
    steering.close_breaker(endpoint, by="olga", reason="y")
    stage.expire()
    sending = begun(due(other))
    assert len(sending.sendings) == LEADS
    take_in(ended(other, sending))
    check_books()


def test_a_breaker_that_opens_between_slices_parts_no_batch() -> None:
    stage = scene(gathering(count=LEADS))
    post(stage, LEADS)
    beginning = due(stage)
    step(beginning)
    endpoint = Endpoint.objects.get(kind="production")
    steering.open_breaker(endpoint, by="olga", reason="x", wait=60)
    assert len(begun(beginning).sendings) == LEADS


@pytest.mark.parametrize("steps", range(1, 6))
def test_whatever_step_of_taking_in_is_the_last_no_lead_goes_twice_and_none_is_forgotten(
    steps: int,
) -> None:
    stage = scene(gathering(count=LEADS))
    post(stage, LEADS)
    first = begun(due(stage))
    taking = ended(stage, first)
    for _ in range(steps):
        step(taking)
    other = worker(stage)
    if steps >= 3:  # all were stored
        settle(other)
        assert count("recipient.error") == 0
        check_books()
    else:  # the answer is lost, as if it had never come
        settle(other)
        assert states() == {"waiting": LEADS}
        assert {each.outcome for each in Delivery.objects.all()} == {"unknown"}
        stage.expire()
        again = begun(due(other))
        assert again.id == first.id
        assert [s.delivery_id for s in again.sendings] == [s.delivery_id for s in first.sendings]
        take_in(ended(other, again))
        check_books()
    assert count("batch.sent") == 1
    while not taking.over and taking._stored == LEADS:  # it was only stopped, and comes back
        step(taking)
    assert count("recipient.delivered") == LEADS
    assert states() == {"accepted": LEADS}


def test_a_stored_answer_is_the_answer_that_was_given() -> None:
    stage = scene(gathering(count=LEADS), recipient("next"), pattern="waterfall")
    post(stage, LEADS)
    sending = begun(due(stage))
    no = attempt(Outcome.REJECTED, reason="Too old")
    cheap = attempt(Outcome.ACCEPTED, price=40)
    taking = ended(stage, sending, _1=no, _2=cheap, _5=attempt(Outcome.UNKNOWN, reason="Silent"))
    for _ in range(3):
        step(taking)
    other = worker(stage)
    stage.expire()
    starts = other.take(other.claim()).starts
    assert [each.plan.slug for each in starts] == ["next"]
    told = dict(Delivery.objects.filter(recipient__slug="pool").values_list("id", "outcome"))
    assert [told[each.delivery_id] for each in sending.sendings] == [
        "rejected", "accepted", "accepted", "accepted", "unknown",
    ]  # fmt: skip
    assert sorted(Delivery.objects.values_list("revenue", flat=True))[-3:] == [40, 45, 45]
    assert Batch.objects.get().state == "waiting"
    stage.expire()
    other.take([each for each in other.claim() if each.kind != "batch"])
    again = begun(due(other))
    assert [each.delivery_id for each in again.sendings] == [sending.sendings[4].delivery_id]


def test_a_pump_does_other_work_between_two_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.turns.pump.BATCH_SECONDS", 0.0)
    monkeypatch.setattr(batching, "SLICE", 1)
    stage = scene(gathering(count=60), recipient("quick"), pattern="multi")
    with running_buyers() as buyers:
        Endpoint.objects.update(url=f"{buyers.url}/accept")
        post(stage, 60)
        pump = Pump(stopping=lambda: not Work.objects.exists(), size=8)
        while Batch.objects.filter(state="starting").count() == 0:
            pump._pass(claiming=True)
        late = stage.post(email="late@example.com")
        while "recipient.delivery_attempt" not in stage.types(late):
            pump._pass(claiming=True)
        assert Batch.objects.earliest("opened_at").state == "starting"
        batchdesk.release(Recipient.objects.get(slug="pool"), by="olga")
        pump.run(60)
    assert states() == {"accepted": 2 * 61}
    assert pump.window.held.total() == 0


def test_a_batch_nobody_can_begin_is_put_aside_slice_by_slice() -> None:
    stage = scene(gathering(count=LEADS))
    post(stage, LEADS)
    step(due(stage))
    Work.objects.filter(kind="batch").update(claims=9)
    stage.expire()
    other = worker(stage)
    [claimed] = [each for each in other.claim() if each.kind == "batch"]
    beginning = Beginning(claimed, other.lease, 90.0)
    while not beginning.over:
        assert step(beginning) == []
    assert states() == {"review": LEADS}


def test_answers_nobody_will_take_in_are_forgotten() -> None:
    stage = scene(gathering(count=LEADS))
    post(stage, LEADS)
    step(ended(stage, begun(due(stage))))
    BatchAnswer.objects.update(at="2020-01-01T00:00Z")
    batchdesk.forget_old()
    assert BatchAnswer.objects.count() == 2  # somebody may yet store the others
    settle(worker(stage))
    batchdesk.forget_old()
    assert not BatchAnswer.objects.exists()


def test_a_lead_that_does_not_fit_any_more_is_left_out_by_who_takes_the_batch_up() -> None:
    made = gathering(count=LEADS)
    stage = scene(made)
    post(stage, LEADS)
    step(due(stage))
    stage.expire()
    gone = Delivery.objects.filter(state="sending").earliest("id")
    Recipient.objects.filter(pk=made.pk).update(consent_required=False)
    Delivery.objects.filter(id=gone.id).update(state="skipped")
    sending = begun(due(worker(stage)))
    assert len(sending.sendings) == LEADS - 1
