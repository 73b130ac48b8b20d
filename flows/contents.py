"""What leads inside a flow go by, as plain values: written down with each version, and read back.

Columns that are as they are by default are left out, so that a column added later does not make
every version another one. Credentials are never among the values, nor what counts as it is now:
whether the flow takes leads, the terms at its door.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import orjson
from django.db.models import DecimalField, Field, Model

from flows.models import Enhancement, Flow, FlowField, Step, StepRecipient
from leadops.lib.fields import SecretField

OF_FLOW: Final = (
    "currency", "consent_field", "consent_required", "consent_max_age", "consent_at",
    "consent_text",
)  # fmt: skip
OF_FIELD: Final = ("name", "type", "required", "privacy")
# Their order is the list's; what they belong to is where they stand.
ELSEWHERE: Final = frozenset({"id", "flow", "step", "position", "caps"})
COUNTS_NOW: Final = ("caps", "names")  # kept for steps and recipients that are gone by then


def written(flow: Flow, names: Mapping[str, str]) -> dict[str, Any]:
    """The flow's rows, prefetched or not; `names` are of all recipients, by id."""
    steps = list(flow.steps.all())
    return {
        "flow": _values(flow, OF_FLOW),
        "fields": [_values(row, OF_FIELD) for row in flow.fields.all()],
        "steps": [_step(step) for step in steps],
        "caps": {step.id: caps for step in steps if (caps := _caps(step))},
        "names": {id: names.get(id, id) for step in steps for id in _recipients(step)},
    }


def digest(content: Mapping[str, Any]) -> str:
    """Equal where leads inside go the same way."""
    counted = {key: value for key, value in content.items() if key not in COUNTS_NOW}
    return hashlib.sha256(orjson.dumps(counted, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class Rows:
    """A version's rows, made of its values and not of the database. `gone` are the recipients of
    each step, by its id, that are there no more: id and name."""

    flow: Flow
    fields: Sequence[FlowField]
    steps: Sequence[Step]
    gone: Mapping[str, Sequence[tuple[str, str]]]


def read(content: Mapping[str, Any], flow_id: str, *, there: Collection[str]) -> Rows:
    """The rows again; `there` are the ids of the recipients that there are.

    Raises ValueError, KeyError or TypeError for what this release does not understand.
    """
    names = content["names"]
    gone = {
        each["id"]: [(id, names.get(id, id)) for id in _named(each) if id not in there]
        for each in content["steps"]
    }
    return Rows(
        flow=Flow(id=flow_id, **_read(Flow, content["flow"])),
        fields=[FlowField(flow_id=flow_id, **_read(FlowField, f)) for f in content["fields"]],
        steps=[
            _read_step(each, content["caps"].get(each["id"], {}), flow_id, there)
            for each in content["steps"]
        ],
        gone={id: found for id, found in gone.items() if found},
    )


def _step(step: Step) -> dict[str, Any]:
    found = {"id": step.id, **_values(step, _columns(Step))}
    row = getattr(step, "enhancement", None) if step.kind == Step.Kind.ENHANCE else None
    if row is not None:
        found["enhancement"] = _values(row, _columns(Enhancement))
    recipients = [_values(each, _columns(StepRecipient)) for each in step.recipients.all()]
    return {**found, "recipients": recipients} if recipients else found


def _caps(step: Step) -> dict[str, Any]:
    each = {row.recipient_id: row.caps for row in step.recipients.all() if row.caps}
    return {**({"step": step.caps} if step.caps else {}), **({"recipients": each} if each else {})}


def _recipients(step: Step) -> Iterator[str]:
    yield from (row.recipient_id for row in step.recipients.all())
    if step.remediation_id:
        yield step.remediation_id


def _named(step: Mapping[str, Any]) -> Iterator[str]:
    yield from (each["recipient_id"] for each in step.get("recipients", ()))
    if "remediation_id" in step:
        yield step["remediation_id"]


@functools.cache
def _columns(model: type[Model]) -> tuple[str, ...]:
    return tuple(
        column.attname
        for column in model._meta.concrete_fields
        if column.name not in ELSEWHERE and not isinstance(column, SecretField)
    )


@functools.cache
def _known(model: type[Model]) -> Mapping[str, Field[Any, Any]]:
    """All columns, by the names of their attributes."""
    return {column.attname: column for column in model._meta.concrete_fields}


def _values(row: Model, columns: Iterable[str]) -> dict[str, Any]:
    """What is not as it is by default."""
    found, known = {}, _known(type(row))
    for name in columns:
        value = getattr(row, name)
        if value != known[name].get_default():
            found[name] = f"{value.normalize():f}" if isinstance(value, Decimal) else value
    return found


def _read(model: type[Model], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as the database would give them, by default amounts too; a column that is no
    more is left out."""
    known = _known(model)
    amounts = {
        name: column.get_default()
        for name, column in known.items()
        if isinstance(column, DecimalField)
    }
    return {
        name: value if value is None else known[name].to_python(value)
        for name, value in {**amounts, **values}.items()
        if name in known
    }


def _read_step(
    values: Mapping[str, Any], caps: Mapping[str, Any], flow_id: str, there: Collection[str]
) -> Step:
    """A step that finds its rows at hand, and asks no database for them."""
    own = {k: v for k, v in values.items() if k not in ("recipients", "enhancement")}
    if own.get("remediation_id") not in there:
        own.pop("remediation_id", None)
    step = Step(flow_id=flow_id, caps=caps.get("step", []), **_read(Step, own))
    rows = [
        StepRecipient(
            step_id=step.id,
            caps=caps.get("recipients", {}).get(each["recipient_id"], []),
            **_read(StepRecipient, each),
        )
        for each in values.get("recipients", ())
        if each["recipient_id"] in there
    ]
    step._prefetched_objects_cache = {"recipients": rows}  # type: ignore[attr-defined]
    if "enhancement" in values:
        row = Enhancement(step_id=step.id, **_read(Enhancement, values["enhancement"]))
        Step._meta.get_field("enhancement").set_cached_value(step, row)
    return step
