"""`bundle load`, `dump` and `diff`: the whole of it, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection, transaction

from events.models import RecordSettings
from leadops.changes import record_change, snapshot_of
from leadops.config.comparing import Change, changes
from leadops.config.concealing import Collecting, ForComparison, ForFile
from leadops.config.items import File, Item
from leadops.config.nodes import parse
from leadops.config.plans import Plan
from leadops.config.problems import BundleError, Problem
from leadops.config.references import Lookup
from leadops.config.sections.accounts import Accounts
from leadops.config.sections.alerts import Alerts, Channels
from leadops.config.sections.base import Section
from leadops.config.sections.destinations import Destinations
from leadops.config.sections.exports import Exports
from leadops.config.sections.flows import Flows
from leadops.config.sections.hooks import Hooks
from leadops.config.sections.recipients import Recipients
from leadops.config.sections.record import Record
from leadops.config.sections.sources import Sources
from leadops.config.sections.subscriptions import Subscriptions
from leadops.config.sections.suppression import SuppressionLists
from leadops.config.writing import write
from leadops.lib import origin
from leadops.lib.origin import Origin
from recipients import versions
from recipients.models import Recipient, Secret

VERSION = 1
# One load at a time, on all machines: PostgreSQL's advisory lock of this number.
LOCK = 0x1EAD_0B5

# As they are written; loading goes by what refers to what.
SECTIONS: tuple[Section, ...] = (
    Accounts(),
    Sources(),
    SuppressionLists(),
    Flows(),
    Recipients(),
    Alerts(),
    Channels(),
    Hooks(),
    Destinations(),
    Subscriptions(),
    Exports(),
    Record(),
)
ORDER: tuple[str, ...] = (
    "channels",
    "destinations",
    "sources",
    "suppression_lists",
    "recipients",
    "flows",
    "accounts",
    "alerts",
    "hooks",
    "subscriptions",
    "exports",
    "record",
)
# What stands in a bundle as one object, not as a list of them.
SINGLE = frozenset({"record"})
HEAD = "Configuration of LeadOps. Load it with: python manage.py bundle load FILE"

Objects = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Report:
    """What a load changed, or would change. `alone` are objects that the file does not name."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()
    alone: tuple[Change, ...] = ()


def load(data: bytes, *, name: str, by: str = "bundle", dry_run: bool = False) -> Report:
    """Make the configuration equal to the bundle, all of it or nothing. Raises BundleError.

    `dry_run` does it all and takes it back.
    """
    top = parse(data, name=name)
    with origin.acting(Origin.BUNDLE), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        report = _load(Item(top, _file(name)), by)
        if dry_run:
            transaction.set_rollback(True)
    return report


def _file(name: str) -> File:
    return File(name, Lookup(stored=dict(Secret.objects.values_list("name", "value"))))


def _load(top: Item, by: str) -> Report:
    before = _objects()
    old = {}
    for section, items in _sections(top):
        for name in _names(section, items):
            old[section.kind, name] = _state(section.kind, name, before)
            _remember_credentials(section, before[section.kind].get(name), top.file.lookup)
    plan = _planned(top, before)
    _work(plan)
    _keep_secrets(top.file, by)
    after = _objects() if plan.work else before
    found: list[Change] = []
    for kind, name, _ in plan.tops:
        document, snapshot = old[kind, name]
        new_document, new_snapshot = _state(kind, name, after)
        found.extend(changes(kind, name, document, new_document or {}))
        if plan.work:
            record_change(snapshot, new_snapshot, after[kind][name], by)
            loaded = after[kind][name]
            if isinstance(loaded, Recipient) and snapshot != new_snapshot:
                versions.keep(loaded, by=by, note=f"loaded from {Path(top.file.name).name}")
    named = {(kind, name) for kind, name, _ in plan.tops}
    alone = tuple(
        Change("-", kind, name, "not in the file; stays")
        for kind, objects in before.items()
        for name, obj in objects.items()
        if (kind, name) not in named and not _is_untouched(obj)
    )
    return Report(tuple(found), tuple(dict.fromkeys(plan.file.notes)), alone)


def _is_untouched(obj: Any) -> bool:
    """Whether it is the row of settings that every database has, with its defaults."""
    return isinstance(obj, RecordSettings) and snapshot_of(obj) == snapshot_of(RecordSettings())


def _keep_secrets(file: File, by: str) -> None:
    """Store what references stand for, encrypted: the workers have an environment of their own,
    in which a name that was good here may be missing."""
    for name, value in file.lookup.unknown_to_workers().items():
        secret = Secret.objects.filter(name=name).first()
        before = snapshot_of(secret) if secret else None
        secret = secret or Secret(name=name)
        secret.value = value
        secret.save()
        record_change(before, snapshot_of(secret), secret, by)
        file.notes.append(f"${{{name}}} is kept as a stored secret, for the workers")


def _work(plan: Plan) -> None:
    """Save what was drafted. The console may have been faster; then nothing is saved."""
    try:
        for step in plan.work:
            step()
    except DatabaseError as error:
        message = f"The database refused it: {str(error).splitlines()[0]}"
        raise BundleError(plan.file.name, [Problem(1, "", message)]) from error


def _objects() -> Objects:
    """Everything that there is, by kind and name."""
    return {
        section.kind: {getattr(obj, section.name): obj for obj in section.objects()}
        for section in SECTIONS
    }


def _state(kind: str, name: str, objects: Objects) -> tuple[Any, Any]:
    """The document and the history's snapshot of an object; Nones where there is none."""
    obj = objects[kind].get(name)
    if obj is None:
        return None, None
    return _section(kind).write(obj, ForComparison()), snapshot_of(obj)


def _section(kind: str) -> Section:
    return next(section for section in SECTIONS if section.kind == kind)


def _sections(top: Item) -> Iterator[tuple[Section, list[Item]]]:
    """The sections of a file with their items, in the order of loading; reports nothing."""
    value = top.node.value if isinstance(top.node.value, dict) else {}
    for key in ORDER:
        if key in value and isinstance(value[key].value, dict if key in SINGLE else list):
            yield _by_key(key), _items(key, top.child(key))


def _items(key: str, item: Item) -> list[Item]:
    return [item] if key in SINGLE else item.elements()


def _by_key(key: str) -> Section:
    return next(section for section in SECTIONS if section.key == key)


def _names(section: Section, items: list[Item]) -> Iterator[str]:
    for item in items:
        value = item.node.value
        if section.key in SINGLE:
            yield from (getattr(obj, section.name) for obj in section.objects())
        elif isinstance(value, dict) and section.name in value:
            yield value[section.name].text


def _planned(top: Item, objects: Objects) -> Plan:
    """The plan of a whole file; raises BundleError with everything that is wrong in it."""
    plan = Plan(top.file, {kind: dict(named) for kind, named in objects.items()})
    entries = top.entries(["leadops", *(section.key for section in SECTIONS)])
    _check_version(top, entries)
    for key in ORDER:
        if key in entries:
            _by_key(key).read(plan, _items(key, entries[key]))
    if top.file.problems:
        raise BundleError(top.file.name, top.file.problems.found)
    return plan


def _check_version(top: Item, entries: dict[str, Item]) -> None:
    if "leadops" not in entries:
        if isinstance(top.node.value, dict):
            top.required(f"leadops: {VERSION}")
    elif entries["leadops"].node.value is not VERSION:
        text = entries["leadops"].node.text
        entries["leadops"].error(f"Version {text} is not available; write leadops: {VERSION}")


def _remember_credentials(section: Section, obj: Any, lookup: Lookup) -> None:
    """Let the names that a dump made up stand for the credentials that are there."""
    if obj is not None:
        section.write(obj, Collecting(lookup.standing))


def dump() -> str:
    """The whole configuration as a bundle. Keys, passwords and credentials are not in it."""
    objects = _objects()
    document: dict[str, Any] = {"leadops": VERSION}
    for section in SECTIONS:
        written = [section.write(obj, ForFile()) for obj in objects[section.kind].values()]
        if written:
            document[section.key] = written[0] if section.key in SINGLE else written
    return write(document, head=HEAD)


def compare(data: bytes, *, name: str) -> Report:
    """What loading the bundle would change, and what it does not name."""
    return load(data, name=name, dry_run=True)
