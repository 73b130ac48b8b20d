"""What may stand in a recipient's templates: fields, values, helpers; and the keys it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flows import plans
from flows.fields.registry import FIELD_TYPES
from flows.models import FlowField, FlowSource
from flows.steps import appending, stepvalues
from flows.trying.draftleads import Given
from recipients.integrations import INTEGRATIONS
from recipients.integrations.base import Field
from recipients.mapping import HELPERS
from recipients.models import Endpoint, Recipient
from recipients.plan import RecipientPlan

# What a lead has of us, whatever its flow says.
OURS: Final = {
    "lead.id": "The lead's id",
    "lead.timestamp": "When it came in",
    "now": "The moment of sending",
    "flow.id": "The flow's id",
    "flow.slug": "The flow's short name",
    "flow.name": "The flow's name",
    "delivery.id": "The delivery's id: the same for all attempts",
    "delivery.attempt": "1 for the first attempt",
    "delivery.idempotency_key": "The same for all attempts of a delivery",
}
ABOUT: Final = {
    "valid": "whether it could be read",
    "raw": "as it was sent",
    "reason": "why it could not be read",
}
MAX_SEEN: Final = 300


@dataclass(frozen=True, slots=True)
class Item:
    """A thing to insert: a path, or a helper's call. `help` is a sentence."""

    insert: str
    help: str = ""
    example: str = ""
    required: bool = False
    part: bool = False
    """A component of the field before it."""


@dataclass(frozen=True, slots=True)
class Group:
    """`kind` says what is inserted: a path, a call, or a key of the mapping."""

    name: str
    kind: str
    items: tuple[Item, ...]


def catalogue(
    recipient: Recipient, plan: RecipientPlan, flows: Sequence[str], seen: Iterable[Given]
) -> list[Group]:
    """All of it; `seen` are recent leads, whose further values are offered as well."""
    leads = [each.context["lead"] for each in seen]
    named = [*_fields(flows), *_appended(flows)]
    known = {item.insert for item in named}
    groups = [
        Group("Keys that it takes", "key", tuple(map(_key, service_fields(recipient)))),
        Group("Fields of the lead", "path", tuple(named)),
        Group("Appended and other values of recent leads", "path", tuple(_seen(leads, known))),
        Group("Source, flow, recipient, delivery", "path", tuple(_around(plan, flows))),
        Group("Helpers", "call", tuple(_helpers())),
    ]
    return [group for group in groups if group.items]


def paths(groups: Iterable[Group]) -> frozenset[str]:
    """The paths that are known, to tell mistakes from them."""
    found = {item.insert for group in groups if group.kind == "path" for item in group.items}
    return frozenset({*found, "delivery_attempt"})


def service_fields(recipient: Recipient) -> tuple[Field, ...]:
    """What the service at the production endpoint takes, where its integration knows that."""
    kinds = {row.kind: row.integration for row in recipient.endpoints.all()}
    name = kinds.get(Endpoint.Kind.PRODUCTION) or recipient.integration
    return INTEGRATIONS[name].fields if name in INTEGRATIONS else ()


def _key(field: Field) -> Item:
    return Item(field.name, field.help, field.example, required=field.required)


def _fields(flows: Sequence[str]) -> Iterator[Item]:
    rows = FlowField.objects.filter(flow__in=flows).order_by("flow", "position")
    done = set()
    for row in rows:
        if row.name in done:
            continue
        done.add(row.name)
        kind = FIELD_TYPES.get(row.type)
        label = kind.label if kind else row.type
        hidden = "; its values are not shown here" if row.privacy == "sensitive" else ""
        yield Item(f"lead.{row.name}", f"{label}{hidden}", required=row.required)
        for part in (*(kind.components if kind else ()), *ABOUT):
            yield Item(
                f"lead.{row.name}.{part}",
                ABOUT.get(part, part.replace("_", " ") if "_" in part else ""),
                part=True,
            )


def _appended(flows: Sequence[str]) -> Iterator[Item]:
    for step, each in stepvalues.of_flows(flows):
        hidden = "; its values are not shown here" if each.privacy == "sensitive" else ""
        yield Item(f"lead.{appending.key(step, each.name)}", f"Appended by {step}{hidden}")


def _seen(leads: Iterable[Mapping[str, Any]], known: set[str]) -> Iterator[Item]:
    """Names alone: values are people's."""
    names = dict.fromkeys(name for lead in leads for name in lead)
    new = [f"lead.{name}" for name in names if f"lead.{name}" not in {*known, *OURS}]
    for path in sorted(new)[:MAX_SEEN]:
        yield Item(path, "In recent leads")


def _around(plan: RecipientPlan, flows: Sequence[str]) -> Iterator[Item]:
    for path, help in OURS.items():
        yield Item(path, help)
    sources = FlowSource.objects.filter(flow__in=flows).values_list("source", flat=True)
    current = plans.current()
    values = [current.sources[key].values for key in set(sources) if key in current.sources]
    for name in dict.fromkeys(["id", "slug", "name", *(name for each in values for name in each)]):
        yield Item(f"source.{name}", "Of the source")
    for name in plan.fields:
        yield Item(f"recipient.{name}", "Of this recipient")


def _helpers() -> Iterator[Item]:
    for name, helper in sorted(HELPERS.items()):
        yield Item(name, helper.summary.split(": `{{")[0], helper.example)
