"""Earlier versions of flows, compiled for the leads that came under them.

What a version says counts for them to their end: steps, their order, rules, patterns, prices. As
it is now counts what flows share and what limits them: recipients, credentials, breakers, the caps
of steps that are still there. A process compiles a version when it first meets a lead of it, once
for each revision of the configuration, and keeps MOST of them.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Collection, Iterable
from dataclasses import replace

from django.db import connection
from django.db.models import Q

from flows import contents, loading
from flows.arrival.terms import Stored
from flows.models import Enhancement, FlowVersion, Step
from flows.plan import (
    DeliverStep,
    FlowPlan,
    Follows,
    NotLoaded,
    Plans,
    StepPlan,
    needs_of,
    step_caps,
)
from recipients.vault import stored_secrets

log = logging.getLogger(__name__)

MOST = 64
Key = tuple[str, int]  # a flow's id, and a version's number

# Leads are under way that have due work, or wait for a person.
UNDER_WAY = """
    inside AS MATERIALIZED (
        SELECT w.lead_id FROM flows_work w WHERE w.kind <> 'batch'
        UNION SELECT h.id FROM events_lead h WHERE h.held_at IS NOT NULL
    )
"""
IN_USE = f"""
    WITH {UNDER_WAY}
    SELECT DISTINCT l.flow_id, l.flow_version FROM inside i JOIN events_lead l ON l.id = i.lead_id
    WHERE l.status IN ('working', 'review') AND l.flow_version > 0
"""  # noqa: S608


def followed(current: Plans, lead: Follows) -> FlowPlan | None:
    """The flow as of the version that a lead goes by, compiled if need be; None where the flow
    cannot be used."""
    try:
        return current.followed([lead])[0]
    except NotLoaded as missing:
        catch_up(missing)
    return current.followed([lead])[0]


def catch_up(missing: NotLoaded) -> None:
    """Compile what was missing; a handful of queries, whatever the number of versions."""
    learn(missing.plans, missing.wanted)


def with_all_in_use(current: Plans) -> Plans:
    """The plans, with every version compiled that a lead is under way by."""
    with connection.cursor() as cursor:
        cursor.execute(IN_USE)
        found = [(flow_id, number) for flow_id, number in cursor.fetchall()]
    wanted = {
        key for key in found if (flow := current.flows.get(key[0])) and flow.version != key[1]
    }
    if wanted - current.earlier.known.keys():
        learn(current, wanted)
    return current


def learn(current: Plans, wanted: Collection[Key]) -> None:
    """Compile versions, and keep them beside those that were compiled last."""
    earlier = current.earlier
    with earlier.lock:
        missing = set(wanted) - earlier.known.keys()
        made = dict(_compiled(current, missing)) if missing else {}
        others = [key for key in earlier.known if key not in wanted]
        kept = others[max(0, len(others) - max(0, MOST - len(set(wanted)))) :]
        known = {key: earlier.known[key] for key in (*kept, *(set(wanted) & earlier.known.keys()))}
        # One assignment each: whoever reads at this moment finds the one or the other.
        earlier.needs = earlier.needs | needs_of(made.values())
        earlier.known = {**known, **made}


def _compiled(current: Plans, keys: Collection[Key]) -> Iterable[tuple[Key, FlowPlan]]:
    places = Q(pk__in=())
    for flow_id, number in keys:
        places |= Q(flow_id=flow_id, number=number)
    rows = {(row.flow_id, row.number): row for row in FlowVersion.objects.filter(places)}
    stored = functools.cache(stored_secrets)
    for flow_id, number in keys:
        if flow_id in current.flows:
            flow, row = current.flows[flow_id], rows.get((flow_id, number))
            yield (flow_id, number), _version(current, flow, row, number, stored)


def _version(
    current: Plans, flow: FlowPlan, row: FlowVersion | None, number: int, stored: Stored
) -> FlowPlan:
    if row is None or not row.digest:
        log.error(
            "Nobody knows version %s of %s; its leads go by the flow as it is", number, flow.id
        )
        return flow
    if row.digest == flow.digest:
        return flow
    try:
        return _compile(current, flow, row, stored)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.exception("Version %s of the flow %s cannot be used", number, flow.slug)
        why = f"Version {number} of the flow cannot be used any more: {error}"
        return replace(flow, version=number, digest=row.digest, steps=(), broken=why)


def _compile(current: Plans, flow: FlowPlan, row: FlowVersion, stored: Stored) -> FlowPlan:
    rows = contents.read(row.inside, flow.id, there=current.recipients.keys())
    _give_credentials(rows.steps)
    base = replace(flow, version=row.number, digest=row.digest)
    found = loading.inside(base, rows.flow, rows.fields, rows.steps, current.recipients, stored)
    now = {step.id: step for step in flow.steps}
    steps = tuple(
        _as_it_counts(step, now.get(step.id), tuple(rows.gone.get(step.id, ())))
        for step in found.steps
    )
    return replace(found, steps=steps, step_caps=tuple(step_caps(steps)))


def _as_it_counts(
    step: StepPlan, now: StepPlan | None, gone: tuple[tuple[str, str], ...]
) -> StepPlan:
    """A step of a version, limited as the same step is now; one that is gone as it was."""
    if not isinstance(step, DeliverStep):
        return step
    if not isinstance(now, DeliverStep):
        return replace(step, gone=gone)
    there = {candidate.recipient for candidate in now.candidates}
    left = {id: each for id, each in step.recipient_caps.items() if id not in there}
    return replace(step, gone=gone, caps=now.caps, recipient_caps={**left, **now.recipient_caps})


def _give_credentials(steps: Iterable[Step]) -> None:
    """Versions hold no credentials: those of today serve, where the step still asks the same
    service in the same way."""
    rows = [row for step in steps if (row := getattr(step, "enhancement", None)) is not None]
    if not rows:
        return
    today = Enhancement.objects.in_bulk([row.step_id for row in rows])
    for row in rows:
        other = today.get(row.step_id)
        if other is not None and (other.service, other.auth) == (row.service, row.auth):
            row.auth_secret = other.auth_secret
