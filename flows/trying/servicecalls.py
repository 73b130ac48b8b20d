"""An enhancement's service asked by hand: for a recent lead, or one that is typed in.

Nothing is appended to anybody, and nothing kept but that somebody asked.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from events.journal import Journal
from events.models import Lead
from events.snapshots import Snapshots
from events.vocabulary import EventType
from flows import fields, plans
from flows.fields.samples import sample_of
from flows.models import Step
from flows.steps import appending
from flows.steps.enhancements import EnhanceStep
from leadops.lib import ids
from leadops.lib.http import Door
from leadops.lib.http.addresses import Network
from recipients.deliver import Attempt, deliver
from recipients.secretuse import SecretUse
from recipients.tokenstore import keyring

A_DAY: Final = timedelta(days=1)
RECENT: Final = 20


class NotPossible(Exception):
    """No call can be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Value:
    """What would be appended, as a rule names it. Sensitive values are not shown."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Called:
    attempt: Attempt
    values: tuple[Value, ...]
    cost: Any
    missing: tuple[str, ...] = ()


def recent(step: Step) -> list[Lead]:
    """The flow's newest leads, those that were erased left out."""
    found = Lead.objects.filter(flow_id=step.flow_id, salt__isnull=False)
    return list(found.order_by("-created_at")[:RECENT])


def invented(step: Step) -> dict[str, Any]:
    """A lead that nobody ever was."""
    rows = step.flow.fields.all()
    return {row.name: sample_of(row.name, row.type) for row in rows}


def of_values(step: Step, values: Mapping[str, Any]) -> dict[str, Any]:
    """A lead of typed values, read as the flow's fields."""
    kinds = dict(step.flow.fields.values_list("name", "type"))
    lead: dict[str, Any] = {"id": "lead_0000000000SAMPLE000"}
    for name, value in values.items():
        flat = fields.flatten(name, fields.parse(kinds[name], value)) if name in kinds else {}
        lead |= flat or {name: value}
    return lead


def of_lead(lead: Lead) -> dict[str, Any]:
    """A recent lead with all that is known of it. Raises NotPossible where it was erased."""
    bodies = Snapshots.read([(lead.id, lead.snapshot)], datetime.now(UTC) + A_DAY).bodies
    if (body := bodies.get((lead.id, lead.snapshot))) is None:
        raise NotPossible("This lead was erased.")
    hidden = json.loads(lead.sensitive) if lead.sensitive else {}  # the field decrypts
    return {**body, **hidden}


def hidden(lead: Lead) -> list[str]:
    """Values too sensitive to be shown."""
    found = json.loads(lead.sensitive) if lead.sensitive else {}  # the field decrypts
    return [str(value) for value in found.values()]


def call(
    step: Step,
    lead: Mapping[str, Any],
    *,
    by: str,
    source_id: str = "",
    hidden: Iterable[str] = (),
) -> Called:
    """Ask now; raises NotPossible. The call may cost, and is recorded as somebody's action.
    Values that are `hidden` go out, and are shown to nobody."""
    plan = _plan(step)
    test_id = ids.new_id("test")
    redactor = plan.plan.redactor.also(hidden)
    attempt = deliver(
        dataclasses.replace(plan.plan, redactor=redactor),
        plan.endpoint,
        _context(step, plan, lead, test_id, source_id),
        attempt=1,
        idempotency_key=test_id,
        test=True,
        door=_door(tuple(settings.LEADOPS_PRIVATE_NETWORKS)),
        keyring=keyring(),
    )
    SecretUse(keyring()).write()
    _record(step, attempt, by=by)
    if plan.hides and attempt.reply is not None:
        veiled = dataclasses.replace(attempt.reply, body="Not shown: it holds sensitive values")
        attempt = dataclasses.replace(attempt, reply=veiled)
    return Called(attempt, tuple(_values(plan, attempt)), plan.cost, tuple(_missing(plan, attempt)))


def _values(plan: EnhanceStep, attempt: Attempt) -> list[Value]:
    if not attempt.result.accepted:
        return []
    return [
        Value(appending.key(plan.name, name), appending.MASK if name in plan.hides else value)
        for name, value in attempt.result.captures.items()
    ]


def _missing(plan: EnhanceStep, attempt: Attempt) -> list[str]:
    """What is to be appended and was not there."""
    if not attempt.result.accepted:
        return []
    return [each.path for each in plan.appended if each.name not in attempt.result.captures]


def _plan(step: Step) -> EnhanceStep:
    flow = plans.current().flows.get(step.flow_id)
    found = next((each for each in flow.steps if each.id == step.id), None) if flow else None
    if not isinstance(found, EnhanceStep):
        raise NotPossible("Save the step first.")
    if found.broken:
        raise NotPossible(found.broken)
    return found


def _context(
    step: Step, plan: EnhanceStep, lead: Mapping[str, Any], id: str, source_id: str
) -> dict[str, Any]:
    source = plans.current().sources.get(source_id)
    return {
        "lead": lead,
        "source": source.values if source else {"id": "src_sample", "name": "Sample source"},
        "flow": {"id": step.flow_id, "slug": step.flow.slug, "name": step.flow.name},
        "recipient": plan.plan.fields,
        "now": timezone.now(),
        "delivery": {"id": id, "attempt": 1, "idempotency_key": id},
        "delivery_attempt": 1,
    }


def _record(step: Step, attempt: Attempt, *, by: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        journal.operation(
            EventType.ENHANCEMENT_TESTED,
            entity_id=step.id,
            flow_id=step.flow_id,
            reason=f"Asked by {by}",
            by=by,
            enhancement={"id": step.id, "name": step.name},
            result=attempt.result.outcome,
        )
        journal.write(cursor)


@lru_cache(maxsize=2)
def _door(networks: tuple[Network, ...]) -> Door:
    return Door(private_networks=networks, pool_size=2)
