"""What a turn looks up about its leads before it admits them anywhere, and what it claims.

Only for recipients that have suppression lists or look for duplicates: one statement for each of
the two, whatever the number of leads. A turn claims a lead's values for a recipient in the
transaction that records the attempt; of two turns that claim the same the second finds it taken
when it writes, and is taken anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from flows.arrival import consent, guards
from flows.delivery.breakers import Contended
from flows.plan import DeliverStep, FlowPlan, Plans
from flows.suppression import entries
from flows.turns.facts import NONE, Facts
from flows.turns.runs import Run
from flows.turns.states import DeliveryState
from leadops.lib import wire
from leadops.lib.bulk import dumps
from recipients.plan import RecipientPlan

# A claim stands while its delivery is under way or in doubt, and when it brought the lead. That of
# a delivery that cannot be seen stands: it was written a moment ago, or long since cleared away.
STANDS = """
    NOT EXISTS (
        SELECT FROM events_delivery y WHERE y.id = {claim}.delivery_id
        AND y.state IN ('declined', 'failed', 'skipped')
        AND NOT y.in_doubt AND NOT y.sold AND y.outcome <> 'duplicate'
    )
"""
TAKEN = f"""
    SELECT r.recipient_id, r.digest, c.lead_id, c.at
    FROM json_to_recordset(%s::json) AS r(recipient_id text, digest text, within float)
    JOIN flows_recipientclaim c
        ON c.recipient_id = r.recipient_id AND c.digest = decode(r.digest, 'hex')
    WHERE c.at >= %s - interval '1 second' * r.within AND {STANDS.format(claim="c")}
"""  # noqa: S608
# `at` is when the recipient first got the lead that holds the claim: later attempts leave it.
CLAIM = f"""
    INSERT INTO flows_recipientclaim AS c (recipient_id, digest, lead_id, delivery_id, at)
    SELECT r.recipient_id, decode(r.digest, 'hex'), r.lead_id, r.delivery_id, r.at
    FROM json_to_recordset(%(claims)s::json) AS r(
        recipient_id text, digest text, lead_id text, delivery_id text, at timestamptz
    ) ORDER BY r.recipient_id, r.digest
    ON CONFLICT (recipient_id, digest) DO UPDATE
        SET lead_id = excluded.lead_id, delivery_id = excluded.delivery_id, at = excluded.at
    WHERE c.lead_id <> excluded.lead_id AND NOT (
        c.at >= excluded.at - interval '1 second' * (
            %(windows)s::json ->> c.recipient_id
        )::float AND {STANDS.format(claim="c")}
    ) OR c.lead_id = excluded.lead_id AND NOT {STANDS.format(claim="c")}
"""  # noqa: S608
HELD = """
    SELECT count(*) FROM json_to_recordset(%s::json)
        AS r(recipient_id text, digest text, lead_id text, must boolean)
    JOIN flows_recipientclaim c
        ON c.recipient_id = r.recipient_id AND c.digest = decode(r.digest, 'hex')
    WHERE r.must AND c.lead_id <> r.lead_id
"""


class Value(NamedTuple):
    """A set of values as a recipient would get it."""

    recipient_id: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """What an attempt that begins now claims. `must`: it was admitted because it is free."""

    value: Value
    lead_id: str
    delivery_id: str
    at: datetime
    within: float
    must: bool

    def row(self) -> dict[str, Any]:
        return {
            "recipient_id": self.value.recipient_id,
            "digest": self.value.digest,
            "lead_id": self.lead_id,
            "delivery_id": self.delivery_id,
            "at": self.at,
            "must": self.must,
        }


@dataclass(slots=True)
class Lookup:
    """The facts of a turn's leads, and the claims that it makes."""

    suppressed: Mapping[tuple[str, str], str] = field(default_factory=dict)
    values: Mapping[tuple[str, str], Sequence[Value]] = field(default_factory=dict)
    taken: Mapping[Value, tuple[str, datetime]] = field(default_factory=dict)
    claims: dict[Value, Claim] = field(default_factory=dict)

    def of(self, run: Run, plan: RecipientPlan) -> Facts:
        """By the lead's values as the turn found them."""
        asks = plan.consent_required or plan.consent_max_age is not None
        if not asks and not plan.looks_up:
            return NONE
        key = run.lead.id, plan.id
        return Facts(
            consent=_consent(run) if asks else None,
            suppressed_by=self.suppressed.get(key, ""),
            duplicate_of=self._duplicate(run.lead.id, self.values.get(key, ())),
        )

    def _duplicate(self, lead_id: str, values: Sequence[Value]) -> datetime | None:
        """When the recipient got another lead with one of the values; None: never."""
        moments = []
        for value in values:
            if claim := self.claims.get(value):
                holder, at = claim.lead_id, claim.at
            elif value in self.taken:
                holder, at = self.taken[value]
            else:
                continue
            if holder != lead_id:
                moments.append(at)
        return max(moments, default=None)

    def claim(self, run: Run, delivery: DeliveryState, plan: RecipientPlan, at: datetime) -> None:
        """An attempt begins: its recipient gets these values now."""
        for value in self.values.get((run.lead.id, plan.id), ()):
            if value in self.claims:
                continue  # a lead that is sent again by hand leaves it to the one that has it
            self.claims[value] = Claim(
                value=value,
                lead_id=run.lead.id,
                delivery_id=delivery.id,
                at=at,
                within=plan.duplicates_within,
                must=delivery.attempts <= 1,
            )

    def forget(self, lead_id: str) -> None:
        """The lead makes trouble: nothing of it begins in this turn."""
        self.claims = {v: claim for v, claim in self.claims.items() if claim.lead_id != lead_id}

    def write(self) -> None:
        """Store the claims; raises Contended where another turn was faster."""
        if not self.claims:
            return
        rows = [claim.row() for claim in self.claims.values()]
        windows = {claim.value.recipient_id: claim.within for claim in self.claims.values()}
        with wire.cursor() as cursor:
            cursor.execute(CLAIM, {"claims": dumps(rows), "windows": dumps(windows)})
            if cursor.rowcount < len(rows):
                cursor.execute(HELD, [dumps(rows)])
                found = cursor.fetchone()
                if found and found[0]:
                    raise Contended("Another lead with the same values is on its way")


def look_up(runs: Iterable[Run], plans: Plans, *, at: datetime) -> Lookup:
    """Everything that recipients of these leads may ask; nothing where none asks anything."""
    found = Lookup()
    if not plans.choosy:
        return found
    pairs = [(run, plan) for run in runs for plan in _choosy(run, plans)]
    if pairs:
        found.suppressed = _suppressed(pairs)
        found.values = _values(pairs)
        found.taken = _taken(found.values, plans, at)
    return found


def _choosy(run: Run, plans: Plans) -> Iterator[RecipientPlan]:
    """The recipients that look something up, among those that the lead may yet go to."""
    if run.lead.status != "working" and not any(d.state == "waiting" for d in run.deliveries):
        return
    ids = {d.recipient_id for d in run.deliveries if d.state == "waiting"}
    ids.update(_candidates(run.flow, run.lead.step))
    for id in sorted(ids & plans.choosy.keys()):
        yield plans.choosy[id]


def _candidates(flow: FlowPlan, place: int) -> Iterator[str]:
    for step in flow.steps[place:]:
        if isinstance(step, DeliverStep):
            yield from (candidate.recipient for candidate in step.candidates)
            if step.remediation:
                yield step.remediation.recipient


Pairs = Sequence[tuple[Run, RecipientPlan]]


def _suppressed(pairs: Pairs) -> dict[tuple[str, str], str]:
    """The list that keeps a lead from a recipient, by the ids of both."""
    lists = {each.id: each for _, plan in pairs for each in plan.suppress}
    if not lists:
        return {}
    runs = {run.lead.id: run for run, plan in pairs if plan.suppress}
    wanted = {id: entries.wanted(lists.values(), run.lead.known) for id, run in runs.items()}
    there = entries.on_lists([(each.id, d) for found in wanted.values() for each, d in found])
    on = {id: {p.id for p, d in found if (p.id, d) in there} for id, found in wanted.items()}
    return {
        (run.lead.id, plan.id): slug
        for run, plan in pairs
        if (slug := next((p.slug for p in plan.suppress if p.id in on[run.lead.id]), ""))
    }


def _values(pairs: Pairs) -> dict[tuple[str, str], Sequence[Value]]:
    return {
        (run.lead.id, plan.id): [
            Value(plan.id, digest)
            for digest in guards.digests_of(
                plan.duplicates, run.lead.known, of="recipient's duplicate", test=run.lead.test
            )
        ]
        for run, plan in pairs
        if plan.duplicates
    }


def _taken(
    values: Mapping[tuple[str, str], Sequence[Value]], plans: Plans, at: datetime
) -> dict[Value, tuple[str, datetime]]:
    """Which of these values a recipient has, from which lead and since when."""
    every = {value for found in values.values() for value in found}
    if not every:
        return {}
    rows = [
        {**value._asdict(), "within": plans.choosy[value.recipient_id].duplicates_within}
        for value in every
    ]
    with wire.cursor() as cursor:
        cursor.execute(TAKEN, [dumps(rows), at])
        return {
            Value(recipient_id, bytes.fromhex(digest)): (lead_id, moment)
            for recipient_id, digest, lead_id, moment in cursor.fetchall()
        }


def _consent(run: Run) -> consent.Evidence | None:
    terms = run.flow.consent
    if terms is None:
        return None
    return consent.evidence(terms, run.lead.known, arrived=run.lead.created_at)
