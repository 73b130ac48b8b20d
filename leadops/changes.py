"""The history of configuration: who changed what, before and after.

One mechanism for console, bundle and API: a `config.changed` event in the journal, written in the
transaction of the change. Secrets stay out of it: an event says that one changed, never to what.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Field, Model

from events.journal import Journal
from events.models import (
    AlertThreshold,
    Channel,
    Destination,
    Event,
    EventHook,
    EventSubscription,
    ExportSchedule,
    RecordSettings,
)
from events.vocabulary import EventType
from flows import versions as flow_versions
from flows.models import (
    Enhancement,
    Flow,
    FlowField,
    FlowSource,
    Source,
    SourceKey,
    Step,
    StepRecipient,
    SubmissionLink,
)
from leadops.accounts.models import AccountKey, User
from leadops.lib import locators, origin, secrets
from leadops.lib.fields import DurationField, IdField, SecretField
from leadops.lib.history import Change, Snapshot, change_of
from leadops.lib.redact import Redactor
from recipients import validation
from recipients.models import (
    Endpoint,
    MappingRow,
    PartnerKey,
    Ping,
    Recipient,
    ResponseRule,
    RetryRule,
    Secret,
    SpecificationLink,
    SuppressionList,
    TestCase,
)

REDACTOR = Redactor()
REFERS = re.compile(r"\{\{|\$\{")  # to a value or a named secret, which is none itself
SEALED = "\0sealed "  # in snapshots: a secret's digest, so that a change shows
KEPT, CHANGED = "(kept secret)", "(changed)"


@dataclass(frozen=True)
class Shape:
    """What of a model is configuration: its editable columns but `without`, and its children.

    `name` names a row among its siblings; rows are told apart by it, not by their ids.
    """

    name: Callable[[Any], str] = str
    without: frozenset[str] = frozenset()
    many: tuple[str, ...] = ()
    children: Mapping[str, type[Model]] = field(default_factory=dict)


KEY = Shape(name=lambda key: key.name or "unnamed")
SHAPES: dict[type[Model], Shape] = {
    Source: Shape(children={"keys": SourceKey}),
    SourceKey: KEY,
    SuppressionList: Shape(),
    Flow: Shape(
        many=("suppress",), children={"fields": FlowField, "sources": FlowSource, "steps": Step}
    ),
    FlowField: Shape(name=lambda row: row.name),
    FlowSource: Shape(
        name=lambda row: row.source.slug, children={"submission_links": SubmissionLink}
    ),
    SubmissionLink: Shape(),
    Step: Shape(
        name=lambda row: row.name,
        children={"recipients": StepRecipient, "enhancement": Enhancement},
    ),
    Enhancement: Shape(),
    StepRecipient: Shape(name=lambda row: row.recipient.slug),
    Recipient: Shape(
        many=("suppress",),
        children={
            "endpoints": Endpoint,
            "ping": Ping,
            "mapping_rows": MappingRow,
            "response_rules": ResponseRule,
            "retry_rules": RetryRule,
            "keys": PartnerKey,
            "test_cases": TestCase,
            "specification_links": SpecificationLink,
        },
    ),
    Ping: Shape(),
    Endpoint: Shape(name=lambda row: row.kind),
    MappingRow: Shape(name=lambda row: row.key),
    ResponseRule: Shape(name=lambda row: f"rule {row.position + 1}"),
    RetryRule: Shape(name=lambda row: row.outcome),
    PartnerKey: KEY,
    SpecificationLink: Shape(),
    TestCase: Shape(name=lambda row: row.name),
    Secret: Shape(without=frozenset({"updated_at"})),
    AlertThreshold: Shape(many=("notify",)),
    Channel: Shape(),
    Destination: Shape(),
    EventHook: Shape(many=("notify",)),
    EventSubscription: Shape(),
    ExportSchedule: Shape(without=frozenset({"next_at"})),
    RecordSettings: Shape(),
    User: Shape(
        without=frozenset({"is_staff", "is_superuser", "last_login", "date_joined"}),
        many=("recipients",),
        children={"keys": AccountKey},
    ),
    AccountKey: KEY,
}
KINDS: dict[type[Model], str] = {
    Source: "source",
    Flow: "flow",
    Recipient: "recipient",
    SuppressionList: "suppression list",
    Secret: "secret",
    AlertThreshold: "threshold",
    Channel: "channel",
    Destination: "destination",
    EventHook: "hook",
    EventSubscription: "subscription",
    ExportSchedule: "export",
    RecordSettings: "record",
    User: "user",
}


def snapshot_of(obj: Model) -> dict[str, Any]:
    """All configuration of a top object as plain values, its children by name."""
    shape = SHAPES[type(obj)]
    values = {
        column.name: _value(column, obj)
        for column in obj._meta.concrete_fields
        if _is_configuration(column, shape)
    }
    for name in shape.many:
        values[name] = sorted(slug(other) for other in getattr(obj, name).all())
    for name in shape.children:
        values[name] = _children(obj, name)
    return values


def _is_configuration(column: Field[Any, Any], shape: Shape) -> bool:
    if isinstance(column, IdField) or column.primary_key or not column.editable:
        return False
    parent = column.is_relation and column.related_model in PARENTS.get(column.model, ())
    return not parent and column.name not in shape.without


PARENTS: dict[type[Model], tuple[type[Model], ...]] = {}
for _parent, _shape in SHAPES.items():
    for _child in _shape.children.values():
        PARENTS[_child] = (_parent,)


def _children(obj: Model, name: str) -> dict[str, Any]:
    """Rows under their names; equal names are numbered. Positions are counted from 1."""
    found: dict[str, Any] = {}
    for place, row in enumerate(_related(obj, name), 1):
        key = unique = SHAPES[type(row)].name(row)
        number = 2
        while unique in found:
            unique, number = f"{key} #{number}", number + 1
        found[unique] = snapshot_of(row)
        if "position" in found[unique]:
            found[unique]["position"] = place
    return found


def _related(obj: Model, name: str) -> Iterable[Any]:
    """The rows under a name: many, or the one there may be."""
    found = getattr(obj, name, None)
    if found is None:
        return ()
    return found.all() if hasattr(found, "all") else (found,)


def _value(column: Field[Any, Any], obj: Model) -> Any:
    if column.is_relation:
        other = getattr(obj, column.name)
        return slug(other) if other else None
    value = getattr(obj, column.attname)
    if isinstance(column, SecretField) or column.name == "password":
        return sealed(str(value)) if value else ""
    if isinstance(column, DurationField) and value is not None:
        return column.words(value)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, str):
        return _text(obj, column.name, value.replace("\r\n", "\n"))  # as browsers end lines
    if isinstance(value, dict):
        return _guarded(_placed(value)) if isinstance(obj, Destination) else _guarded(value)
    return value if isinstance(value, int | float | bool | list | dict | None) else str(value)


def _text(obj: Model, name: str, value: str) -> Any:
    """A text, but for credentials that somebody wrote out in it."""
    match obj, name:
        case Endpoint(), "headers":
            return _headers(value)
        case Endpoint() | Source(), "url" | "feedback_url":
            return _address(value, locators.without_secrets(value))
        case TestCase(), "request" | "reply_body":
            return sealed(value) if value else ""
        case Channel(), "url":
            return _address(value, locators.place(value))
        case MappingRow(), "value":
            return _guarded({obj.key.rpartition(".")[2]: value}).popitem()[1]
    return value


def _placed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A destination's settings; the path of a web address may be a secret."""
    url = str(settings.get("url", ""))
    if not url.startswith("http"):
        return dict(settings)
    return {**settings, "url": _address(url, locators.place(url))}


def _headers(text: str) -> Any:
    try:
        return _guarded(dict(validation.parse_headers(text)))
    except ValidationError:  # written past the checks
        return sealed(text)


def _guarded(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, sealed where their names say that they are secrets written out."""
    return {
        name: sealed(value)
        if isinstance(value, str) and REDACTOR.is_sensitive(name) and not REFERS.search(value)
        else value
        for name, value in values.items()
    }


def _address(url: str, shown: str) -> Any:
    return url if url == shown else {"address": shown, "its secret part": sealed(url)}


def sealed(text: str) -> str:
    """Stands for a secret in a snapshot: equal for equal secrets, and nothing else."""
    return SEALED + secrets.search_digest("history", text).hex()


def slug(obj: Model) -> str:
    for name in ("slug", "username", "name"):
        if found := getattr(obj, name, ""):
            return str(found)
    return str(obj.pk)


def entity_id(obj: Model) -> str:
    """The object's own id, or `secret:12` where ids are numbers."""
    pk = obj.pk
    return pk if isinstance(pk, str) else f"{KINDS[type(obj)]}:{pk}".replace(" ", "_")


def record_change(before: Snapshot | None, after: Snapshot | None, obj: Model, by: str) -> None:
    """Write the event, in the caller's transaction. None stands for: there was (is) no such thing.

    Nothing is written when nothing changed.
    """
    old, new = differences(before or {}, after or {})
    if before is not None and after is not None and old == new:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        journal.operation(
            EventType.CONFIG_CHANGED,
            entity_id=entity_id(obj),
            flow_id=obj.pk if isinstance(obj, Flow) else "",
            reason=_sentence(before, after, obj),
            object={
                "model": KINDS[type(obj)],
                "id": str(obj.pk),
                "slug": slug(obj),
                "name": str(obj),
            },
            by=by,
            where=origin.current().value,
            before=old,
            after=new,
        )
        journal.write(cursor)
    if isinstance(obj, Flow) and after is not None:
        flow_versions.keep(obj, by=by)


def _sentence(before: Snapshot | None, after: Snapshot | None, obj: Model) -> str:
    did = "added" if before is None else "deleted" if after is None else "changed"
    return f"{KINDS[type(obj)].capitalize()} {obj} {did}"


def differences(before: Snapshot, after: Snapshot) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parts of both that differ, without secrets."""
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    for key in [*before, *(key for key in after if key not in before)]:
        one, other = before.get(key), after.get(key)
        if one == other and (key in before) == (key in after):
            continue
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            old[key], new[key] = differences(one, other)
            continue
        if key in before:
            old[key] = _shown(one, KEPT)
        if key in after:
            new[key] = _shown(other, CHANGED if one else KEPT)
    return old, new


def _shown(value: Any, words: str) -> Any:
    if isinstance(value, str) and value.startswith(SEALED):
        return words
    if isinstance(value, Mapping):
        return {key: _shown(item, words) for key, item in value.items()}
    return value


@contextmanager
def recorded(*objects: Model, by: str) -> Iterator[None]:
    """Record what the block changes of these objects, in one transaction with it."""
    with transaction.atomic():
        before = [(obj, type(obj), obj.pk, _fresh(type(obj), obj.pk)) for obj in objects]
        known = [(copy.copy(obj), kind, pk, old) for obj, kind, pk, old in before]
        yield
        for obj, kind, pk, old in known:
            record_change(old, _fresh(kind, pk), obj, by)


def _fresh(kind: type[Model], pk: Any) -> dict[str, Any] | None:
    found = kind._default_manager.filter(pk=pk).first()
    return snapshot_of(found) if found else None


def changes_of(obj: Model, limit: int = 100) -> list[Change]:
    """What was recorded of an object, newest first; nothing of what is no configuration."""
    if type(obj) not in KINDS:
        return []
    query = Event.objects.filter(entity_id=entity_id(obj), type=EventType.CONFIG_CHANGED)
    events = query.order_by("-timestamp", "-id")[:limit]
    return [change_of(event.data, event.timestamp, event.reason) for event in events]


class JournalKeeper:
    """Keeps changes in the journal; see `leadops.lib.history`."""

    def snapshot_of(self, obj: Model) -> Snapshot:
        return snapshot_of(obj)

    def record_change(
        self, before: Snapshot | None, after: Snapshot | None, obj: Model, by: str
    ) -> None:
        record_change(before, after, obj, by)

    def changes_of(self, obj: Model, limit: int = 100) -> list[Change]:
        return changes_of(obj, limit)
