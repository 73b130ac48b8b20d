"""What befalls endpoints: refused credentials pause one, a full one is left alone for a while, a
failing one is left alone by its breaker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from events import alerting, shapes
from events.journal import Journal
from events.vocabulary import EventType
from flows.delivery.admission import Condition
from flows.delivery.breakers import Entered, Step, Visits, replay
from flows.turns.desk import Desk
from leadops.lib import wire
from leadops.lib.bulk import Table
from recipients.breaker import Breaker, State

# Those that are not to be used at the moment; a handful at most.
CONDITIONS = """
    SELECT id, paused_at IS NOT NULL, paused_reason, not_before FROM recipients_endpoint
    WHERE paused_at IS NOT NULL OR not_before > clock_timestamp()
"""

TABLE = Table(
    "recipients_breaker",
    {
        "endpoint_id": "text",
        "state": "text",
        "window": "text",
        "wait": "float",
        "until": "timestamptz",
        "since": "timestamptz",
        "probe": "text",
        "quota": "smallint",
        "used": "smallint",
        "back": "smallint",
        "reason": "text",
        "at_rest": "boolean",
    },
    key="endpoint_id",
)
STATE = [name for name in TABLE.columns if name not in ("endpoint_id", "at_rest")]
_COLUMNS = ", ".join(f'"{name}"' for name in ["endpoint_id", *STATE])
# Those that a success would change, or that may refuse; of the others nothing needs to be known.
BREAKERS = f"SELECT {_COLUMNS} FROM recipients_breaker WHERE NOT at_rest"  # noqa: S608
MAKE = """
    INSERT INTO recipients_breaker
        (endpoint_id, state, "window", wait, probe, quota, used, back, reason, at_rest)
    SELECT id, 'closed', '', 0, '', 0, 0, 0, '', false
    FROM recipients_endpoint WHERE id = ANY(%s) ORDER BY id
    ON CONFLICT DO NOTHING
"""
LOCK = f"""
    SELECT {_COLUMNS} FROM recipients_breaker WHERE endpoint_id = ANY(%s)
    ORDER BY endpoint_id FOR UPDATE
"""  # noqa: S608
# Endpoints whose breaker this process has seen at rest. It is read whenever it is not any more, so
# what is in here and was not read is at rest still, and its successes need not be written.
_at_rest: set[str] = set()


def write(desk: Desk, journal: Journal) -> None:
    """Write what befell endpoints: paused by a refusal of our credentials, told to wait, or failing
    at every try."""
    if not desk.pauses and not desk.holds and not desk.alarms:
        return
    with connection.cursor() as cursor:
        for endpoint_id, (recipient_id, text) in sorted(desk.alarms.items()):
            subject = failing(endpoint_id)
            alerting.raise_alert(
                cursor, journal, subject=subject, text=text, entity_id=recipient_id
            )
        # All of them first, in order: another turn may hold and pause the same.
        cursor.execute(
            "SELECT FROM recipients_endpoint WHERE id = ANY(%s) ORDER BY id FOR UPDATE",
            [[*desk.holds, *desk.pauses]],
        )
        for endpoint_id, until in sorted(desk.holds.items()):
            cursor.execute(
                "UPDATE recipients_endpoint SET not_before = greatest(not_before, %s) "
                "WHERE id = %s",
                [until, endpoint_id],
            )
        for endpoint_id, reason in sorted(desk.pauses.items()):
            cursor.execute(
                "UPDATE recipients_endpoint SET paused_at = clock_timestamp(), paused_reason = %s "
                "WHERE id = %s AND paused_at IS NULL RETURNING recipient_id",
                [reason[:300], endpoint_id],
            )
            row = cursor.fetchone()
            if row:
                journal.operation(
                    EventType.RECIPIENT_PAUSED,
                    entity_id=row[0],
                    reason=reason,
                    recipient=shapes.recipient(desk.plans.recipients[row[0]]),
                    endpoint_id=endpoint_id,
                )
                alerting.raise_alert(cursor, journal, subject=row[0], text=reason)


def failing(endpoint_id: str) -> str:
    """The subject of alerts about tries that all failed; the breaker's own has the id alone."""
    return f"{endpoint_id}:tries"


def condition_of(row: Sequence[Any]) -> Condition:
    """From a row of `CONDITIONS`, its endpoint's id in front."""
    _, paused, reason, not_before = row
    return Condition(reason if paused else "", not_before)


def breaker_of(row: Sequence[Any]) -> Breaker:
    """A row of BREAKERS or LOCK as a value."""
    state, *rest = row[1:]
    return Breaker(State(state), *rest)


def write_breakers(desk: Desk) -> None:
    """Replay on the breakers what the turn did to them; raises Contended.

    The last that a turn does before it commits: pumps that share an endpoint wait for each other
    no longer than that. All rows first, in order of their ids.
    """
    visits = {
        id: each
        for id, each in desk.breakers.visits.items()
        if not _changes_nothing(id, each, desk)
    }
    if not visits:
        return
    journal = Journal(desk.now)
    before = _locked(list(visits))
    after = {}
    with wire.cursor() as cursor:
        for id, found in before.items():
            after[id] = found
            for step in replay(found, visits[id], desk.now):
                after[id] = step.after
                if step.calmed:
                    alerting.resolve_alerts(
                        cursor,
                        journal,
                        subject=failing(id),
                        entity_id=visits[id].plan.id,
                    )
                _note(cursor, journal, step, visits[id])
        _store(cursor, {id: each for id, each in after.items() if each != before[id]}, visits)
        journal.write(cursor)


def _changes_nothing(id: str, visits: Visits, desk: Desk) -> bool:
    return visits.all_good and id in _at_rest and id not in desk.breakers.known


def _locked(ids: list[str]) -> dict[str, Breaker]:
    """The breakers, made where there are none yet; without those whose endpoints are gone."""
    made, locked = wire.cursor(), wire.cursor()
    with connection.connection.pipeline():
        made.execute(MAKE, [ids])
        locked.execute(LOCK, [ids])
    return {row[0]: breaker_of(row) for row in locked.fetchall()}


def _store(cursor: Any, changed: dict[str, Breaker], visits: dict[str, Visits]) -> None:
    rows, resting = [], []
    for id, found in changed.items():
        at_rest = found.at_rest(visits[id].plan.breaker)
        rows.append(_row(id, found, at_rest=at_rest))
        if at_rest:
            resting.append(id)
    TABLE.update(cursor, rows)
    if resting:
        transaction.on_commit(lambda: _at_rest.update(resting))


def _row(id: str, found: Breaker, *, at_rest: bool) -> dict[str, Any]:
    state = {name: getattr(found, name) for name in STATE}
    return {"endpoint_id": id, **state, "at_rest": at_rest}


def lock_breaker(id: str) -> Breaker:
    """An endpoint's breaker, locked for this transaction, made where there was none."""
    return _locked([id])[id]


def store_breaker(cursor: Any, id: str, found: Breaker) -> None:
    """What staff made of a breaker. It is read by every turn until it is at rest."""
    TABLE.update(cursor, [_row(id, found, at_rest=False)])


def _note(cursor: Any, journal: Journal, step: Step, visits: Visits) -> None:
    """Put into the record what a step did, and tell staff."""
    plan, endpoint = visits.plan, visits.endpoint
    if step.probes:
        assert isinstance(step.event, Entered)  # noqa: S101  only such probe
        journal.operation(
            EventType.BREAKER_PROBED,
            entity_id=plan.id,
            delivery={"id": step.event.delivery_id},
            **breaker_fields(plan, endpoint, step.after),
        )
    elif step.closed:
        journal.operation(
            EventType.BREAKER_CLOSED,
            entity_id=plan.id,
            reason="It answers again",
            **breaker_fields(plan, endpoint, step.after),
        )
        alerting.resolve_alerts(cursor, journal, subject=endpoint.id)
    elif step.opened and not step.released:
        journal.operation(
            EventType.BREAKER_OPENED,
            entity_id=plan.id,
            reason=step.after.reason,
            **breaker_fields(plan, endpoint, step.after),
        )
        text = f"{plan.name}: the {endpoint.kind} endpoint is left alone: {step.after.reason}"
        alerting.raise_alert(cursor, journal, subject=endpoint.id, text=text)


def breaker_fields(plan: Any, endpoint: Any, found: Breaker) -> dict[str, Any]:
    """The own fields of breaker events; of recipient and endpoint models or plans will do."""
    return {
        "recipient": shapes.recipient(plan),
        "endpoint": {"id": endpoint.id, "kind": str(endpoint.kind)},
        "state": found.state.value,
        "failed": found.failed,
        "counted": len(found.window),
        "wait_seconds": found.wait,
        "probe_at": _moment(found.until) if found.state is State.OPEN else None,
    }


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None
