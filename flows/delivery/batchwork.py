"""A batch on its way: begun by a turn, sent by a sender's thread, taken in by another turn."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from events import shapes
from events.journal import Journal
from events.vocabulary import EventType
from flows.delivery import sharedreplies
from flows.plan import FlowPlan
from flows.turns.desk import Sending
from leadops.lib.bulk import dumps
from leadops.lib.http import Door
from recipients.auth import Keyring
from recipients.batches import Batch, Member, deliver_batch
from recipients.deliver import Attempt
from recipients.outcomes import Outcome, Result
from recipients.plan import EndpointPlan, RecipientPlan

# Of those that the turn before has left as they were: whoever was faster, or a newer attempt.
CLOSE = """
    UPDATE flows_batch b SET
        outcomes = %s,
        state = CASE WHEN open THEN 'waiting' ELSE 'done' END,
        done_at = CASE WHEN open THEN NULL ELSE clock_timestamp() END
    FROM (SELECT EXISTS (
        SELECT FROM events_delivery d WHERE d.batch = %s AND d.state IN ('waiting', 'sending')
    ) AS open) o
    WHERE b.id = %s AND b.tries = %s AND b.state <> 'done'
"""
ANSWERED = """
    UPDATE flows_batch SET state = 'answered', outcomes = %s
    WHERE id = %s AND tries = %s AND state = 'sending'
"""


@dataclass(frozen=True, slots=True)
class BatchSending:
    """An attempt of a batch that has been recorded and is now to be made. `attempt` counts the
    batch's attempts, `tries` those at this endpoint."""

    id: str
    plan: RecipientPlan
    endpoint: EndpointPlan
    sendings: tuple[Sending, ...]
    attempt: int
    tries: int
    lane: str
    context: Mapping[str, Any]
    test: bool = False
    flows: Mapping[str, FlowPlan] = field(default_factory=dict)  # by lead


@dataclass(frozen=True, slots=True)
class BatchEnded:
    """What it came to, delivery by delivery. `whole` is the request's own result; None where
    there was nothing that could be sent."""

    sending: BatchSending
    results: tuple[tuple[Sending, Attempt], ...]
    whole: Attempt | None
    name: str = ""

    @property
    def lane(self) -> str:
        return self.sending.lane

    @property
    def about(self) -> str:
        """The lead that it is told with, should its results have to be taken in apart."""
        return self.sending.sendings[0].lead_id


def make(sending: BatchSending, *, door: Door, keyring: Keyring) -> BatchEnded:
    """Send a batch once. Its rows know the batch, and the moment of its first attempt."""
    of_all = {name: sending.context[name] for name in ("now", "batch")}
    batch = Batch(
        id=sending.id,
        plan=sending.plan,
        endpoint=sending.endpoint,
        members=tuple(
            Member(s.delivery_id, s.plan, {**s.context, **of_all}) for s in sending.sendings
        ),
        attempt=sending.attempt,
        tries=sending.tries,
        context=sending.context,
        test=sending.test,
        hide=sharedreplies.hiding(
            [
                (s.context["lead"], sending.flows[s.lead_id])
                for s in sending.sendings
                if s.lead_id in sending.flows
            ]
        ),
    )
    made = deliver_batch(batch, door=door, keyring=keyring)
    results = [
        # What had no room was never sent: it is free to go with others.
        (dataclasses.replace(each, batch="") if each.delivery_id in made.left else each, attempt)
        for each, attempt in zip(sending.sendings, made.attempts, strict=True)
    ]
    return BatchEnded(sending, _judged(results), made.whole, made.name)


def unsent(sending: BatchSending, attempt: Attempt) -> BatchEnded:
    """A batch of which nothing was sent, for a reason that is nobody's fault."""
    return BatchEnded(sending, tuple((each, attempt) for each in sending.sendings), None)


def _judged(
    results: Sequence[tuple[Sending, Attempt]],
) -> tuple[tuple[Sending, Attempt], ...]:
    """One of them speaks for the endpoint: an answer where there is any, for one request is one
    sign of how the endpoint is."""
    sent = [n for n, (_, attempt) in enumerate(results) if attempt.request is not None]
    answered = [n for n in sent if results[n][1].result.outcome.is_answer]
    judge = next(iter(answered or sent), 0)
    return tuple(
        (dataclasses.replace(sending, judges=place == judge), attempt)
        for place, (sending, attempt) in enumerate(results)
    )


def record(ended: BatchEnded, journal: Journal) -> None:
    """Note that a batch was sent, and what its leads came to."""
    sending, whole = ended.sending, ended.whole
    plan = sending.plan
    sent = whole is not None and whole.request is not None
    journal.operation(
        EventType.BATCH_SENT,
        entity_id=plan.id,
        reason=whole.result.reason if whole else "Nothing could be sent",
        recipient=shapes.recipient(plan),
        batch={
            "id": sending.id,
            "count": sum(a.request is not None for _, a in ended.results) if sent else 0,
            "format": str(plan.batch.format) if plan.batch else "",
            "file": ended.name,
            "attempt_number": sending.attempt,
        },
        deliveries=[each.delivery_id for each, _ in ended.results],
        outcomes=_outcomes(ended),
        response={"status_code": whole.reply.status} if whole and whole.reply else {},
        duration=round(whole.seconds * 1000) if whole else 0,
        metadata=shapes.metadata(
            plan, plan.name_of(sending.endpoint), used=sending.endpoint, batch_id=sending.id
        ),
    )


def close(ended: Sequence[BatchEnded], cursor: Any) -> None:
    """After the deliveries are saved: the batch is done, or some of it is to be sent again."""
    for each in ended:
        id, attempt = each.sending.id, each.sending.attempt
        cursor.execute(CLOSE, [dumps(_outcomes(each)), id, id, attempt])


def answered(ended: BatchEnded, cursor: Any) -> None:
    """All answers are stored, and count: unless the batch has gone again meanwhile."""
    sending = ended.sending
    cursor.execute(ANSWERED, [dumps(_outcomes(ended)), sending.id, sending.attempt])


def _outcomes(ended: BatchEnded) -> dict[str, int]:
    return dict(Counter(str(attempt.result.outcome) for _, attempt in ended.results))


def too_late() -> Attempt:
    """This process was stopped so long that its lease may be gone; nothing is sent."""
    result = Result(
        Outcome.UNAVAILABLE, reason="Not sent", details="The worker was stopped past its lease"
    )
    return Attempt(result=result, request=None, reply=None, seconds=0.0)
