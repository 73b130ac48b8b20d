"""Leads through whole turns: real rows, real events, answers made up."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest
from django.db import ProgrammingError, connection, transaction
from django.db.models import F

from events.models import Alert, Event, Exchange, Figure, Lead, Snapshot
from flows import plans
from flows.models import Flow, FlowField, Step, StepRecipient, Work
from flows.steps import engine
from recipients.models import Endpoint, Recipient, RetryRule
from recipients.outcomes import Outcome
from tests.flows.scene import attempt, recipient, scene

pytestmark = pytest.mark.django_db

ACCEPTED = Outcome.ACCEPTED
REJECTED = Outcome.REJECTED


def accepted(**facts):
    return attempt(ACCEPTED, buyer_lead_id="B-1", **facts)


def no(outcome=REJECTED, reason="No"):
    return attempt(outcome, reason=reason)


def test_it_sells_a_lead_and_records_every_moment():
    play = scene(recipient("abc"))
    answer = play.post()
    play.play(abc=[accepted(price=Decimal("45.50"))])

    assert play.types(answer) == [
        "source.submitted",
        "source.accepted",
        "filter.passed",
        "recipient.delivery_attempt",
        "recipient.delivered",
        "flow.completed",
    ]
    lead = play.lead(answer)
    assert (lead.status, lead.result, lead.revenue, lead.cost) == (
        "done",
        "sold",
        Decimal("45.50"),
        Decimal(15),
    )
    delivered = play.event(answer, "recipient.delivered")
    assert delivered.outcome == "accepted"
    assert delivered.duration_ms == 250
    assert delivered.data["delivery"]["price"] == 45.5
    assert delivered.data["delivery"]["margin"] == 30.5
    assert delivered.data["response"]["parsed"]["buyer_lead_id"] == "B-1"
    assert not Work.objects.exists()


def test_it_keeps_the_exchange_and_a_salted_digest_of_it():
    play = scene(recipient("abc"))
    answer = play.post()
    play.play(abc=[accepted()])
    delivered = play.event(answer, "recipient.delivered")
    exchange = Exchange.objects.get(id=delivered.exchange_id)
    assert exchange.status == 200
    assert exchange.lead_id == answer.lead_id
    assert len(bytes(delivered.digest)) == 32


def test_it_writes_the_attempt_before_anything_is_sent():
    play = scene(recipient("abc"))
    answer = play.post()
    [sending] = play.start()
    assert play.types(answer)[-1] == "recipient.delivery_attempt"
    assert sending.context["lead"]["email"] == "ann@example.com"
    assert Work.objects.get().lease == uuid.UUID(play.lease)


def test_it_stops_a_lead_at_a_filter_and_names_rule_and_value():
    play = scene(recipient("abc"))
    answer = play.post(state="NY")
    play.play()
    failed = play.event(answer, "filter.failed")
    assert failed.reason == "State not in approved list"
    assert failed.data["rule_set"] == "geographic_filter"
    assert failed.data["rules_evaluated"] == 1
    assert failed.data["seen"] == "NY"
    assert play.lead(answer).result == "stopped"
    assert play.types(answer)[-1] == "flow.completed"


def test_it_goes_down_the_waterfall_to_the_remediation_pool():
    a, b, pool = recipient("a"), recipient("b"), recipient("pool", "3.00")
    play = scene(a, b, pattern="waterfall", remediation=pool)
    answer = play.post()
    play.play(a=[no()], b=[no(Outcome.DUPLICATE)], pool=[accepted()])
    assert [t for t in play.types(answer) if t.startswith("recipient")] == [
        "recipient.delivery_attempt",
        "recipient.failed",
        "recipient.delivery_attempt",
        "recipient.failed",
        "recipient.delivery_attempt",
        "recipient.delivered",
    ]
    assert play.lead(answer).revenue == Decimal(3)


def test_it_shares_the_cost_between_the_sales_of_a_lead():
    play = scene(recipient("a", "20"), recipient("b", "30"), pattern="multi")
    answer = play.post()
    play.play(a=[accepted()], b=[accepted()])
    lead = play.lead(answer)
    assert (lead.sales, lead.revenue) == (2, Decimal(50))
    completed = play.event(answer, "flow.completed")
    assert [sale["cost"] for sale in completed.data["sales"]] == [7.5, 7.5]
    assert completed.data["margin"] == 35.0


def test_it_retries_a_server_error_and_then_sells():
    play = scene(recipient("abc"))
    answer = play.post()
    error = no(Outcome.SERVER_ERROR, "HTTP 500")
    play.play(abc=[error, error, accepted()])
    assert play.types(answer)[3:] == [
        "recipient.delivery_attempt",
        "recipient.error",
        "retry.scheduled",
        "retry.attempted",
        "recipient.delivery_attempt",
        "recipient.error",
        "retry.scheduled",
        "retry.attempted",
        "recipient.delivery_attempt",
        "recipient.delivered",
        "flow.completed",
    ]
    assert play.event(answer, "recipient.delivered").data["metadata"]["attempt_number"] == 3
    assert play.event(answer, "retry.scheduled").data["retry_at"].endswith("Z")


def test_it_gives_up_after_three_retries():
    play = scene(recipient("abc"))
    answer = play.post()
    play.play(abc=[no(Outcome.UNAVAILABLE, "Connection refused")] * 4)
    assert play.types(answer).count("recipient.error") == 4
    failed = play.event(answer, "recipient.failed")
    assert failed.data["failure"]["class"] == "technical"
    assert failed.data["metadata"]["total_attempts"] == 4
    assert play.lead(answer).result == "unsold"


def test_it_counts_every_attempt_and_delivery_once():
    play = scene(recipient("abc"))
    play.post()
    play.play(abc=[no(Outcome.SERVER_ERROR, "HTTP 500")] * 3 + [accepted()])
    figures = Figure.objects.filter(kind="attempt")
    assert sum(f.n for f in figures) == 4
    [delivery] = Figure.objects.filter(kind="delivery")
    assert (delivery.outcome, delivery.n, delivery.revenue) == ("accepted", 1, Decimal(45))
    [share] = Figure.objects.filter(kind="share")
    assert share.cost == Decimal(15)


def test_a_final_technical_failure_is_one_attempt_not_two():
    play = scene(recipient("abc"))
    play.post()
    play.play(abc=[no(Outcome.UNAUTHORIZED, "HTTP 401")])
    assert sum(f.n for f in Figure.objects.filter(kind="attempt")) == 1
    assert sum(f.n for f in Figure.objects.filter(kind="delivery")) == 1


def test_an_expired_lease_is_an_unknown_outcome_and_the_late_result_is_refused():
    play = scene(recipient("abc"))
    answer = play.post()
    [sending] = play.start()
    play.expire()
    other = type(play)(play.flow, play.source)
    other.take(other.claim())
    error = play.event(answer, "recipient.error")
    assert error.outcome == "unknown"
    assert play.delivery("abc").state == "waiting"

    late = play.take((), [(sending, accepted())])
    assert late.refused == 1
    assert play.lead(answer).revenue == 0
    other.play(abc=[accepted()])
    assert play.types(answer).count("recipient.delivered") == 1
    assert play.lead(answer).revenue == Decimal(45)


def test_a_late_result_of_an_earlier_attempt_under_the_same_lease_is_refused():
    play = scene(recipient("abc"))
    play.post()
    [first] = play.start()
    play.expire()
    play.start()  # the same pump finds what it left behind: unknown, to be retried
    play.hurry()
    [second] = play.start()
    assert second.attempt == 2
    assert play.take((), [(first, accepted())]).refused == 1
    assert play.take((), [(second, accepted())]).refused == 0


def test_it_does_not_claim_what_another_holds():
    play = scene(recipient("abc"))
    play.post()
    assert len(play.claim()) == 1
    assert type(play)(play.flow, play.source).claim() == []


def test_work_without_a_place_waits_unclaimed():
    play = scene(recipient("abc"))
    play.post()
    assert play.take(play.claim(), places=False).starts == []
    work = Work.objects.get()
    assert (work.kind, work.lease, work.claims) == ("deliver", None, 0)
    assert len(play.start()) == 1


def test_work_that_never_ends_is_put_aside():
    play = scene(recipient("abc"))
    answer = play.post()
    Work.objects.update(claims=5)
    play.start()
    lead = play.lead(answer)
    assert lead.status == "review"
    assert lead.reason.startswith("Quarantined after 6 claims")
    assert not Work.objects.exists()


def test_a_delivery_that_never_ends_is_put_aside_with_a_final_event():
    play = scene(recipient("abc"))
    answer = play.post()
    play.start()
    play.expire()
    Work.objects.update(claims=5)
    play.start()
    assert play.delivery("abc").state == "review"
    assert play.event(answer, "recipient.failed").reason.startswith("Quarantined")
    assert play.lead(answer).status == "review"


def test_a_delivery_that_has_ended_is_not_put_aside_for_work_left_behind():
    play = scene(recipient("abc"))
    answer = play.post()
    play.play(abc=[attempt(Outcome.ACCEPTED)])
    work_of = play.delivery("abc").id
    Work.objects.create(
        kind="deliver", lead_id=answer.lead_id, delivery_id=work_of, lane="abc", claims=9
    )
    play.start()
    assert play.delivery("abc").state == "accepted"
    assert not Work.objects.exists()


def test_a_lead_that_the_buyer_may_have_says_so_whatever_it_said_last():
    play = scene(recipient("a"), recipient("b"), pattern="waterfall")
    answer = play.post()
    failed = no(Outcome.SERVER_ERROR, "Lead accepted successfully")
    play.play(a=[no(Outcome.UNKNOWN, "Reset"), failed, failed, failed])
    lead = play.lead(answer)
    assert (lead.status, lead.reason) == ("review", "A may have it: an attempt had no answer")
    said = play.event(answer, "recipient.failed").data["failure"]["reason"]
    assert said == "Lead accepted successfully"


def test_one_leads_trouble_stays_its_own(monkeypatch):
    play = scene(recipient("abc"))
    good, bad = play.post(), play.post(email="bad@example.com")
    real = engine.advance

    def advance(run, desk):
        if run.lead.id == bad.lead_id:
            raise RuntimeError("broken")
        real(run, desk)

    monkeypatch.setattr(engine, "advance", advance)
    starts = play.take(play.claim()).starts
    assert [sending.lead_id for sending in starts] == [good.lead_id]
    assert play.lead(bad).status == "review"
    assert play.types(bad) == ["source.submitted", "source.accepted", "review.held"]


def test_unauthorized_pauses_the_endpoint_raises_one_alert_and_lets_others_wait():
    play = scene(recipient("abc"))
    play.post()
    play.play(abc=[no(Outcome.UNAUTHORIZED, "Token expired")])
    endpoint = Endpoint.objects.get()
    assert endpoint.paused_reason == "Paused: Token expired"
    assert Alert.objects.get().subject == endpoint.recipient_id
    assert Event.objects.filter(type__in=["recipient.paused", "alert.raised"]).count() == 2

    second = play.post(email="second@example.com")
    assert play.start() == []
    delivery = play.lead(second).deliveries.get()
    assert (delivery.state, delivery.waits_for) == ("waiting", "Paused: Token expired")
    assert play.start() == []


def test_rate_limited_holds_the_whole_endpoint():
    play = scene(recipient("abc"))
    play.post()
    [sending] = play.start()
    play.take((), [(sending, attempt(Outcome.RATE_LIMITED, reason="429", retry_after=60))])
    assert Endpoint.objects.get().not_before is not None
    second = play.post(email="second@example.com")
    assert play.start() == []
    assert play.lead(second).deliveries.get().waits_for == "Rate limited by Abc"


def test_a_paused_recipient_is_skipped_and_the_event_says_why():
    a, b = recipient("a"), recipient("b")
    Recipient.objects.filter(slug="a").update(active=False)
    play = scene(a, b, pattern="waterfall")
    answer = play.post()
    play.play(b=[accepted()])
    skipped = play.event(answer, "recipient.skipped")
    assert skipped.reason == "A is switched off"
    assert play.lead(answer).result == "sold"


def test_a_recipients_own_filter_skips_it():
    a = recipient("a")
    a.filter = {"all": [{"field": "state", "op": "is", "value": "CA"}]}
    a.save()
    play = scene(a)
    answer = play.post()
    play.play()
    assert play.event(answer, "recipient.skipped").reason == (
        "Recipient's filter: state is TX, not CA"
    )
    assert play.lead(answer).result == "unsold"


def test_an_exclusive_lead_of_unknown_fate_goes_to_nobody_else():
    play = scene(recipient("a"), recipient("b"), pattern="waterfall")
    answer = play.post()
    play.play(a=[no(Outcome.UNKNOWN, "Timeout")] * 4)
    assert play.delivery("a").state == "review"
    assert play.lead(answer).status == "review"
    assert play.lead(answer).deliveries.count() == 1


@pytest.mark.parametrize(
    "later",
    [
        [no(Outcome.SERVER_ERROR, "Down")] * 3,
        [no(Outcome.UNAVAILABLE, "Refused")] * 3,
        [no(Outcome.UNAUTHORIZED, "Token expired")],
        [no(Outcome.DUPLICATE, "Duplicate lead")],
    ],
    ids=["server_error", "unavailable", "unauthorized", "duplicate"],
)
def test_an_exclusive_lead_stays_in_doubt_whatever_else_later_attempts_meet(later):
    play = scene(recipient("a"), recipient("b"), pattern="waterfall")
    answer = play.post()
    play.play(a=[no(Outcome.UNKNOWN, "Timeout"), *later])
    assert play.delivery("a").state == "review"
    assert play.lead(answer).status == "review"
    assert play.lead(answer).deliveries.count() == 1


@pytest.mark.parametrize("answered", [REJECTED, Outcome.INVALID])
def test_a_plain_no_ends_the_doubt(answered):
    play = scene(recipient("a"), recipient("b"), pattern="waterfall")
    answer = play.post()
    play.play(a=[no(Outcome.UNKNOWN, "Timeout"), no(answered, "No")], b=[accepted()])
    assert play.delivery("a").state == "declined"
    assert play.lead(answer).result == "sold"


@pytest.mark.parametrize("later", [Outcome.DUPLICATE, Outcome.UNAUTHORIZED])
def test_a_doubt_holds_up_nobody_where_the_policy_says_so(later):
    a = recipient("a")
    RetryRule.objects.create(recipient=a, outcome="unknown", times=1, then="move_on")
    play = scene(a, recipient("b"), pattern="waterfall")
    answer = play.post()
    play.play(a=[no(Outcome.UNKNOWN, "Timeout"), no(later)], b=[accepted()])
    assert play.lead(answer).result == "sold"


def test_it_moves_on_after_an_unknown_outcome_where_the_policy_says_so():
    a = recipient("a")
    RetryRule.objects.create(recipient=a, outcome="unknown", times=0, then="move_on")
    play = scene(a, recipient("b"), pattern="waterfall")
    answer = play.post()
    play.play(a=[no(Outcome.UNKNOWN, "Timeout")], b=[accepted()])
    assert play.lead(answer).result == "sold"


def test_an_unreadable_reply_is_held_for_review():
    play = scene(recipient("abc"))
    answer = play.post()
    play.play(abc=[no(Outcome.UNREADABLE, "Not JSON")])
    assert play.types(answer)[-1] == "recipient.failed"
    assert play.delivery("abc").state == "review"
    assert play.lead(answer).status == "review"


def test_it_uses_the_backup_endpoint_when_production_is_out_of_attempts():
    abc = recipient("abc")
    Endpoint.objects.create(recipient=abc, kind="backup", url="https://backup.example/leads")
    play = scene(abc)
    answer = play.post()
    play.play(abc=[no(Outcome.UNAVAILABLE, "Connection refused")] * 4 + [accepted()])
    assert play.delivery("abc").endpoint == "backup"
    assert play.lead(answer).result == "sold"


def test_a_test_lead_goes_to_the_sandbox_and_earns_nothing():
    play = scene(recipient("abc", sandbox=True))
    answer = play.post(test=True)
    [sending] = play.start()
    assert sending.endpoint.kind == "sandbox"
    play.take((), [(sending, accepted(price=Decimal(45)))])
    lead = play.lead(answer)
    assert (lead.result, lead.revenue, lead.cost) == ("sold", 0, 0)
    assert not Figure.objects.filter(test=False).exists()


def test_a_test_lead_never_reaches_production():
    play = scene(recipient("abc"))
    answer = play.post(test=True)
    play.play()
    assert play.event(answer, "recipient.skipped").reason == "Abc has no sandbox endpoint"


def test_sensitive_values_reach_the_buyer_and_no_table_in_clear():
    play = scene(recipient("abc"))
    FlowField.objects.create(flow=play.flow, name="ssn", type="ssn", privacy="sensitive")
    answer = play.post(ssn="078-05-1120")
    [sending] = play.start()
    assert "0781120" not in str(sending.context["lead"]["ssn"])
    assert sending.context["lead"]["ssn"].replace("-", "") == "078051120"
    assert sending.plan.redactor.text("got 078051120") != "got 078051120"
    bodies = str([s.body for s in Snapshot.objects.filter(lead_id=answer.lead_id)])
    assert "1120" not in bodies
    with connection.cursor() as cursor:
        cursor.execute("SELECT sensitive FROM events_lead")
        assert "078051120" not in cursor.fetchone()[0]


def test_a_flow_that_grows_steps_later_still_ends():
    """A lead whose step is gone is complete, not lost."""
    play = scene(recipient("abc"))
    answer = play.post()
    play.flow.steps.all().delete()
    Lead.objects.update(flow_version=0)  # it came before leads knew their versions
    play.play()
    assert play.lead(answer).result == "unsold"


def test_it_reads_a_turn_in_a_fixed_number_of_queries(django_assert_max_num_queries):
    play = scene(recipient("abc"))
    for n in range(20):
        play.post(email=f"p{n}@example.com")
    claimed = play.claim()
    with django_assert_max_num_queries(16):
        assert len(play.take(claimed).starts) == 20


def test_events_cannot_be_changed_or_deleted():
    play = scene(recipient("abc"))
    play.post()
    for statement in ("UPDATE events_event SET reason = 'x'", "DELETE FROM events_event"):
        with (
            pytest.raises(ProgrammingError, match="never changed or deleted"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_a_crm_takes_leads_and_no_share_of_their_cost():
    crm = recipient("crm", "0")
    Recipient.objects.filter(slug="crm").update(type="crm")
    play = scene(recipient("a"), crm, pattern="multi")
    answer = play.post()
    play.play(a=[accepted()], crm=[accepted()])
    [sale] = play.event(answer, "flow.completed").data["sales"]
    assert (sale["cost"], sale["price"]) == (15.0, 45.0)
    assert play.lead(answer).sales == 1


class TestWhatCannotBeStored:
    """A result that the database refuses is put aside alone; its pump goes on with the others."""

    def both(self, play, bad_attempt):
        """A good lead and a bad one, of the same turn."""
        good, bad = play.post(), play.post(email="bad@example.com")
        bad_id = bad.lead_id
        results = [
            (sending, bad_attempt if sending.lead_id == bad_id else attempt(Outcome.ACCEPTED))
            for sending in play.start()
        ]
        play.take((), results)
        return play.lead(good), play.lead(bad)

    def test_it_puts_one_lead_aside_and_keeps_the_others(self):
        play = scene(recipient("abc"))
        good, bad = self.both(play, attempt(Outcome.ACCEPTED, price=Decimal("1e20")))
        assert (good.status, good.result) == ("done", "sold")
        assert (bad.status, bad.reason) == ("review", "Its result cannot be processed")
        assert not Work.objects.exists()

    def test_a_key_that_opens_nothing_troubles_its_own_lead_only(self):
        play = scene(recipient("abc"))
        play.post()
        bad = play.post(email="bad@example.com")
        Lead.objects.filter(id=bad.lead_id).update(sensitive="of another key")
        assert len(play.start()) == 1
        assert play.lead(bad).status == "review"

    def test_it_says_so_when_the_database_is_at_fault(self, monkeypatch):
        def away(*_args):
            raise psycopg.OperationalError("the server closed the connection")

        play = scene(recipient("abc"))
        play.post()
        claimed = play.claim()
        monkeypatch.setattr("flows.turns.worktable.Changes.write", away)
        with pytest.raises(psycopg.OperationalError):
            play.take(claimed)

    def test_half_a_character_is_replaced(self):
        play = scene(recipient("abc"))
        _, lead = self.both(play, attempt(Outcome.REJECTED, reason="no \ud83d"))
        assert (lead.result, lead.reason) == ("unsold", "no ?")

    def test_a_lead_may_take_months(self):
        play = scene(recipient("abc"))
        answer = play.post()
        [sending] = play.start()
        Lead.objects.update(created_at=datetime(2025, 1, 1, tzinfo=UTC))
        play.take((), [(sending, attempt(Outcome.ACCEPTED))])
        assert play.lead(answer).result == "sold"
        assert play.event(answer, "flow.completed").duration_ms == 2**31 - 1


def test_what_a_buyer_echoes_of_a_person_stays_out_of_the_permanent_record():
    play = scene(recipient("abc"))
    FlowField.objects.filter(name__in=["email", "phone_1"]).update(privacy="personal")
    play.flow.save()
    answer = play.post()
    said = "Duplicate: ANN@example.com, (555) 555-1234 in TX"
    play.play(abc=[no(Outcome.DUPLICATE, said)])
    assert play.event(answer, "recipient.failed").reason == "Duplicate: •••, ••• in TX"
    assert play.delivery("abc").reason == "Duplicate: •••, ••• in TX"
    events = str([e.data for e in Event.objects.filter(lead_id=answer.lead_id)])
    assert "ann@example.com" not in events.lower()


def test_a_filter_on_a_sensitive_field_judges_the_value_and_records_a_mask():
    play = scene(recipient("abc"))
    FlowField.objects.create(flow=play.flow, name="score", type="number", privacy="sensitive")
    play.flow.steps.filter(name="geographic_filter").update(
        rules={"all": [{"field": "score", "op": "gt", "value": 700}]}, reason=""
    )
    play.flow.save()
    good, bad = play.post(score=750), play.post(score=640, email="b@example.com")
    assert [s.lead_id for s in play.start()] == [good.lead_id]
    failed = play.event(bad, "filter.failed")
    assert "640" not in f"{failed.reason} {failed.data}"


def test_an_attempt_that_nobody_timed_is_counted_without_a_time():
    play = scene(recipient("abc"))
    play.post()
    play.start()
    play.expire()
    play.start()
    [cell] = Figure.objects.filter(kind="attempt")
    assert (cell.outcome, cell.n, cell.bucket, cell.ms) == ("unknown", 1, -1, 0)


class TestStepsThatMove:
    """A lead under way stays at its step when steps come, go or move."""

    def filter_before(self, play):
        play.flow.steps.update(position=F("position") + 1)
        passing = {"all": [{"field": "email", "op": "not_blank"}]}
        Step.objects.create(flow=play.flow, name="new", position=0, rules=passing)

    def test_it_is_not_sold_twice(self):
        play = scene(recipient("abc"), recipient("xyz"), pattern="waterfall")
        answer = play.post()
        [sending] = play.start()
        self.filter_before(play)
        assert play.take((), [(sending, accepted())]).starts == []
        assert play.lead(answer).result == "sold"
        assert "filter.passed" not in play.types(answer)[-2:]

    def test_it_goes_on_down_the_waterfall(self):
        play = scene(recipient("abc"), recipient("xyz"), pattern="waterfall")
        answer = play.post()
        [sending] = play.start()
        play.flow.steps.filter(kind="filter").delete()
        [second] = play.take((), [(sending, no())]).starts
        assert second.plan.slug == "xyz"
        play.take((), [(second, accepted())])
        assert play.lead(answer).revenue == 45

    def test_a_step_that_takes_the_place_of_another_sends_to_nobody_again(self):
        play = scene(recipient("abc"))
        answer = play.post()
        [sending] = play.start()
        play.flow.steps.filter(kind="deliver").delete()
        renamed = Step.objects.create(flow=play.flow, name="renamed", kind="deliver", position=1)
        StepRecipient.objects.create(step=renamed, recipient=Recipient.objects.get())
        assert play.take((), [(sending, accepted())]).starts == []
        assert play.lead(answer).result == "sold"


def test_a_flow_that_does_not_compile_stops_nobody_else_and_its_leads_wait():
    play = scene(recipient("abc"))
    waiting = play.post()
    other = Flow.objects.create(slug="other", name="Other")
    play.flow.steps.filter(name="geographic_filter").update(rules={"all": [{"op": "?"}]})
    play.flow.save()
    assert plans.current().flow("other").id == other.id
    assert play.start() == []
    assert play.lead(waiting).status == "working"
    play.flow.steps.filter(name="geographic_filter").update(rules={"all": []})
    play.flow.save()
    play.expire()
    play.play(abc=[accepted()])
    assert play.lead(waiting).result == "sold"


class TestAlarm:
    """Somebody is told when a buyer's server failed at every try."""

    def test_it_is_raised_once_and_resolved_when_the_endpoint_is_calm_again(self):
        play = scene(recipient("abc"))
        for _ in range(2):
            play.post(email=f"{uuid.uuid4()}@example.com")
            play.play(abc=[no(Outcome.SERVER_ERROR, "Down")] * 4)
        alert = Alert.objects.get()
        assert alert.text == "Abc: all 4 tries at the production endpoint failed: Down"
        raised = Event.objects.get(type="alert.raised")
        assert raised.entity_id == Recipient.objects.get().id
        for _ in range(10):
            assert not Event.objects.filter(type="alert.resolved").exists()
            play.post(email=f"{uuid.uuid4()}@example.com")
            play.play(abc=[accepted()])
        alert.refresh_from_db()
        assert alert.resolved_at is not None

    def test_it_is_not_raised_by_a_buyer_that_takes_the_lead_in_the_end(self):
        play = scene(recipient("abc"))
        play.post()
        play.play(abc=[*[no(Outcome.SERVER_ERROR, "Down")] * 3, accepted()])
        assert not Alert.objects.exists()

    def test_it_is_raised_where_the_backup_helped(self):
        a = recipient("a")
        Endpoint.objects.create(recipient=a, kind="backup", url="https://backup.example.com/")
        play = scene(a)
        play.post()
        play.play(a=[*[no(Outcome.SERVER_ERROR, "Down")] * 4, accepted()])
        assert Alert.objects.get().text.startswith("A: all 4 tries at the production endpoint")
