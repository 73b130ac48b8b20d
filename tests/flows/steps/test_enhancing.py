"""Enhancement steps, turn by turn: asked together, appended as they came, safe in a crash."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from events import verify
from events.models import Event, Exchange, Snapshot
from flows.models import Enhancement, ServiceAnswer, Step, Work
from flows.steps import enhancing
from flows.turns import turn
from flows.turns.inquiries import Inquiry
from recipients.deliver import Attempt, RecordedReply
from recipients.outcomes import Outcome, Result
from tests.flows.scene import Scene, attempt, recipient, scene

pytestmark = pytest.mark.django_db


def stage() -> Scene:
    """A filter, room for enhancements, a delivery."""
    found = scene(recipient("abc"))
    Step.objects.filter(name="buyers").update(position=90)
    return found


def enhance(stage: Scene, name: str, **settings: Any) -> Enhancement:
    position = 10 + Step.objects.filter(flow=stage.flow, kind="enhance").count()
    step = Step.objects.create(flow=stage.flow, name=name, kind="enhance", position=position)
    given = {
        "url": f"https://{name}.example/lookup",
        "send": {"phone": "{{lead.phone_1}}"},
        "append": {"carrier": "carrier", "score": "score"},
        **settings,
    }
    made = Enhancement(step=step, **given)
    made.full_clean()
    made.save()
    return made


def says(**values: Any) -> Attempt:
    """An answer with these values."""
    return Attempt(
        Result(Outcome.ACCEPTED, captures=values),
        reply=RecordedReply(200, {}, str(values)),
        request=attempt(Outcome.ACCEPTED).request,
        seconds=0.2,
    )


def no(reason: str = "No such number") -> Attempt:
    return Attempt(Result(Outcome.REJECTED, reason=reason), reply=RecordedReply(200, {}, "{}"))


DOWN = Attempt(Result(Outcome.SERVER_ERROR, reason="Down"), reply=RecordedReply(503, {}, ""))
NOTHING = Attempt(Result(Outcome.UNKNOWN, reason="No answer within 5 s"))


def asked(inquiry: Inquiry) -> list[str]:
    return [question.plan.slug for question in inquiry.questions]


def begin(stage: Scene) -> Inquiry:
    """Claim what is due; the one inquiry that comes of it."""
    (inquiry,) = stage.take(stage.claim()).asks
    return inquiry


def answer(stage: Scene, inquiry: Inquiry, **answers: Attempt | None) -> turn.Done:
    found = tuple(answers.get(name) for name in asked(inquiry))
    return turn.take(
        turn.Turn([], [], stage.lease, stage.lease_seconds, lambda _: True, [(inquiry, found)])
    )


def values(told: Any) -> dict[str, Any]:
    found: dict[str, Any] = Snapshot.objects.filter(lead_id=told.lead_id).latest("version").body
    return found


def well() -> None:
    """The record, the figures and the money agree."""
    for check in verify.run():
        assert not check.problems, check


def test_it_appends_what_a_service_says_as_it_came() -> None:
    flow = stage()
    enhance(flow, "check")
    told = flow.post()
    inquiry = begin(flow)
    assert asked(inquiry) == ["check"]
    done = answer(flow, inquiry, check=says(carrier="Verizon", score=7))
    assert values(told)["appended.check.carrier"] == "Verizon"
    assert values(told)["appended.check.score"] == 7
    (post,) = done.starts
    assert post.context["lead"]["appended.check.score"] == 7
    assert flow.types(told) == [
        "source.submitted", "source.accepted", "filter.passed", "enhancement.success",
        "recipient.delivery_attempt",
    ]  # fmt: skip
    event = flow.event(told, "enhancement.success")
    assert event.data["appended"] == ["appended.check.carrier", "appended.check.score"]
    assert "Verizon" not in str(event.data)
    assert Exchange.objects.get(id=event.exchange_id).status == 200


def test_a_rule_reads_numbers_as_numbers() -> None:
    flow = stage()
    enhance(flow, "check")
    Step.objects.create(
        flow=flow.flow,
        name="good",
        position=50,
        rules={"all": [{"field": "appended.check.score", "op": "gte", "value": 60}]},
    )
    told = flow.post()
    answer(flow, begin(flow), check=says(score=7))
    assert flow.lead(told).result == "stopped"


@pytest.mark.parametrize(
    ("said", "event", "reason"),
    [
        (no(), "enhancement.failure", "No such number"),
        (DOWN, "enhancement.error", "Down"),
        (NOTHING, "enhancement.error", "No answer within 5 s"),
        (None, "enhancement.error", "Service timeout after 5000ms"),
    ],
)
def test_it_goes_on_without_an_answer_and_says_which(said, event, reason) -> None:
    flow = stage()
    enhance(flow, "check")
    told = flow.post()
    assert answer(flow, begin(flow), check=said).starts
    assert flow.event(told, event).reason == reason
    assert "appended.check.carrier" not in values(told)


@pytest.mark.parametrize("said", [no(), DOWN, None])
def test_it_ends_the_flow_where_its_step_says_so(said) -> None:
    flow = stage()
    enhance(flow, "check", on_fail="stop")
    told = flow.post()
    assert not answer(flow, begin(flow), check=said).starts
    lead = flow.lead(told)
    assert (lead.status, lead.result) == ("done", "stopped")
    assert lead.reason
    well()


def test_it_asks_together_what_does_not_wait_for_one_another() -> None:
    flow = stage()
    enhance(flow, "one")
    enhance(flow, "two")
    enhance(flow, "three", send={"carrier": "{{lead.appended.one.carrier}}"})
    told = flow.post()
    inquiry = begin(flow)
    assert asked(inquiry) == ["one", "two"]
    (then,) = answer(flow, inquiry, one=says(carrier="AT&T"), two=no()).asks
    assert asked(then) == ["three"]
    assert then.questions[0].context["lead"]["appended.one.carrier"] == "AT&T"
    assert answer(flow, then, three=says(score=1)).starts
    assert flow.types(told)[3:6] == [
        "enhancement.success", "enhancement.failure", "enhancement.success",
    ]  # fmt: skip


def test_a_rule_that_reads_another_s_answer_waits_for_it() -> None:
    flow = stage()
    enhance(flow, "one")
    rule = {"all": [{"field": "appended.one.carrier", "op": "is", "value": "AT&T"}]}
    enhance(flow, "two", when=rule)
    flow.post()
    inquiry = begin(flow)
    assert asked(inquiry) == ["one"]
    (then,) = answer(flow, inquiry, one=says(carrier="AT&T")).asks
    assert asked(then) == ["two"]


def test_it_passes_by_leads_that_its_rules_leave_out_and_says_so() -> None:
    flow = stage()
    enhance(flow, "check", when={"all": [{"field": "state", "op": "is", "value": "CA"}]})
    told = flow.post()
    assert flow.start()
    assert "Not asked: " in flow.event(told, "enhancement.skipped").reason


def test_it_settles_what_nobody_is_asked_for_in_the_order_of_the_steps() -> None:
    flow = stage()
    enhance(flow, "one")
    enhance(flow, "two", when={"all": [{"field": "state", "op": "is", "value": "CA"}]})
    enhance(flow, "three")
    told = flow.post()
    inquiry = begin(flow)
    assert asked(inquiry) == ["one", "three"]
    answer(flow, inquiry, one=says(score=1), three=says(score=3))
    assert flow.types(told)[3:6] == [
        "enhancement.success", "enhancement.skipped", "enhancement.success",
    ]  # fmt: skip


def test_it_does_not_ask_for_test_leads_where_its_step_says_so_and_charges_none() -> None:
    flow = stage()
    enhance(flow, "one", test_leads="skip")
    enhance(flow, "two", cost=Decimal("0.02"))
    told = flow.post(test=True)
    inquiry = begin(flow)
    assert asked(inquiry) == ["two"]
    answer(flow, inquiry, two=says(score=1))
    assert flow.event(told, "enhancement.skipped").reason == enhancing.NOT_FOR_TESTS
    assert flow.lead(told).cost == 0
    well()


def test_sensitive_values_are_in_no_snapshot_event_or_exchange() -> None:
    flow = stage()
    enhance(flow, "check", append={"score": {"path": "score", "privacy": "sensitive"}})
    told = flow.post()
    (post,) = answer(flow, begin(flow), check=says(score="Terrible-571")).starts
    assert post.context["lead"]["appended.check.score"] == "Terrible-571"
    assert values(told)["appended.check.score"] == "•••"
    assert flow.lead(told).sensitive
    event = flow.event(told, "enhancement.success")
    assert "571" not in str(event.data)
    assert "571" not in Exchange.objects.get(id=event.exchange_id).reply_body


def test_a_secret_that_is_missing_stops_nobody() -> None:
    flow = stage()
    enhance(flow, "check", headers="X-Key: ${NOWHERE_TO_BE_FOUND}")
    told = flow.post()
    assert flow.start()
    assert "NOWHERE_TO_BE_FOUND" in flow.event(told, "enhancement.error").reason


def test_a_crash_in_mid_call_is_on_record_and_the_service_asked_again() -> None:
    flow = stage()
    enhance(flow, "check")
    told = flow.post()
    lost = begin(flow)
    flow.expire()
    again = begin(flow)
    assert asked(again) == ["check"]
    error = flow.event(told, "enhancement.error")
    assert (error.reason, error.outcome) == (enhancing.NOT_BACK, "unknown")
    assert answer(flow, lost, check=says(score=1)).refused == 1
    assert answer(flow, again, check=says(score=2)).starts
    assert values(told)["appended.check.score"] == 2


def test_a_service_whose_answers_kill_workers_is_given_up() -> None:
    flow = stage()
    enhance(flow, "check")
    told = flow.post()
    for _ in range(enhancing.TRIES):
        begin(flow)
        flow.expire()
    assert flow.start()
    assert flow.types(told).count("enhancement.error") == enhancing.TRIES
    well()


def test_a_full_pump_costs_a_lead_no_try() -> None:
    flow = stage()
    enhance(flow, "check")
    flow.post()
    for _ in range(enhancing.TRIES + 5):
        assert not flow.take(flow.claim(), places=False).asks
    assert Work.objects.get().claims <= 1
    assert asked(begin(flow)) == ["check"]


def test_an_answer_costs_a_failure_to_answer_does_not() -> None:
    flow = stage()
    enhance(flow, "one", cost=Decimal("0.02"))
    enhance(flow, "two", cost=Decimal("0.03"))
    enhance(flow, "three", cost=Decimal("1.00"))
    told = flow.post()
    done = answer(flow, begin(flow), one=says(score=1), two=no(), three=DOWN)
    assert flow.lead(told).cost == Decimal("15.05")
    flow.take((), [(done.starts[0], attempt(Outcome.ACCEPTED, price=Decimal(45)))])
    completed = flow.event(told, "flow.completed").data
    assert (completed["cost"], completed["margin"]) == (15.05, 29.95)
    assert completed["sales"][0]["cost"] == 15.05
    well()


def test_answers_are_kept_for_those_who_ask_the_same() -> None:
    flow = stage()
    enhance(flow, "check", cache_for=3600.0, cost=Decimal("0.02"))
    flow.post()
    answer(flow, begin(flow), check=says(carrier="Verizon", score=7))
    told = flow.post(email="bob@example.com")
    assert flow.start()
    event = flow.event(told, "enhancement.success")
    assert event.data["cached"] is True
    assert "cost" not in event.data
    assert values(told)["appended.check.score"] == 7
    assert flow.lead(told).cost == 15
    assert "Verizon" not in ServiceAnswer.objects.get().body
    other = flow.post(phone_1="5555559999", email="eve@example.com")
    assert other.lead_id
    assert asked(begin(flow)) == ["check"]
    well()


def test_an_answer_that_hangs_on_another_is_kept_too() -> None:
    flow = stage()
    enhance(flow, "check", cache_for=3600.0, cache_key="{{lead.phone_1}}")
    enhance(flow, "then", cache_for=3600.0, send={"carrier": "{{lead.appended.check.carrier}}"})
    for number in range(3):
        flow.post(email=f"a{number}@example.com")
    first, *others = flow.take(flow.claim()).asks
    (then,) = answer(flow, first, check=says(carrier="AT&T")).asks
    answer(flow, then, then=says(score=2))
    for inquiry in others:
        assert answer(flow, inquiry, check=says(carrier="AT&T")).starts
    assert ServiceAnswer.objects.count() == 2
    well()


def test_other_settings_are_not_answered_by_what_was_kept() -> None:
    flow = stage()
    settings = enhance(flow, "check", cache_for=3600.0)
    flow.post()
    answer(flow, begin(flow), check=says(carrier="Verizon"))
    settings.append = {"line": "line"}
    settings.save()
    flow.post(email="bob@example.com")
    assert asked(begin(flow)) == ["check"]


def test_an_answer_kept_too_long_is_asked_for_again() -> None:
    flow = stage()
    enhance(flow, "check", cache_for=0.001)
    flow.post()
    answer(flow, begin(flow), check=says(carrier="Verizon"))
    ServiceAnswer.objects.update(expires_at=Event.objects.earliest("timestamp").timestamp)
    flow.post(email="bob@example.com")
    assert asked(begin(flow)) == ["check"]


def test_a_step_that_came_meanwhile_is_asked_next() -> None:
    flow = stage()
    enhance(flow, "check")
    flow.post()
    inquiry = begin(flow)
    enhance(flow, "late")
    flow.move()
    (then,) = answer(flow, inquiry, check=says(score=1)).asks
    assert asked(then) == ["late"]
