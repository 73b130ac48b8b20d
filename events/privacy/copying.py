"""A copy of everything that is held about a person, for an access request."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from html import escape
from typing import Any

from django.db import connection, transaction

from events import leads, visibility
from events.journal import Journal
from events.models import Delivery, Event, Lead, PrivacyRequest
from events.privacy import holdings, minimisation
from events.privacy.erasing import wording
from events.privacy.finding import Person
from events.vocabulary import EventType
from leadops.lib import ids

MOST = 1_000  # leads in one copy
JSON_NAME, PAGE_NAME = "copy.json", "copy.html"


MASKED = "Personal values are masked for your role, and it may not reveal them; see The record."


def may_take(user: Any) -> bool:
    """Whether somebody may have a copy, which shows the person all in clear: administrators to
    whom personal values are shown, or who may reveal them. Taking it is recorded as a reveal is,
    with why."""
    if not user.is_superuser:
        return False
    return visibility.sees_personal(user) or user.role in visibility.settings_for(user).revealed_by


class TooMany(ValueError):
    """More leads than one copy holds."""


def copy(found: Person) -> dict[str, Any]:
    """Everything, as JSON can hold it. Raises TooMany."""
    if len(found.leads) > MOST:
        raise TooMany(f"{len(found.leads):,} leads; a copy holds {MOST:,}. Ask lead by lead.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        made_at = cursor.fetchone()[0]
        per_lead = [_lead(cursor, lead) for lead in found.leads]
        nameless = _rows(cursor, found.subject.nameless)
    return {
        "made_at": _plain(made_at),
        "looked_for": found.kind,
        "leads": per_lead,
        "elsewhere": nameless,
    }


def _lead(cursor: Any, lead: Lead) -> dict[str, Any]:
    return {
        "id": lead.id,
        "received_at": _plain(lead.created_at),
        "received_from": lead.source.name,
        "for": lead.flow.name,
        "status": lead.status,
        "result": lead.result,
        "reason": lead.reason,
        "sent_to": _sent_to(lead),
        "who_got_what": minimisation.as_json(lead),
        "what_happened": _events(lead.id),
        "held": _rows(cursor, holdings.Subject((lead.id,), lead.created_at)),
    }


def _sent_to(lead: Lead) -> list[dict[str, Any]]:
    rows = Delivery.objects.filter(lead=lead).select_related("recipient").order_by("id")
    return [
        {
            "recipient": row.recipient.name,
            "state": row.state,
            "attempts": row.attempts,
            "first_sent_at": _plain(row.first_attempt_at),
            "ended_at": _plain(row.finished_at),
            "its_id_there": row.buyer_lead_id,
        }
        for row in rows
    ]


def _events(lead_id: str) -> list[dict[str, Any]]:
    rows = Event.objects.filter(lead_id=lead_id).order_by("seq")
    return [
        {
            "at": _plain(row.timestamp),
            "what": row.type,
            "outcome": row.outcome,
            "reason": row.reason,
        }
        for row in rows
    ]


def _rows(cursor: Any, subject: holdings.Subject) -> dict[str, list[dict[str, Any]]]:
    """By what it is, the rows that can be shown; digests say nothing to anybody."""
    shown = {each.title: each.copy(cursor, subject) for each in holdings.all_holdings()}
    return {
        title: [{name: _plain(value) for name, value in row.items()} for row in rows]
        for title, rows in shown.items()
        if rows
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value) if isinstance(value, Decimal) else value


def record(found: Person, *, by: str, reason: str) -> PrivacyRequest:
    """Note that a copy was handed out: for each lead, and for the request. Before it goes out."""
    said = wording(found.subject, reason)
    with transaction.atomic(), connection.cursor() as cursor:
        locked = leads.lock(cursor, found.lead_ids)
        cursor.execute("SELECT clock_timestamp()")
        journal = Journal(cursor.fetchone()[0])
        request = PrivacyRequest.objects.create(
            id=ids.new_id("prv"),
            action=PrivacyRequest.Action.COPY,
            kind=found.kind,
            subject=found.digest,
            by=by,
            reason=said,
            leads=list(found.lead_ids),
            position=len(found.lead_ids),
            state=PrivacyRequest.State.DONE,
            finished_at=journal.at,
        )
        for lead in locked.values():
            journal.record(
                lead,
                EventType.LEAD_COPIED,
                entity_id=lead.flow_id,
                reason=said,
                by=by,
                request=request.id,
            )
        journal.operation(
            EventType.PRIVACY_COPIED,
            entity_id=request.id,
            reason=f"A copy of {len(locked):,} lead{'' if len(locked) == 1 else 's'} for {by}",
            by=by,
            looked_for=found.kind,
            why=said,
            leads=len(locked),
        )
        leads.save(cursor, list(locked.values()))
        journal.write(cursor)
    return request


def as_text(made: Mapping[str, Any]) -> str:
    return json.dumps(made, indent=2, ensure_ascii=False, default=str) + "\n"


def as_zip(made: Mapping[str, Any]) -> bytes:
    """The copy for programs, and the same as a page that people can read."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(JSON_NAME, as_text(made))
        archive.writestr(PAGE_NAME, as_page(made))
    return packed.getvalue()


def as_page(made: Mapping[str, Any]) -> str:
    body = "".join(_section(f"Lead {each['id']}", each) for each in made["leads"])
    elsewhere = _section("Elsewhere", made["elsewhere"]) if made["elsewhere"] else ""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>A copy of your data</title>"
        "<style>body{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse;width:100%}th,td{border:1px solid #ccc;padding:.3rem .5rem;"
        "text-align:left;vertical-align:top;overflow-wrap:anywhere}th{width:16rem;"
        "font-weight:600}</style>"
        f"<h1>A copy of your data</h1><p>Made {escape(str(made['made_at']))}.</p>{body}{elsewhere}"
        "</html>"
    )


def _section(title: str, value: Mapping[str, Any]) -> str:
    return f"<h2>{escape(title)}</h2>{_table(value)}"


def _table(value: Any) -> str:
    """Objects as tables in tables, lists one under the other."""
    if isinstance(value, Mapping):
        rows = "".join(
            f"<tr><th>{escape(str(name).replace('_', ' '))}<td>{_table(item)}"
            for name, item in value.items()
        )
        return f"<table>{rows}</table>" if rows else ""
    if isinstance(value, list):
        return "".join(f"<div>{_table(item)}</div>" for item in value)
    return "" if value is None else escape(str(value))
