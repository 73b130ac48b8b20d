"""Whatever happens in whatever order, the books are right at the end: random histories.

Two pumps with leases of their own take turns; answers of every kind come early, late, twice or
never; turns are lost before they are saved; staff pause, resume, retry and change the
configuration in between. A history is made by its seed; a failing one names it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from random import Random

import psycopg
import pytest
from django.db import connection

from events import rollups, verify
from events.feedback.process import take as take_feedback
from events.feedback.reading import Statement
from events.models import Delivery, Event, Lead
from flows.byhand import by_hand, moving, retrying, steering
from flows.models import Step, StepRecipient, Work
from flows.patterns import ORDERS
from flows.turns import worktable
from flows.turns.desk import Sending
from recipients.models import Breaker, Endpoint, Recipient
from recipients.outcomes import Outcome
from tests.flows.scene import Scene, attempt, recipient, scene

pytestmark = pytest.mark.django_db

MOVES = 220
ENDED = ("done", "review", "rejected")
# Answers, likelier the more often they stand here.
OUTCOMES = [*Outcome, *[Outcome.ACCEPTED] * 6, *[Outcome.REJECTED] * 3, Outcome.UNKNOWN]
OUTCOMES.remove(Outcome.SKIPPED)
EXCLUSIVE = ["single", "waterfall", "exclusive_window", "simultaneous"]


class History:
    """One random course of events, and what must hold after it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        made = [recipient(slug, sandbox=slug == "a") for slug in ("a", "b", "c")]
        rest, crm, partner = recipient("rest"), recipient("crm"), recipient("partner")
        Recipient.objects.filter(slug="crm").update(type="crm")
        Endpoint.objects.create(recipient=made[0], kind="backup", url="https://backup.example/")
        self.short_breakers()
        self.scene = scene(*made, pattern="waterfall", remediation=rest)
        step = Step.objects.create(
            flow=self.scene.flow, name="all", kind="deliver", position=2, pattern="multi"
        )
        for place, each in enumerate((crm, partner)):
            StepRecipient.objects.create(step=step, recipient=each, position=place)
        self.pumps = [replace(self.scene, lease=str(uuid.UUID(int=n))) for n in (1, 2)]
        self.under_way: list[tuple[Scene, Sending]] = []
        self.moves: list[Callable[[], None]] = [
            *[self.post] * 6,
            *[self.claim] * 8,
            *[self.answer] * 12,
            *[self.hurry] * 4,
            self.answer_twice,
            self.lose_a_turn,
            self.crash,
            self.expire,
            self.pause,
            self.resume,
            self.resume_endpoints,
            self.open_breaker,
            self.close_breaker,
            *[self.let_breakers_wait] * 3,
            self.change_while_open,
            self.retry,
            self.give_back,
            self.change_price,
            self.change_steps,
            self.change_pattern,
            self.change_tiers,
            self.grow_old,
            self.switch,
            self.move_leads,
            rollups.fold,
        ]

    def play(self) -> None:
        for _ in range(MOVES):
            self.random.choice(self.moves)()
        self.finish()

    # --- moves

    def post(self) -> None:
        self.scene.post(
            test=self.random.random() < 0.1,
            email=f"p{self.random.randrange(10**6)}@example.com",
            state=self.random.choice(["TX", "CA", "NY"]),
        )

    def claim(self) -> None:
        pump = self.random.choice(self.pumps)
        places = self.random.random() < 0.8
        claimed = pump.claim()
        self.random.shuffle(claimed)
        kept = claimed[: self.random.randrange(len(claimed) + 1)] if claimed else []
        self.begun(pump, pump.take(kept, places=places).starts)

    def begun(self, pump: Scene, starts: list[Sending]) -> None:
        self.under_way += [(pump, sending) for sending in starts]

    def answer(self, *, again: bool = False) -> None:
        """Some answers of one pump, perhaps together with a claim."""
        pump = self.random.choice(self.pumps)
        mine = [sending for each, sending in self.under_way if each is pump]
        chosen = self.random.sample(mine, min(len(mine), self.random.randrange(1, 4)))
        results = [(sending, self.made_up()) for sending in chosen]
        claimed = pump.claim() if self.random.random() < 0.5 else []
        if not again:
            self.under_way = [pair for pair in self.under_way if pair[1] not in chosen]
        self.begun(pump, pump.take(claimed, results).starts)

    def answer_twice(self) -> None:
        self.answer(again=True)

    def made_up(self):
        outcome = self.random.choice(OUTCOMES)
        price = self.random.choice([None, Decimal("12.3456"), Decimal(0)])
        return attempt(
            outcome,
            reason="" if outcome is Outcome.ACCEPTED else f"Because {self.random.randrange(9)}",
            price=price if outcome is Outcome.ACCEPTED else None,
        )

    def lose_a_turn(self) -> None:
        """The database goes away at the moment of saving; what was claimed stays leased."""

        def away(*_args, **_options):
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(worktable.Changes, "write", away)
            for pump in self.pumps:
                mine = [(s, self.made_up()) for each, s in self.under_way if each is pump]
                claimed = pump.claim()
                if claimed or mine:
                    with pytest.raises(psycopg.OperationalError):
                        pump.take(claimed, mine)

    def crash(self) -> None:
        pump = self.random.choice(self.pumps)
        self.under_way = [pair for pair in self.under_way if pair[0] is not pump]
        self.expire()

    def expire(self) -> None:
        self.sql(
            "UPDATE flows_work SET due_at = clock_timestamp() - interval '1 s' "
            "WHERE lease IS NOT NULL AND due_at < 'infinity' AND random() < 0.5"
        )

    def hurry(self) -> None:
        self.sql("UPDATE recipients_endpoint SET not_before = NULL")
        self.scene.hurry()

    def one_recipient(self) -> Recipient:
        return self.random.choice(list(Recipient.objects.order_by("slug")))

    def pause(self) -> None:
        steering.pause_recipient(self.one_recipient(), by="ann")

    def resume(self) -> None:
        steering.resume_recipient(self.one_recipient(), by="ann")

    def switch(self) -> None:
        one = self.one_recipient()
        one.active = not one.active
        one.save()

    def resume_endpoints(self) -> None:
        for endpoint in Endpoint.objects.filter(paused_at__isnull=False):
            steering.resume_endpoint(endpoint, by="ann")

    @staticmethod
    def short_breakers() -> None:
        """Breakers that open soon, so that a history sees all of their states."""
        Recipient.objects.update(breaker_of=10, breaker_at_least=4, breaker_in_a_row=3)

    def open_breaker(self) -> None:
        endpoint = self.random.choice(list(Endpoint.objects.order_by("url")))
        steering.open_breaker(endpoint, by="ann", reason="Down", wait=60.0)

    @staticmethod
    def close_breaker() -> None:
        for endpoint in Endpoint.objects.order_by("id"):
            steering.close_breaker(endpoint, by="ann", reason="Up")

    def let_breakers_wait(self) -> None:
        """Waits and leases of breakers are over."""
        self.sql("UPDATE recipients_breaker SET until = clock_timestamp() - interval '1 s'")
        self.scene.hurry()

    def change_while_open(self) -> None:
        for step in Step.objects.filter(kind="deliver"):
            step.while_open = self.random.choice(["wait", "skip"])
            step.save()

    def retry(self) -> None:
        deliveries = list(Delivery.objects.order_by("id").values_list("id", flat=True))
        for id in self.random.sample(deliveries, min(3, len(deliveries))):
            try:
                retrying.retry_delivery(id, by="ann", force=self.random.random() < 0.5)
            except by_hand.NotNow:
                continue

    def give_back(self) -> None:
        sold = Delivery.objects.filter(state="accepted", returned_at=None).order_by("id")
        for delivery in sold[:2]:
            take_feedback(
                delivery.recipient,
                [Statement(kind="return", by="lead_id", target=delivery.lead_id)],
            )

    def change_price(self) -> None:
        one = self.one_recipient()
        one.price = Decimal(self.random.randrange(100))
        one.save()

    def change_steps(self) -> None:
        """A filter before the deliver steps comes or goes: everything after it moves."""
        found = Step.objects.filter(flow=self.scene.flow, name="extra").first()
        if found:
            found.delete()
            return
        Step.objects.create(
            flow=self.scene.flow,
            name="extra",
            position=0,
            rules={"all": [{"field": "email", "op": "contains", "value": "@"}]},
        )

    def move_leads(self) -> None:
        """Those inside go on by the flow as it is, where any does not."""
        with suppress(moving.NothingToMove):
            self.scene.move()

    def change_pattern(self) -> None:
        """Another way to sell a lead once, in another order."""
        step = Step.objects.get(name="buyers")
        step.pattern = self.random.choice(EXCLUSIVE)
        step.order = self.random.choice(list(ORDERS))
        step.when_declined = self.random.choice(Step.WhenDeclined.values)
        step.save()

    def change_tiers(self) -> None:
        for row in StepRecipient.objects.filter(step__name="buyers").order_by("position"):
            row.opens_after = self.random.choice([None, None, 3_600.0, 86_400.0])
            row.weight = self.random.choice([0, 1, 3])
            row.save()

    def grow_old(self) -> None:
        """Hours pass for the leads; what waits for a tier is due."""
        self.sql("UPDATE events_lead SET created_at = created_at - interval '10 hours'")
        self.scene.hurry()

    @staticmethod
    def sql(text: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(text)

    # --- the end

    def finish(self) -> None:
        """Everything is resumed and answered; nothing may be left over."""
        self.under_way.clear()
        for row in StepRecipient.objects.exclude(opens_after=None):
            row.opens_after = None
            row.save()
        self.move_leads()
        Recipient.objects.filter(active=False).update(active=True)
        for one in Recipient.objects.all():
            one.save()
            steering.resume_recipient(one, by="ann")
        self.resume_endpoints()
        steering.wake_held()
        for _ in range(100):
            if not Work.objects.exists():
                break
            self.let_breakers_wait()
            self.sql(
                "UPDATE flows_work SET due_at = clock_timestamp() - interval '1 s' "
                "WHERE due_at < 'infinity'"
            )
            self.hurry()
            pump = self.pumps[0]
            starts = pump.start()
            pump.take((), [(sending, attempt(Outcome.ACCEPTED)) for sending in starts])
        self.check()

    def check(self) -> None:
        assert list(Work.objects.values("kind", "lane", "lead_id", "claims")) == []
        assert list(Lead.objects.exclude(status__in=ENDED).values()) == []
        assert [check for check in verify.run() if check.problems] == []
        rollups.fold()
        assert verify.figures().problems == []
        self.check_exclusive()
        self.check_breakers()

    @staticmethod
    def check_breakers() -> None:
        """What is recorded leads from state to state: nothing closes that did not open before."""
        states: dict[str, str] = {}
        for event in Event.objects.filter(type__startswith="breaker.").order_by("id"):
            id, word = event.data["endpoint"]["id"], event.type.removeprefix("breaker.")
            assert word == "opened" or states.get(id) in ("opened", "probed"), (id, word)
            states[id] = word
        for found in Breaker.objects.all():
            assert found.back <= found.used <= found.quota or found.state != "ramping"
            closed = states.get(found.endpoint_id, "closed") == "closed"
            assert closed == (found.state == "closed"), found

    def check_exclusive(self) -> None:
        exclusive = {"a", "b", "c", "rest"}
        for lead in Lead.objects.prefetch_related("deliveries__recipient"):
            took = [d for d in lead.deliveries.all() if d.recipient.slug in exclusive]
            sold = [d for d in took if d.sold]
            assert len(sold) <= 1, f"{lead} was sold exclusively to {len(sold)}"
            late = [d for d in lead.deliveries.all() if d.late and not d.sold]
            assert not any(d.revenue for d in late)
            bought = any(d.sold for d in lead.deliveries.all())
            assert lead.status != "done" or (lead.result == "sold") == bought
            sent = [d.recipient.slug for d in lead.deliveries.all()]
            assert len(sent) == len(set(sent)), f"{lead} has two deliveries to one: {sent}"


@pytest.mark.parametrize("seed", range(8))
def test_the_books_are_right_after_any_history(seed):
    History(seed).play()
