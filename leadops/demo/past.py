"""A lead's deliveries in a past that passes at once: the engine's own steps, a moved clock."""

from __future__ import annotations

import dataclasses
import heapq
import time
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

import orjson

from flows.arrival.preparing import Prepared
from flows.delivery import dispatching, sendings, settling
from flows.delivery.admission import Admit
from flows.plan import Plans
from flows.steps import engine
from flows.turns import askers
from flows.turns.desk import Desk
from flows.turns.inquiries import Answers, Inquiry
from flows.turns.runs import Run
from flows.turns.states import DeliveryState
from leadops.demo.market import PastDoor
from leadops.lib import ids, secrets
from leadops.lib.bulk import dumps
from recipients.auth import Keyring
from recipients.batches import Batch, Member, deliver_batch
from recipients.deliver import Attempt, deliver

# When, a number against ties, whose, and what its attempt came to (None: it is due again).
Entry = tuple[datetime, int, DeliveryState, Attempt | None]
Asked = tuple[datetime, int, Inquiry, Answers]
MOST_STEPS = 200


class PastDesk:
    """Works leads through their flows. Every attempt goes through the real delivery."""

    def __init__(self, plans: Plans, door: PastDoor, rng: Random) -> None:
        self.plans = plans
        self.door = door
        self.rng = rng
        self.agenda: list[Entry | Asked] = []
        self.keyring = Keyring()
        self._numbers = count()

    def work_through(self, run: Run, prepared: Prepared) -> None:
        """Take an accepted lead to the end of its flow, or to where only a person helps."""
        run.lead.values = orjson.loads(dumps(prepared.values))
        if prepared.sensitive:
            run.lead.sensitive = secrets.encrypt(dumps(prepared.sensitive))
        desk = Desk(now=run.journal.at, plans=self.plans, may_start=lambda _: True)
        self._move(run, desk, run.journal.at + timedelta(milliseconds=self.rng.randint(4, 40)))
        engine.advance(run, desk)
        self._note(run, desk)
        for _ in range(MOST_STEPS):
            if not self.agenda:
                break
            at, _, *due = heapq.heappop(self.agenda)
            self._move(run, desk, at)
            self._do(run, desk, *due)
            self._note(run, desk)

    @staticmethod
    def _do(run: Run, desk: Desk, what: Any, came: Any) -> None:
        """Take in what an attempt or an inquiry came to, or begin what is due."""
        if isinstance(what, Inquiry):
            run.lead.inquiry = ""
            engine.take_answers(run, what, came, desk)
        elif came is not None:
            settling.settle(run, what, came, desk)
        elif what.state == "waiting":
            dispatching.dispatch(run, what, desk)
            if what.state == "skipped":
                engine.advance(run, desk)

    @staticmethod
    def _move(run: Run, desk: Desk, at: datetime) -> None:
        run.journal.at = desk.now = max(at, run.journal.at)

    def _note(self, run: Run, desk: Desk) -> None:
        """Put on the agenda what has begun and what waits."""
        starts, desk.starts = desk.starts, []
        for _, delivery, endpoint in starts:
            sending = sendings.sending(run, delivery, endpoint, desk, lease="", work_id=0)
            attempt = deliver(
                sending.plan,
                sending.endpoint,
                sending.context,
                attempt=sending.attempt,
                tries=sending.tries,
                idempotency_key=delivery.id,
                test=sending.test,
                door=self.door.about(sending.plan.id, at=desk.now, attempt=sending.tries),
            )
            attempt = _timed(attempt, self.door, desk.now)
            ended = desk.now + timedelta(seconds=attempt.seconds, milliseconds=2)
            self._add(ended, delivery, attempt)
        self._gather(desk)
        self._ask(desk)
        known = {id(entry[2]) for entry in self.agenda}
        for delivery in run.deliveries:
            work = delivery.work
            waits = delivery.state == "waiting" and id(delivery) not in known
            if waits and work is not None and work.due_in is not None:
                self._add(desk.now + timedelta(seconds=work.due_in), delivery, None)

    def _gather(self, desk: Desk) -> None:
        """In this past a lead is alone on its way, so its batch holds nobody else."""
        joining, desk.gathering.joining = desk.gathering.joining, []
        for each in joining:
            run, delivery = each.run, each.delivery
            plan = self.plans.recipients[delivery.recipient_id]
            delivery.batch = ids.new_id("bat")
            dispatching.begin_together(run, delivery, plan, Admit(each.endpoint), desk)
            sending = sendings.sending(run, delivery, each.endpoint, desk, lease="", work_id=0)
            made = deliver_batch(
                Batch(
                    id=delivery.batch,
                    plan=sending.plan,
                    endpoint=each.endpoint,
                    members=(Member(delivery.id, sending.plan, sending.context),),
                    attempt=sending.attempt,
                    tries=sending.tries,
                    context=sending.context,
                    test=sending.test,
                ),
                door=self.door.about(plan.id, at=desk.now, attempt=sending.tries),
            )
            attempt = _timed(made.attempts[0], self.door, desk.now)
            ended = desk.now + timedelta(seconds=attempt.seconds, milliseconds=2)
            self._add(ended, delivery, attempt)
            delivery.batch = ""  # a try of its own again, should there be another

    def _ask(self, desk: Desk) -> None:
        """Put the questions that there are; they come back with the slowest answer."""
        asks, desk.asks = desk.asks, []
        for _, inquiry in asks:
            answers: list[Attempt | None] = []
            longest = 0.0
            for question in inquiry.questions:
                door = self.door.about(question.plan.id, at=desk.now, attempt=1)
                answer = askers.put(
                    question,
                    ends=time.monotonic() + inquiry.seconds,
                    test=inquiry.test,
                    door=door,
                    keyring=self.keyring,
                )
                longest = max(longest, min(door.seconds, inquiry.seconds))
                late = answer is None or door.seconds >= inquiry.seconds
                answers.append(None if answer is None or late else _timed(answer, door, desk.now))
            at = desk.now + timedelta(seconds=longest, milliseconds=2)
            heapq.heappush(self.agenda, (at, next(self._numbers), inquiry, answers))

    def _add(self, at: datetime, delivery: DeliveryState, attempt: Attempt | None) -> None:
        heapq.heappush(self.agenda, (at, next(self._numbers), delivery, attempt))


def _timed(attempt: Attempt, door: PastDoor, at: datetime) -> Attempt:
    """As long as it would have taken then."""
    seconds = door.seconds if attempt.request else 0.0
    return dataclasses.replace(attempt, seconds=seconds, started=at)
