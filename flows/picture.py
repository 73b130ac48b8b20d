"""A flow as a picture: its steps from the sources to the end, with what came of its leads on each
way between them. Counts are those of the roll-ups; no event is read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from events import figures
from events.models import Counted
from events.periods import Span
from events.visibility import Sight
from flows.models import Flow, Step, StepRecipient
from flows.patterns import registry
from leadops.lib import conditions, durations
from leadops.lib.conditions import ConditionError

Kind = Counted.Kind
REASONS: Final = 3  # that are named; the others are one number
LEAVES: Final = 3  # rules of a filter that are spelled out
OTHERS: Final = "other reasons"


@dataclass(frozen=True, slots=True)
class Line:
    """A count that stands in a box: `tone` is good, warn, bad or muted; `leads` are the words of
    the list of leads that it is about."""

    words: str
    n: int
    tone: str = "muted"
    reasons: tuple[tuple[str, int], ...] = ()
    leads: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """A source, or a recipient in a step: `facts` is what it is there with."""

    id: str
    slug: str
    name: str
    facts: tuple[str, ...]
    lines: tuple[Line, ...]
    off: bool = False
    remediation: bool = False
    revenue: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A step, or what stands before and behind them: `kind` is sources, door, done, or a step's.

    `onward`: how many leads went on from it to the next; None: that is not counted.
    """

    kind: str
    id: str
    title: str
    facts: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    parts: tuple[Part, ...] = ()
    onward: int | None = None
    hidden: int = 0  # parts that the viewer may not see


@dataclass(frozen=True, slots=True)
class Picture:
    boxes: tuple[Box, ...]
    leads: int
    sees_all: bool

    @property
    def empty(self) -> bool:
        return not self.leads and not any(part.lines for box in self.boxes for part in box.parts)


@dataclass(slots=True)
class _Counts:
    """Cells by what they are about: (kind, id) → outcome → reason → number; and revenues."""

    by: dict[tuple[str, str], dict[str, Counter[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    revenue: dict[str, Decimal] = field(default_factory=dict)

    def n(self, kind: str, id: str, *outcomes: str) -> int:
        found = self.by.get((kind, id), {})
        wanted = outcomes or tuple(found)
        return sum(sum(found[word].values()) for word in wanted if word in found)

    def outcomes(self, kind: str, id: str) -> Mapping[str, Counter[str]]:
        return self.by.get((kind, id), {})


def picture(flow: Flow, span: Span, sight: Sight) -> Picture:
    """The flow as it is configured now, and what was counted in the span. Account managers see
    their recipients alone, and of the others only that they are there."""
    counts = _counted(flow.pk, span, sight.recipients)
    boxes = [*_before(flow, counts)] if sight.sees_all else []
    steps = flow.steps.select_related("remediation").prefetch_related("recipients__recipient")
    boxes += [_box(step, counts, sight) for step in steps]
    if sight.sees_all:
        if boxes[-1].kind == Step.Kind.DELIVER:
            through = counts.n(Kind.RESULT, "", "sold", "unsold")
            boxes[-1] = replace(boxes[-1], onward=through)
        boxes.append(_done(counts))
    return Picture(tuple(boxes), counts.n(Kind.LEAD, ""), sight.sees_all)


def _counted(flow_id: str, span: Span, recipients: Collection[str] | None) -> _Counts:
    scope = figures.Scope(span, recipients=recipients, flow=flow_id, steps=True)
    sets = (("kind", "recipient_id", "outcome", "reason"), ("kind", "source_id", "outcome"))
    by_step, by_source = figures.read(scope, sets)
    found = _Counts()
    for row in by_step:
        key = row.key
        if not row.n:
            continue
        found.by[key["kind"], key["recipient_id"]][key["outcome"]][key["reason"]] += row.n
        if key["kind"] == Kind.DELIVERY:
            id = key["recipient_id"]
            found.revenue[id] = found.revenue.get(id, Decimal(0)) + row.revenue
    for row in by_source:
        if row.key["kind"] == Kind.LEAD and row.n:
            found.by["source", row.key["source_id"]][row.key["outcome"]][""] += row.n
    return found


def _line(
    words: str, found: Mapping[str, Counter[str]], outcome: str, tone: str, **leads: str
) -> Iterator[Line]:
    """One count with its most frequent reasons; nothing where it is 0."""
    reasons = found.get(outcome, Counter())
    n = sum(reasons.values())
    if n:
        yield Line(words, n, tone, _top(reasons), leads)


def _top(reasons: Counter[str]) -> tuple[tuple[str, int], ...]:
    named = Counter({text: n for text, n in reasons.items() if text})
    top = named.most_common(REASONS)
    rest = sum(named.values()) - sum(n for _, n in top)
    return (*top, (OTHERS, rest)) if rest else tuple(top)


# --- before and behind the steps


def _before(flow: Flow, counts: _Counts) -> Iterator[Box]:
    parts = []
    for row in flow.sources.select_related("source"):
        source, off = row.source, not (row.active and row.source.active)
        n = counts.n("source", source.pk)
        lines = (Line("sent", n, "muted", (), {"source": source.slug}),) if n else ()
        parts.append(Part(source.pk, source.slug, source.name, (), lines, off=off))
    sent = counts.n(Kind.LEAD, "")
    yield Box("sources", "", "Sources", parts=tuple(parts), onward=sent)
    found = counts.outcomes(Kind.LEAD, "")
    yield Box(
        "door",
        "",
        "Checks at the door",
        facts=tuple(_checks(flow)),
        lines=(
            *_line("accepted", found, "accepted", "good"),
            *_line("rejected", found, "rejected", "warn", status="rejected"),
        ),
        onward=counts.n(Kind.LEAD, "", "accepted"),
    )


def _checks(flow: Flow) -> Iterator[str]:
    required = [field.name for field in flow.fields.all() if field.required]
    yield f"Required: {', '.join(required)}" if required else "Nothing is required"
    if flow.duplicate_match and flow.duplicate_within:
        yield f"No duplicates within {durations.text(flow.duplicate_within)}"
    lists = [each.name for each in flow.suppress.all()]
    if lists:
        yield f"Not on {', '.join(lists)}"
    if flow.consent_field and flow.consent_required:
        yield f"Consent: {flow.consent_field}"


def _done(counts: _Counts) -> Box:
    found = counts.outcomes(Kind.RESULT, "")
    return Box(
        "done",
        "",
        "Done",
        lines=(
            *_line("sold", found, "sold", "good", result="sold"),
            *_line("unsold", found, "unsold", "warn", result="unsold"),
            *_line("stopped", found, "stopped", "muted", result="stopped"),
        ),
    )


# --- steps


def _box(step: Step, counts: _Counts, sight: Sight) -> Box:
    if step.kind == Step.Kind.FILTER:
        return _filter(step, counts)
    if step.kind == Step.Kind.DELIVER:
        return _deliver(step, counts, sight)
    return _other(step, counts)


def _filter(step: Step, counts: _Counts) -> Box:
    found = counts.outcomes(Kind.FILTER, step.pk)
    goes_on = step.on_fail == Step.OnFail.CONTINUE
    leads = {} if goes_on else {"result": "stopped"}
    failed = "failed, goes on" if goes_on else "failed"
    return Box(
        "filter",
        step.pk,
        step.name,
        facts=(_rules(step.rules),),
        lines=(
            *_line("passed", found, "passed", "good"),
            *_line(failed, found, "failed", "warn", **leads),
        ),
        onward=counts.n(Kind.FILTER, step.pk, "passed", *(["failed"] if goes_on else [])),
    )


def _rules(rules: Any) -> str:
    """The first of its rules in words."""
    try:
        leaves = conditions.parse(rules).leaves
    except (ConditionError, ValueError):
        return "Its rules cannot be read"
    texts = [leaf.text for leaf in leaves[:LEAVES]]
    more = len(leaves) - len(texts)
    return ", ".join(texts) + (f", {more} more" if more else "") or "Everything passes"


TONES: Final = {"success": "good", "failure": "warn", "error": "bad", "skipped": "muted"}
WORDS: Final = {"success": "answered", "failure": "said no", "error": "no answer"}


def _other(step: Step, counts: _Counts) -> Box:
    """An enhancement, or a step of a kind that nothing more is known of."""
    found = counts.outcomes(Kind.ENHANCE, step.pk)
    lines = [
        line
        for word, tone in TONES.items()
        for line in _line(WORDS.get(word, word), found, word, tone)
    ]
    n = counts.n(Kind.ENHANCE, step.pk)
    return Box(step.kind, step.pk, step.name, lines=tuple(lines), onward=n)


def _deliver(step: Step, counts: _Counts, sight: Sight) -> Box:
    pattern = registry.PATTERNS.get(step.pattern)
    rows = list(step.recipients.all())
    parts = [
        _recipient(row.recipient, tuple(_terms(row, step)), counts)
        for row in rows
        if sight.sees_recipient(row.recipient_id)
    ]
    pool = step.remediation
    if pool is not None and sight.sees_recipient(pool.pk):
        parts.append(_recipient(pool, (), counts, remediation=True))
    auction = counts.outcomes(Kind.AUCTION, step.pk)
    return Box(
        "deliver",
        step.pk,
        step.name,
        facts=(
            pattern.label if pattern else step.pattern,
            f"Order: {step.order.replace('_', ' ')}",
        ),
        lines=(
            *_line("auctions won", auction, "accepted", "good"),
            *_line("auctions without a bid", auction, "rejected", "warn"),
        ),
        parts=tuple(parts),
        hidden=len(rows) + (pool is not None) - len(parts),
    )


def _terms(row: StepRecipient, step: Step) -> Iterator[str]:
    price = row.recipient.price if row.price is None else row.price
    if row.prices or (row.price is None and row.recipient.prices):
        yield "Price by rules"
    elif price is not None:
        yield f"{price:.2f}"
    if step.order in registry.WEIGHING:
        yield f"Weight {row.weight.normalize():f}"
    if step.order == "priority":
        yield f"Priority {row.priority}"
    if step.pattern == "exclusive_window":
        yield f"From {durations.text(row.opens_after)}" if row.opens_after else "At once"


DELIVERED: Final = (
    ("accepted", "accepted", "good"),
    ("rejected", "rejected", "warn"),
    ("skipped", "skipped", "muted"),
)


def _recipient(
    recipient: Any, facts: tuple[str, ...], counts: _Counts, *, remediation: bool = False
) -> Part:
    """What became of its deliveries in this flow; of all steps that name it, together."""
    found = counts.outcomes(Kind.DELIVERY, recipient.pk)
    known = {outcome for outcome, *_ in DELIVERED}
    failed: Counter[str] = Counter()
    for outcome, reasons in found.items():
        if outcome not in known:
            failed.update(reasons)
    lines = [
        line
        for outcome, words, tone in DELIVERED
        for line in _line(words, found, outcome, tone, recipient=recipient.slug)
    ]
    lines += _line("failed", {"failed": failed}, "failed", "bad", recipient=recipient.slug)
    return Part(
        recipient.pk,
        recipient.slug,
        recipient.name,
        facts,
        tuple(lines),
        off=bool(recipient.is_paused),
        remediation=remediation,
        revenue=counts.revenue.get(recipient.pk),
    )
