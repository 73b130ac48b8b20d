"""A month of past traffic: real intake, engine, journal and feedback, with a moved clock.

Leads are marked as demo data. Days are made one by one, the newest first, and a day that has leads
is left alone: so it can be stopped and started again, and fills gaps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import TypeVar

from django.db import connection, transaction

from events import partitions, rollups
from events.feedback.process import take
from events.feedback.reading import Statement
from events.journal import Journal
from events.models import Lead
from flows import plans
from flows.arrival import preparing, storing
from flows.arrival.preparing import Prepared, Submission
from flows.plan import FlowPlan, Plans
from flows.turns import rows, worktable
from flows.turns.facts import repeats
from flows.turns.runs import Run
from leadops.demo.calendar import Arrival, arrivals
from leadops.demo.market import PastDoor, bad_days
from leadops.demo.past import PastDesk
from leadops.demo.people import person
from leadops.lib import ids
from leadops.lib.bulk import Table
from recipients.models import Recipient

DAYS = 30
LEADS_A_DAY = 450
CHUNK = 150  # leads written at a time
TESTS = 0.008
MARGIN = timedelta(minutes=2)  # the newest past lead is over before the stream begins

CLAIM = Table(
    "flows_duplicateclaim",
    {"flow_id": "text", "digest": "bytea", "lead_id": "text", "at": "timestamptz"},
)
# What buyers say of a sale: kind, share of sales, after how many days, words.
NEWS: tuple[tuple[str, float, tuple[float, float], tuple[str, ...]], ...] = (
    ("contacted", 0.25, (0.02, 2), ("reached", "left a message", "no answer")),
    ("conversion", 0.09, (0.5, 12), ("sold", "policy bound", "application")),
    ("return", 0.035, (0.3, 5), ("Wrong number", "Never asked for a quote", "Out of area")),
    ("quality", 0.06, (0.5, 4), ("9", "8", "7", "4")),
)
NEWS_HOURS = 6  # partners post in batches

Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sale:
    """What feedback can be given on."""

    lead_id: str
    recipient_id: str
    at: datetime


@dataclass(slots=True)
class Past:
    """The making of it. `now` is where the past ends."""

    plans: Plans
    flows: list[FlowPlan]
    door: PastDoor
    rng: Random
    now: datetime
    volume: int


def make(say: Say, *, days: int = DAYS, volume: int = LEADS_A_DAY) -> int:
    """Make what is missing of the last `days` days; give the number of leads made."""
    now = datetime.now(UTC)
    partitions.ensure(first=(now - timedelta(days=days)).date())
    past = _past(now, volume)
    if not past.flows:
        say("No flow takes leads: no past traffic is made.")
        return 0
    made = 0
    for back in range(days + 1):
        day = now.date() - timedelta(days=back)
        made += _day(past, day)
        if made and back % 5 == 0:
            say(f"Past traffic: {made:,} leads, back to {day}")
    while rollups.fold():
        pass
    return made


def _past(now: datetime, volume: int) -> Past:
    current = plans.current()
    rng = Random(f"{now}")  # noqa: S311  no secret
    flows = sorted(
        (flow for flow in current.flows.values() if flow.active and flow.terms),
        key=lambda flow: flow.slug,
    )
    door = PastDoor(bad_days(_busiest(flows), now), rng)
    return Past(current, flows, door, rng, now, volume)


def _busiest(flows: Sequence[FlowPlan]) -> list[str]:
    """Recipients in the order in which flows turn to them."""
    found: dict[str, None] = {}
    for flow in flows:
        for step in flow.steps:
            for candidate in getattr(step, "candidates", ()):
                found.setdefault(candidate.recipient)
    return list(found)


def _day(past: Past, day: date) -> int:
    start = datetime.combine(day, time(), UTC)
    if Lead.objects.filter(created_at__range=(start, start + timedelta(days=1))).exists():
        return 0
    due = [each for each in arrivals(day, past.volume) if each.at < past.now - MARGIN]
    sales: list[Sale] = []
    with transaction.atomic():  # a day is made whole or not at all
        for chunk in _chunks(due, CHUNK):
            sales += _write(past, chunk)
        _news(past, sales)
    return len(due)


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _write(past: Past, chunk: Iterable[Arrival]) -> list[Sale]:
    """Take some leads through their lives in memory, and write them together."""
    lives = [_live(past, arrival) for arrival in chunk]
    whole = Journal(past.now)
    for _, run in lives:
        whole.extend(run.journal)
    keys = [key for prepared, _ in lives for key in prepared.keys]
    claims = [claim for prepared, _ in lives for claim in _claims(prepared)]
    all_runs = [run for _, run in lives]
    with connection.cursor() as cursor:
        storing.LEAD.insert(cursor, [storing.row(prepared) for prepared, _ in lives])
        storing.LEAD_KEY.insert(cursor, keys)
        CLAIM.insert(cursor, claims, suffix="ON CONFLICT DO NOTHING")
        whole.write(cursor)
        rows.save_deliveries(cursor, all_runs)
        # Deliveries that wait for somebody to resume their recipient.
        worktable.changes(all_runs, lease="", lease_seconds=0.0).write(cursor, cursor)
    return [sale for run in all_runs for sale in _sales(run)]


def _live(past: Past, arrival: Arrival) -> tuple[Prepared, Run]:
    """One lead from the door to the end of its flow."""
    rng = Random(f"lead {arrival.person}")  # noqa: S311  no secret
    flow = rng.choice(past.flows)
    source = past.plans.sources[rng.choice(sorted(flow.terms))]
    wanted = [(field.name, field.type) for field in flow.fields]
    values = person(arrival.person, wanted, today=arrival.at.date())
    test = past.rng.random() < TESTS
    submission = Submission(values, test=test, demo=True)
    prepared = preparing.prepare(flow, source, submission, at=arrival.at)
    if arrival.repeats and prepared.accepted and prepared.claims:
        prepared.reject(repeats(arrival.repeats))
    run = Run(lead=prepared.lead, flow=flow, journal=Journal(arrival.at))
    with ids.moved_clock(lambda: run.journal.at):
        storing.record(prepared, run.journal)
        if prepared.accepted:
            PastDesk(past.plans, past.door, past.rng).work_through(run, prepared)
    return prepared, run


def _claims(prepared: Prepared) -> Iterator[dict[str, object]]:
    if prepared.accepted:
        lead = prepared.lead
        for claim in prepared.claims:
            yield {
                "flow_id": lead.flow_id,
                "digest": claim.digest,
                "lead_id": lead.id,
                "at": lead.created_at,
            }


def _sales(run: Run) -> Iterator[Sale]:
    for delivery in run.deliveries:
        if delivery.state == "accepted" and delivery.finished_at and not run.lead.test:
            yield Sale(run.lead.id, delivery.recipient_id, delivery.finished_at)


def _news(past: Past, sales: Iterable[Sale]) -> None:
    """What buyers said of these sales up to now, posted some hours together."""
    posts: dict[tuple[datetime, str], list[Statement]] = defaultdict(list)
    buyers = {id for id, plan in past.plans.recipients.items() if plan.type == "buyer"}
    for sale in (each for each in sales if each.recipient_id in buyers):
        for at, statement in _said(past.rng, sale):
            slot = at.replace(hour=at.hour // NEWS_HOURS * NEWS_HOURS, minute=0, second=0)
            posted = slot.replace(microsecond=0) + timedelta(hours=NEWS_HOURS)
            if posted < past.now:
                posts[posted, sale.recipient_id].append(statement)
    recipients = Recipient.objects.in_bulk()
    for (at, recipient_id), statements in sorted(posts.items()):
        _post(recipients[recipient_id], statements, at)


def _post(recipient: Recipient, statements: Sequence[Statement], at: datetime) -> None:
    with ids.moved_clock(lambda: at):
        take(recipient, statements, at=at)


def _said(rng: Random, sale: Sale) -> Iterator[tuple[datetime, Statement]]:
    for kind, share, (soonest, latest), words in NEWS:
        if rng.random() >= share:
            continue
        at = sale.at + timedelta(days=rng.uniform(soonest, latest))
        word = rng.choice(words)
        yield (
            at,
            Statement(
                kind=kind,
                by="lead_id",
                target=sale.lead_id,
                value="" if kind == "return" else word,
                reason=word if kind == "return" else "",
                occurred_at=at,
                key=f"demo-{kind}-{sale.lead_id}",
            ),
        )
