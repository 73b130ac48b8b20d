"""Production, backup, fallbacks in another form, then whatever the policy says."""

from __future__ import annotations

import pytest

from events.models import Event, Exchange
from flows.delivery.admission import choose
from flows.loading import load_plans
from flows.models import Work
from flows.turns.pump import Pump
from leadops.buyers import running_buyers
from recipients.models import Endpoint, Recipient, ResponseRule, RetryRule
from recipients.outcomes import Outcome
from tests.flows.scene import Scene, attempt, recipient, scene

RETRIED = ("server_error", "unknown", "unavailable", "rate_limited")


def buyer(url: str = "http://127.0.0.1:1/refused", *, backup: str = "", **more: str) -> Recipient:
    """A recipient without retries; `more` are its fallbacks' addresses by position."""
    made = recipient("abc")
    Endpoint.objects.filter(recipient=made).update(url=url, timeout=1.5)
    if backup:
        Endpoint.objects.create(recipient=made, kind="backup", url=backup)
    for position, address in enumerate(more.values()):
        Endpoint.objects.create(
            recipient=made, kind="fallback", position=position, url=address, format="form"
        )
    for outcome in RETRIED:
        RetryRule.objects.create(recipient=made, outcome=outcome, times=0)
    return made


def work(play: Scene) -> None:
    Pump(stopping=lambda: not Work.objects.exists(), size=4).run(60)


@pytest.mark.django_db(transaction=True)
def test_what_neither_production_nor_backup_takes_goes_to_the_fallback():
    with running_buyers() as buyers:
        play = scene(buyer(backup=f"{buyers.url}/error", one=f"{buyers.url}/accept?price=40.00"))
        answer = play.post()
        work(play)
        log = buyers.log()
    delivery = play.delivery("abc")
    assert (delivery.state, delivery.endpoint, delivery.attempts) == ("accepted", "fallback", 3)
    assert play.lead(answer).result == "sold"
    assert [entry["idempotency_key"] for entry in log] == [delivery.id, delivery.id]
    assert log[-1]["headers"]["Content-Type"].startswith("application/x-www-form-urlencoded")
    told = Event.objects.filter(type__in=["recipient.error", "recipient.delivered"])
    ways = [event.data["metadata"]["endpoint"] for event in told.order_by("seq")]
    assert ways == ["production", "backup", "fallback"]


@pytest.mark.django_db(transaction=True)
def test_it_ends_in_review_where_the_recipient_holds_what_failed_everywhere():
    with running_buyers() as buyers:
        made = buyer(one=f"{buyers.url}/error", two=f"{buyers.url}/error?status=503")
        RetryRule.objects.all().delete()
        Recipient.objects.filter(pk=made.pk).update(retry_hold=True)
        for outcome in ("server_error", "unavailable"):
            RetryRule.objects.create(recipient=made, outcome=outcome, times=0, then="hold")
        play = scene(made)
        answer = play.post()
        work(play)
    delivery = play.delivery("abc")
    assert (delivery.state, delivery.endpoint) == ("review", "fallback-2")
    assert play.lead(answer).status == "review"
    assert play.event(answer, "recipient.failed").data["metadata"]["endpoint"] == "fallback-2"
    assert Exchange.objects.count() == 3


class TestTheRoute:
    pytestmark = pytest.mark.django_db

    def test_every_technical_outcome_can_end_in_review_by_one_setting(self):
        made = recipient("abc")
        Recipient.objects.filter(pk=made.pk).update(retry_hold=True)
        policy = load_plans().recipients[made.id].retry
        held = {word for word in Outcome if policy.rule(word).then == "hold"}
        assert held == {word for word in Outcome if word.is_technical}
        assert policy.rule(Outcome.SERVER_ERROR).times == 3  # tried as often as before

    def test_its_own_policy_goes_before_that_setting(self):
        made = recipient("abc")
        Recipient.objects.filter(pk=made.pk).update(retry_hold=True)
        RetryRule.objects.create(recipient=made, outcome="unknown", then="move_on")
        assert load_plans().recipients[made.id].retry.rule(Outcome.UNKNOWN).then == "move_on"

    def test_the_record_names_the_integration_that_was_used(self):
        made = buyer(one="mailto:leads@abc.example")
        Endpoint.objects.filter(kind="fallback").update(integration="email")
        play = scene(made)
        answer = play.post()
        play.play(abc=[attempt(Outcome.UNAVAILABLE, reason="Refused"), attempt(Outcome.ACCEPTED)])
        used = play.event(answer, "recipient.delivered").data["metadata"]
        assert (used["endpoint"], used["integration"]) == ("fallback", "email")
        failed = play.event(answer, "recipient.error").data["metadata"]
        assert (failed["endpoint"], failed["integration"]) == ("production", "http")

    def test_what_nobody_understood_goes_to_a_person_not_to_the_next_endpoint(self):
        play = scene(buyer(one="https://fallback.example/"))
        play.post()
        play.play(abc=[attempt(Outcome.UNREADABLE, reason="Not understood")])
        assert play.delivery("abc").state == "review"

    def test_a_plain_no_goes_nowhere_else(self):
        play = scene(buyer(one="https://fallback.example/"))
        ResponseRule.objects.all().delete()
        play.post()
        play.play(abc=[attempt(Outcome.REJECTED, reason="No")])
        assert play.delivery("abc").state == "declined"

    def test_test_leads_never_leave_the_sandbox(self):
        made = buyer(one="https://fallback.example/")
        Endpoint.objects.create(recipient=made, kind="sandbox", url="https://sandbox.example/")
        play = scene(made)
        play.post(test=True)
        play.play(abc=[attempt(Outcome.UNAVAILABLE, reason="Refused")])
        assert (play.delivery("abc").state, play.delivery("abc").endpoint) == ("failed", "sandbox")

    def test_a_way_that_is_gone_since_leads_back_to_production(self):
        made = buyer(one="https://fallback.example/")
        plan = load_plans().recipients[made.id]
        assert choose(plan, {}, endpoint_kind="fallback-2", test=False) is plan.production
        assert plan.after("fallback-2") == "fallback"
        assert plan.after("fallback") == ""
