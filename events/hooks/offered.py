"""What the rules of hooks may read: the event's own fields, the lead's money, its plain fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps

from events import directory
from events.hooks.watches import MONEY
from events.vocabulary import EventType
from leadops.lib import conditions
from recipients.outcomes import Category, Outcome

TEXT, NUMBER, FLAG = "text", "number", "flag"
OWN: tuple[tuple[str, str, str], ...] = (
    ("event.type", "What happened", TEXT),
    ("event.group", "The first word of the type", TEXT),
    ("event.outcome", "Outcome", TEXT),
    ("event.reason", "Why", TEXT),
    ("event.duration_ms", "How long it took, in ms", NUMBER),
    ("event.delivery.price", "What the recipient pays", NUMBER),
    ("event.failure.category", "Kind of failure", TEXT),
    ("event.failure.reason", "Why it failed", TEXT),
    ("event.failure.retry_eligible", "Whether it may be tried again", FLAG),
    ("event.metadata.attempt_number", "Number of the attempt", NUMBER),
    ("event.metadata.endpoint", "Endpoint", TEXT),
    ("event.metadata.buyer_tier", "Tier of the recipient", TEXT),
    ("event.response.status_code", "Status of the reply", NUMBER),
    ("event.recipient.slug", "Recipient", TEXT),
    ("event.recipient.type", "Kind of recipient", TEXT),
    ("event.flow.slug", "Flow", TEXT),
    ("event.source.slug", "Source", TEXT),
    ("event.result", "Of flow.completed: sold, unsold or stopped", TEXT),
    ("event.kind", "Of feedback: its kind", TEXT),
    ("event.money", "Of feedback: what it changed in the revenue", NUMBER),
    ("margin", "The lead's, at flow.completed", NUMBER),
    ("revenue", "The lead's, at flow.completed", NUMBER),
    ("cost", "The lead's, at flow.completed", NUMBER),
    ("currency", "The lead's, at flow.completed", TEXT),
)
NUMBERS = frozenset({"number", "currency", "age", "year"})


def offered() -> list[dict[str, Any]]:
    """As the editor of rules takes them."""
    choices = {
        "event.type": [kind.value for kind in EventType if kind.group != "hook"],
        "event.group": sorted({kind.group for kind in EventType} - {"hook"}),
        "event.outcome": [each.value for each in Outcome],
        "event.failure.category": [each.value for each in Category],
        "event.result": ["sold", "unsold", "stopped"],
        "event.recipient.slug": [each.slug for each in directory.parties("recipients.Recipient")],
        "event.flow.slug": [each.slug for each in directory.parties("flows.Flow")],
        "event.source.slug": [each.slug for each in directory.parties("flows.Source")],
    }
    own = [
        {"name": name, "label": label, "kind": kind, "values": choices.get(name, [])}
        for name, label, kind in OWN
    ]
    return [*own, *_of_leads()]


def _of_leads() -> Iterator[dict[str, Any]]:
    rows = apps.get_model("flows", "FlowField")._default_manager.filter(privacy="plain")
    kinds = dict(rows.order_by("name").values_list("name", "type"))
    for name, kind in kinds.items():
        of_kind = NUMBER if kind in NUMBERS else FLAG if kind == "boolean" else TEXT
        yield {"name": name, "label": "The lead's", "kind": of_kind, "values": []}


def hidden(document: Any, flows: Sequence[str]) -> list[str]:
    """What a rule reads that no hook sees, for it is personal in every flow that has it; of all
    flows where none is named."""
    rule = conditions.parse(document)
    fields = apps.get_model("flows", "FlowField")._default_manager.order_by("name")
    if flows:
        fields = fields.filter(flow__slug__in=flows)
    plain: dict[str, bool] = {}
    for name, privacy in fields.values_list("name", "privacy"):
        plain[name] = plain.get(name, False) or privacy == "plain"
    roots = dict.fromkeys(name.partition(".")[0] for name in rule.fields)
    return [root for root in roots if root not in MONEY and plain.get(root) is False]
