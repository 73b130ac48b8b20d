"""A rule that is not saved yet, tried on recent leads. Nothing is written."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet

from events import directory
from events.masking import personal_names
from events.models import Lead
from events.snapshots import Snapshots
from events.visibility import Sight
from flows import plans
from flows.models import FlowField
from flows.steps.ruleviews import judged
from leadops.lib.conditions import Failure, Rule

MOST: Final = 500  # leads
CHUNK: Final = 100  # leads read at once
SECONDS: Final = 2.0
"""Of a whole trial; it then says how far it came."""
EXAMPLES: Final = 10
ARRIVED: Final = 2
"""The version of a lead's snapshot that it came through the door with: 1 is what was posted."""
A_DAY: Final = timedelta(days=1)
# Whether a value is there and valid is in the record, whatever the value.
TOLD: Final = frozenset({"valid", "invalid", "blank", "not_blank"})


class Judges(StrEnum):
    """Which leads a rule judges: those accepted, as they are now; or all, as they came."""

    ACCEPTED = "accepted"
    ARRIVING = "arriving"


@dataclass(frozen=True, slots=True)
class Whose:
    """The leads to try: of these flows, of one source if it is named."""

    flows: Sequence[str]
    judges: Judges = Judges.ACCEPTED
    source: str = ""

    def leads(self, sight: Sight, flow: str) -> QuerySet[Lead]:
        found = sight.leads().filter(flow_id=flow)
        if self.source:
            found = found.filter(source_id=self.source)
        if self.judges is Judges.ACCEPTED:
            found = found.exclude(status=Lead.Status.REJECTED)
        return found.order_by("-created_at", "-id")


@dataclass(frozen=True, slots=True)
class Example:
    """A lead that would not pass, and why: the words are for this reader alone."""

    lead_id: str
    at: datetime
    why: str


@dataclass(slots=True)
class Trial:
    """What came of it. `held`: for how many leads each single rule holds by itself, by its path;
    `decided`: how many the rule or group at a path stopped; `erased` leads could not be tried;
    `stopped`: the time was over."""

    looked: int = 0
    passed: int = 0
    erased: int = 0
    stopped: bool = False
    held: Counter[str] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)


def tried(rule: Rule, whose: Whose, sight: Sight) -> Trial:
    """The rule on the newest leads that the reader sees, within the time."""
    trying = _Trying(rule, whose, sight)
    try:
        with transaction.atomic():
            trying.through()
    except OperationalError:  # the database was told to give up in time
        trying.trial.stopped = True
    return trying.trial


def recent_values(flows: Sequence[str], sight: Sight, count: int) -> list[Mapping[str, Any]]:
    """What the newest leads that the reader sees held, those of all flows together."""
    leads: list[Lead] = []
    for flow in flows:
        leads += sight.leads().filter(flow_id=flow).order_by("-created_at", "-id")[:count]
    wanted = [(lead.id, lead.snapshot) for lead in leads]
    return list(Snapshots.read(wanted, datetime.now(UTC) + A_DAY).bodies.values()) if wanted else []


def unseen(rule: Rule, flows: Sequence[str]) -> list[str]:
    """Fields whose values are in no snapshot, so that no trial can judge them."""
    secret = FlowField.objects.filter(flow__in=flows, privacy=FlowField.Privacy.SENSITIVE)
    names = set(secret.values_list("name", flat=True))
    read = [leaf.name for leaf in rule.leaves if leaf.word not in TOLD]
    return sorted({name for name in read if name.partition(".")[0] in names})


class _Trying:
    """One trial: what it tries on whose leads, by when, and what has come of it."""

    def __init__(self, rule: Rule, whose: Whose, sight: Sight) -> None:
        self.rule, self.whose, self.sight = rule, whose, sight
        self.sources = plans.current().sources
        self.privacy: dict[str, Mapping[str, str]] = {}
        self.trial = Trial(held=Counter({leaf.path: 0 for leaf in rule.leaves}))
        self.end = time.monotonic() + SECONDS

    def through(self) -> None:
        before: tuple[datetime, str] | None = None
        left = MOST
        with connection.cursor() as cursor:
            while left > 0 and not self._is_over(cursor):
                leads = self._newest(min(CHUNK, left), before)
                if not leads:
                    break
                self._all(leads)
                left -= len(leads)
                before = (leads[-1].created_at, leads[-1].id)
            cursor.execute("SET LOCAL statement_timeout TO DEFAULT")

    def _is_over(self, cursor: Any) -> bool:
        """Whether the time is; else the database gets what is left of it."""
        rest = self.end - time.monotonic()
        self.trial.stopped = self.trial.stopped or rest <= 0
        if not self.trial.stopped:
            cursor.execute(f"SET LOCAL statement_timeout = {max(int(rest * 1000), 1)}")
        return self.trial.stopped

    def _newest(self, count: int, before: tuple[datetime, str] | None) -> list[Lead]:
        found: list[Lead] = []
        for flow in self.whose.flows:  # one walk along the index each
            leads = self.whose.leads(self.sight, flow)
            if before is not None:
                moment, last = before
                leads = leads.filter(created_at__lte=moment)
                leads = leads.exclude(created_at=moment, id__gte=last)
            found += leads[:count]
        return sorted(found, key=lambda lead: (lead.created_at, lead.id), reverse=True)[:count]

    def _all(self, leads: Sequence[Lead]) -> None:
        arriving = self.whose.judges is Judges.ARRIVING
        wanted = {
            lead.id: min(lead.snapshot, ARRIVED) if arriving else lead.snapshot for lead in leads
        }
        bodies = Snapshots.read(wanted.items(), datetime.now(UTC) + A_DAY).bodies
        for lead in leads:
            if time.monotonic() > self.end:
                self.trial.stopped = True
                return
            body = bodies.get((lead.id, wanted[lead.id]))
            if body is None:
                self.trial.erased += 1
            else:
                self._one(lead, body)

    def _one(self, lead: Lead, body: Mapping[str, Any]) -> None:
        values, trial = judged(body, self.sources.get(lead.source_id)), self.trial
        verdict = self.rule.evaluate(values)
        trial.looked += 1
        trial.passed += verdict.passed
        trial.held.update(each.path for each in self.rule.explain(values) if each.held)
        if verdict.failed is None:
            return
        trial.decided[verdict.failed.path] += 1
        if len(trial.examples) < EXAMPLES:
            why = self._shown(verdict.failed, lead, body).text
            trial.examples.append(Example(lead.id, lead.created_at, why))

    def _shown(self, failed: Failure, lead: Lead, body: Mapping[str, Any]) -> Failure:
        """As the reader may see it."""
        if self.sight.sees_personal:
            return failed
        if lead.flow_id not in self.privacy:
            self.privacy[lead.flow_id] = directory.privacy(lead.flow_id)
        return failed.masked(personal_names(body, self.privacy[lead.flow_id]))
