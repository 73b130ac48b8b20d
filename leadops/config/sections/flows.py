"""`flows`: the fields of leads, who may send them, and the steps they go through."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError

from flows import validation
from flows.fields import privacy_of
from flows.models import Flow, FlowField, FlowSource, Step, StepRecipient
from flows.patterns import registry
from leadops.config.concealing import Concealing
from leadops.config.items import Item
from leadops.config.kinds import BOOLEAN, DURATION, INTEGER, MONEY, NUMBER, RULES
from leadops.config.plans import Draft, Plan
from leadops.config.sections import capacity, enhancements, record, suppression, terms
from leadops.config.sections.base import tops
from leadops.config.shapes import Key, Shape

SHAPE = Shape(
    keys=(
        Key("slug", required=True),
        Key("name", required=True),
        Key("currency"),
        Key("active", BOOLEAN, stays=True),
        capacity.CAPS,
        *suppression.DUPLICATES,
        *suppression.CONSENT_OF_FLOW,
        *record.RETENTION_OF_FLOW,
    ),
    own=("suppress", "fields", "sources", "steps"),
)
FIELD = Shape(keys=(Key("type"), Key("required", BOOLEAN), Key("privacy", stays=True)))
TERMS = Shape(
    keys=(
        Key("price", MONEY),
        Key("accept", RULES),
        capacity.CAPS,
        *terms.KEYS,
        *suppression.DUPLICATES,
        Key("active", BOOLEAN, stays=True),
    ),
    own=("source",),
)
FILTER = Shape(
    keys=(
        Key("filter", field="name", required=True),
        Key("rules", RULES),
        Key("reason"),
        Key("on_fail"),
    )
)
DELIVER = Shape(
    keys=(
        Key("deliver", field="name", required=True),
        Key("pattern"),
        Key("order"),
        Key("when_declined"),
        Key("auction.deadline", DURATION, "auction_deadline"),
        Key("auction.valid", DURATION, "offer_valid"),
        Key("auction.tell_losers", BOOLEAN, "tell_losers"),
        Key("learn.over", DURATION),
        Key("learn.minimum", INTEGER),
        Key("while_open"),
        capacity.CAPS,
    ),
    own=("recipients", "remediation"),
)
SHAPES = {"filter": FILTER, "enhance": enhancements.STEP, "deliver": DELIVER}
CANDIDATE = Shape(
    keys=(
        Key("price", MONEY),
        Key("prices", terms.PRICES),
        Key("weight", NUMBER),
        capacity.CAPS,
        Key("priority", INTEGER),
        Key("after", DURATION, "opens_after"),
    ),
    own=("recipient",),
)


class Flows:
    key, kind, name = "flows", "flow", "slug"

    def objects(self) -> list[Flow]:
        children = [
            "fields",
            "sources__source",
            "steps__recipients__recipient",
            "steps__remediation",
            "steps__enhancement",
            "suppress",
        ]
        query = Flow.objects.prefetch_related(*children)
        return list(query.order_by("slug"))

    def read(self, plan: Plan, items: list[Item]) -> None:
        for top in tops(plan, self, items, Flow):
            found = SHAPE.read(top.item)
            top.draft.take(SHAPE, found)
            plan.save(top.draft)
            suppression.read_suppress(plan, top.draft, found.get("suppress"))
            _read_fields(plan, top.draft, found.get("fields"))
            _read_sources(plan, top.draft, found.get("sources"))
            _read_steps(plan, top.draft, found.get("steps"))

    def write(self, obj: Flow, concealing: Concealing) -> dict[str, Any]:
        document = SHAPE.write(obj, concealing.secret)
        guards = suppression.write_guards(obj, document)
        fields = {row.name: FIELD.write(row, concealing.secret) for row in obj.fields.all()}
        sources = [
            {"source": row.source.slug, **TERMS.write(row, concealing.secret)}
            for row in obj.sources.all()
        ]
        steps = [_write_step(step, concealing) for step in obj.steps.all()]
        lists = {"fields": fields, **guards, "sources": sources, "steps": steps}
        return {**document, **{key: value for key, value in lists.items() if value}}


def _read_fields(plan: Plan, flow: Draft, item: Item | None) -> None:
    there = {} if flow.is_new else {row.name: row for row in flow.obj.fields.all()}
    wanted = []
    for place, (name, each) in enumerate(item.pairs() if item is not None else ()):
        wanted.append(name)
        obj = there.get(name)
        draft = Draft(obj or FlowField(flow=flow.obj, name=name), each, is_new=obj is None)
        draft.put("position", place)
        _read_field(draft, each)
        plan.save(draft)
    plan.delete(row for name, row in there.items() if name not in wanted)


def _read_field(draft: Draft, item: Item) -> None:
    """`{type, required, privacy}`, or the type alone; without a privacy that of the type."""
    if isinstance(item.node.value, str):
        found = {"type": item}
    else:
        found = {} if item.node.value is None else FIELD.read(item)
    draft.take(FIELD, found)
    if "privacy" not in found:
        draft.put("privacy", privacy_of(draft.obj.type))


def _read_sources(plan: Plan, flow: Draft, item: Item | None) -> None:
    there = {} if flow.is_new else {row.source_id: row for row in flow.obj.sources.all()}
    wanted: list[str] = []
    for place, each in enumerate(item.elements() if item is not None else []):
        found = _short(each, TERMS, "source")
        source = plan.find("source", found["source"]) if "source" in found else None
        if source is None or _repeats(source.pk, wanted, found["source"]):
            continue
        obj = there.get(source.pk)
        draft = Draft(obj or FlowSource(flow=flow.obj, source=source), each, is_new=obj is None)
        draft.put("position", place)
        draft.take(TERMS, found)
        plan.save(draft)
    plan.delete(row for key, row in there.items() if key not in wanted)


def _short(item: Item, shape: Shape, key: str) -> dict[str, Item]:
    """The items of `{source: web-form-a, …}`, or of the slug alone."""
    if isinstance(item.node.value, str):
        return {key: item}
    found = shape.read(item)
    if key not in found and isinstance(item.node.value, dict):
        item.required(key)
    return found


def _repeats(key: str, wanted: list[str], item: Item) -> bool:
    """Whether it was there before (reported); notes it."""
    if key in wanted:
        item.error(f"{item.node.text} stands here twice")
        return True
    wanted.append(key)
    return False


def _read_steps(plan: Plan, flow: Draft, item: Item | None) -> None:
    there = {} if flow.is_new else {step.name: step for step in flow.obj.steps.all()}
    wanted: list[str] = []
    for place, each in enumerate(item.elements() if item is not None else []):
        kind = _kind(each)
        if kind is None:
            continue
        found = SHAPES[kind].read(each)
        name = found[kind].text() if kind in found else None
        if name is None or _repeats(name, wanted, found[kind]):
            continue
        obj = there.get(name)
        draft = Draft(obj or Step(flow=flow.obj, name=name), each, is_new=obj is None)
        draft.put("position", place)
        draft.put("kind", kind)
        _read_step(plan, draft, kind, found)
    plan.delete(step for name, step in there.items() if name not in wanted)


def _kind(item: Item) -> str | None:
    """What a step is, by its first word; None (reported) for what it cannot be."""
    if not isinstance(item.node.value, dict):
        item.expected("a step: {filter: …}, {enhance: …} or {deliver: …}")
        return None
    kinds = [kind for kind in SHAPES if kind in item.node.value]
    if len(kinds) == 1:
        return kinds[0]
    if kinds:
        item.error("A step is either a filter, an enhancement or a delivery")
        return None
    item.error("A step begins with filter, enhance or deliver and its name")
    return None


def _read_step(plan: Plan, draft: Draft, kind: str, found: dict[str, Item]) -> None:
    for other, shape in SHAPES.items():
        if other != kind:  # a step that was of the other kind forgets what it was
            draft.take(Shape(keys=tuple(k for k in shape.keys if k.attribute != "name")), {})
    draft.take(SHAPES[kind], found)
    remediation = None
    if "remediation" in found:
        remediation = plan.find("recipient", found["remediation"])
        draft.places["remediation"] = found["remediation"]
    draft.put("remediation_id", remediation.pk if remediation is not None else None)
    plan.save(draft)
    if kind == Step.Kind.ENHANCE:
        enhancements.read_enhancement(plan, draft, found)
    else:
        enhancements.forget_enhancement(plan, draft)
    _read_candidates(plan, draft, found.get("recipients"))


def _read_candidates(plan: Plan, step: Draft, item: Item | None) -> None:
    there = {} if step.is_new else {row.recipient_id: row for row in step.obj.recipients.all()}
    wanted: list[str] = []
    for place, each in enumerate(item.elements() if item is not None else []):
        found = _short(each, CANDIDATE, "recipient")
        recipient = plan.find("recipient", found["recipient"]) if "recipient" in found else None
        if recipient is None or _repeats(recipient.pk, wanted, found["recipient"]):
            continue
        obj = there.get(recipient.pk)
        draft = Draft(
            obj or StepRecipient(step=step.obj, recipient=recipient), each, is_new=obj is None
        )
        draft.put("position", place)
        draft.take(CANDIDATE, found)
        if "after" in found:
            _check_tier(step, found["after"])
        plan.save(draft)
    if step.obj.kind == Step.Kind.DELIVER and (item is None or not item.node.value):
        step.item.error("A delivery needs at least one recipient")
    plan.delete(row for key, row in there.items() if key not in wanted)


def _check_tier(step: Draft, item: Item) -> None:
    try:
        validation.opening(step.obj.pattern)
    except ValidationError as error:
        item.error(str(error.message))


def _write_step(step: Step, concealing: Concealing) -> dict[str, Any]:
    document = SHAPES[step.kind].write(step, concealing.secret)
    if step.when_declined == Step.WhenDeclined.WAIT:
        document.pop("when_declined", None)  # it means nothing to most patterns
    if not registry.PATTERNS[step.pattern].asks:
        document.pop("auction", None)
    if step.kind == Step.Kind.DELIVER:
        document["recipients"] = [
            {"recipient": row.recipient.slug, **CANDIDATE.write(row, concealing.secret)}
            for row in step.recipients.all()
        ]
        if step.remediation is not None:
            document["remediation"] = step.remediation.slug
    if step.kind == Step.Kind.ENHANCE:
        document |= enhancements.write_enhancement(step, concealing)
    return document
