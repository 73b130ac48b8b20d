"""An import before it starts: what the checks at the door would say of its first rows. Writes
nothing, asks nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from flows import fields
from flows.arrival import preparing
from flows.arrival.preparing import MASK, Prepared, Submission
from flows.importing import cells, pieces
from flows.importing.reading import Row
from flows.importing.working import grouped
from flows.models import DuplicateClaim, LeadImport
from flows.plan import FieldPlan, FlowPlan, SourcePlan
from flows.turns.facts import repeats

SAMPLE = 200  # rows that are judged
SHOWN = 20  # of them, with their values


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as it came. `valid` is None where no field reads it; `reason`: why it is not."""

    text: str
    valid: bool | None = None
    reason: str = ""
    normal: str = ""


@dataclass(slots=True)
class Line:
    """A row and what would come of it; `reasons` are as a source would be told."""

    number: int
    line: int
    cells: list[Cell]
    outcome: str
    reasons: tuple[str, ...] = ()


@dataclass(slots=True)
class Preview:
    """`repeats` counts rows of the sample that repeat another of it, or a lead taken before.

    `average` is what an accepted row of the sample costs, `most` what any row may cost; `asked`
    says that a pricing service names the price.
    """

    lines: list[Line] = field(default_factory=list)
    sampled: int = 0
    accepted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    repeats: int = 0
    average: Decimal = Decimal(0)
    most: Decimal = Decimal(0)
    asked: bool = False
    total: int = 0

    @property
    def ranked(self) -> list[tuple[str, int]]:
        """The reasons, the commonest first."""
        return self.reasons.most_common()

    @property
    def most_in_all(self) -> Decimal:
        return self.most * self.total

    @property
    def likely(self) -> Decimal:
        """What it all costs if the rest is as the sample is."""
        share = Decimal(self.accepted) / self.sampled if self.sampled else Decimal(0)
        return (self.average * share * self.total).quantize(Decimal("0.01"))


@dataclass(frozen=True, slots=True)
class _Judged:
    number: int
    row: Row
    prepared: Prepared | None


def preview(job: LeadImport, flow: FlowPlan, source: SourcePlan, *, at: datetime) -> Preview:
    """What would come of the first rows, with the columns as they are mapped now."""
    judged = [
        _Judged(number, row, _prepared(job, flow, source, row, at))
        for number, row in pieces.read(job, most=SAMPLE)
    ]
    found = Preview(sampled=len(judged), total=job.total)
    found.repeats = _mark_repeats(flow, judged, at)
    names, types = cells.names_of(job), cells.types_of(flow.id)
    plans = {plan.name: plan for plan in flow.fields}
    spent = Decimal(0)
    for each in judged:
        line = _line(each)
        found.accepted += line.outcome == "accepted"
        if line.outcome != "accepted":
            found.reasons[_reason(each)] += 1
        elif each.prepared is not None:
            spent += each.prepared.price
        if len(found.lines) < SHOWN:
            line.cells = _cells(cells.without_cards(each.row, names, types), job.targets, plans)
            found.lines.append(line)
    _price(found, spent, flow, source, test=job.test)
    return found


def _prepared(
    job: LeadImport, flow: FlowPlan, source: SourcePlan, row: Row, at: datetime
) -> Prepared | None:
    if row.problem:
        return None
    submission = Submission(cells.values(row.cells, job.targets), test=job.test)
    prepared = preparing.prepare(flow, source, submission, at=at)
    if prepared.accepted and flow.suppress:
        preparing.look_up_suppression(prepared)
    return prepared


def _mark_repeats(flow: FlowPlan, judged: Sequence[_Judged], at: datetime) -> int:
    """Reject those whose values another row above has, or an earlier lead."""
    open_ones = [p for p in (each.prepared for each in judged) if p is not None and p.accepted]
    wanted = [claim.digest for prepared in open_ones for claim in prepared.claims]
    rows = DuplicateClaim.objects.filter(flow_id=flow.id, digest__in=wanted) if wanted else []
    earlier = {bytes(row.digest): row.at for row in rows}
    seen: set[bytes] = set()
    count = 0
    for prepared in open_ones:
        before = [
            earlier[claim.digest]
            for claim in prepared.claims
            if claim.digest in earlier
            and earlier[claim.digest] >= at - timedelta(seconds=claim.within)
        ]
        digests = {claim.digest for claim in prepared.claims}
        if before:
            prepared.reject(repeats(max(before)))
        elif digests & seen:
            prepared.reject("Duplicate: of a row above")
        else:
            seen |= digests
            continue
        count += 1
    return count


def _line(each: _Judged) -> Line:
    if each.prepared is None:
        return Line(each.number, each.row.line, [], "failed", (each.row.problem,))
    outcome = "accepted" if each.prepared.accepted else "rejected"
    told = tuple(reason.told for reason in each.prepared.reasons)
    return Line(each.number, each.row.line, [], outcome, told)


def _reason(each: _Judged) -> str:
    return grouped(each.prepared.reasons[0].kept if each.prepared else each.row.problem)


def _cells(row: Row, targets: Sequence[str], plans: dict[str, FieldPlan]) -> list[Cell]:
    if row.problem:
        return [Cell(" ".join(row.cells)[:200])]
    return [_cell(text, plans.get(target)) for text, target in zip(row.cells, targets, strict=True)]


def _cell(text: str, plan: FieldPlan | None) -> Cell:
    given = cells.values([text], ["value"]).get("value", "")
    if plan is None or not given:
        return Cell(text[:200])
    value = fields.parse(plan.type, given)
    if plan.privacy == "sensitive":
        return Cell(MASK, value.valid, value.reason)
    normal = str(value.normal) if value.valid and str(value.normal) != given else ""
    return Cell(text[:200], value.valid, value.reason, normal[:200])


def _price(
    found: Preview, spent: Decimal, flow: FlowPlan, source: SourcePlan, *, test: bool
) -> None:
    terms = flow.terms[source.id]
    if test:
        return
    found.average = spent / found.accepted if found.accepted else Decimal(0)
    found.most = terms.prices.most
    found.asked = terms.service is not None
