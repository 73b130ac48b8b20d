"""Exports begun, cancelled, taken away: who may, and what the record says of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from events import following, visibility
from events.exports import keeping, noting
from events.exports.formats import FORMATS
from events.exports.subjects import SUBJECTS
from events.exports.subjects.base import NotTheirs as NotTheirs
from events.exports.wanted import Wanted
from events.models import Export, ExportLink
from events.privacy.wording import without_addresses
from events.visibility import Sight
from events.vocabulary import EventType
from leadops.lib import queue

TASK = "events.tasks.export"
MOST_OPEN = 10  # of one person
LINK_KEPT = timedelta(hours=24)
State = Export.State


class TooMany(ValueError):
    """This person has as many exports under way as anybody may."""


def may_export(user: Any) -> bool:
    """Auditors look, and take nothing away."""
    return bool(user.is_active and user.exports)


def visible(user: Any) -> Any:
    """The exports that somebody sees in the list: account managers their own."""
    rows = Export.objects.all()
    return rows if user.sees_all else rows.filter(created_by=user.get_username())


def may_take(user: Any, export: Export) -> bool:
    """Whether they may have the file: nothing is in it that they could not export today."""
    if not may_export(user):
        return False
    sight = visibility.of_user(user)
    if export.personal and not sight.sees_personal:
        return False
    if sight.recipients is None:
        return True
    own = export.recipients is not None and set(export.recipients) <= sight.recipients
    return own and export.created_by == user.get_username()


def may_cancel(user: Any, export: Export) -> bool:
    return bool(user.is_superuser or export.created_by == user.get_username())


def start(
    wanted: Wanted, *, by: str, sight: Sight, schedule: str = "", masked: bool = False
) -> Export:
    """Write down what is to be exported and have it made. Raises WrongShape for filters that are
    none, NotTheirs for rows out of sight, TooMany."""
    SUBJECTS[wanted.what].chosen(sight, wanted.filters)
    with noting.noted() as journal:
        if not schedule and _open_of(by) >= MOST_OPEN:
            raise TooMany(f"{MOST_OPEN} exports of yours are under way; wait for one of them.")
        export = Export.objects.create(
            what=wanted.what,
            format=wanted.format,
            filters=dict(wanted.filters),
            fields=list(wanted.fields),
            with_lead=wanted.with_lead,
            columns=columns(wanted),
            created_by=by,
            reason=without_addresses(wanted.reason),  # it stays for good
            recipients=None if sight.recipients is None else sorted(sight.recipients),
            personal=sight.sees_personal and not masked,
            schedule=schedule,
            horizon=following.horizon(),
            begun_at=journal.at,
            created_at=journal.at,
            touched_at=journal.at,
        )
        journal.operation(
            EventType.EXPORT_CREATED,
            entity_id=export.id,
            reason=f"{export.get_what_display()} as {export.get_format_display()}, by {by}",
            by=by,
            **_facts(export),
        )
        queue.enqueue(TASK, export.id)
    return export


def _open_of(by: str) -> int:
    return Export.objects.filter(created_by=by, state__in=Export.OPEN).count()


def columns(wanted: Wanted) -> list[str]:
    """The file's columns; none for a format that needs none."""
    if wanted.fields or not FORMATS[wanted.format].columns:
        return list(wanted.fields)
    return SUBJECTS[wanted.what].usual(wanted.filters, with_lead=wanted.with_lead)


def _facts(export: Export) -> dict[str, Any]:
    return {
        "what": export.what,
        "format": export.format,
        "filters": export.filters,
        "fields": export.fields,
        "masked": not export.personal,
        "recipients": export.recipients,
        "why": export.reason or None,
        "schedule": export.schedule or None,
    }


def cancel(export_id: str, *, by: str) -> bool:
    """Make no more of it; False when it had ended."""
    with noting.noted() as journal:
        export = Export.objects.select_for_update().get(pk=export_id)
        if not export.is_open:
            return False
        end(export, State.CANCELLED, journal, by=by)
    return True


def end(export: Export, state: Export.State, journal: Any, **facts: Any) -> None:
    """Bring it to its end; the caller holds the row. What is not done leaves no file."""
    export.state, export.finished_at = state, journal.at
    export.expires_at = journal.at + keeping.KEPT
    if state == State.DONE and export.schedule:
        export.send_at = journal.at
    export.save(
        update_fields=[
            "state", "finished_at", "expires_at", "send_at", "bytes", "pieces", "sha256", "error",
        ]
    )  # fmt: skip
    if state != State.DONE:
        keeping.purge(export)
    words = f"{export.rows:,} rows" if state == State.DONE else export.error or "no file is kept"
    journal.operation(
        EventType.EXPORT_ENDED,
        entity_id=export.id,
        reason=f"{state.label}: {words}",
        how=state.value,
        rows=export.rows,
        bytes=export.bytes,
        sha256=export.sha256 or None,
        **facts,
    )


def take(export: Export, *, by: str, way: str, address: str = "") -> None:
    """Note who takes the file away."""
    with noting.noted() as journal:
        journal.operation(
            EventType.EXPORT_DOWNLOADED,
            entity_id=export.id,
            reason=f"{export.rows:,} rows of {export.what}, taken by {by}",
            by=by,
            way=way,
            address=address or None,
            rows=export.rows,
            bytes=export.bytes,
            sha256=export.sha256,
            **_facts(export),
        )


def link(export: Export, *, by: str) -> ExportLink:
    """A link that opens the file for a day, at most as long as it is kept."""
    until = timezone.now() + LINK_KEPT
    if export.expires_at is not None:
        until = min(until, export.expires_at)
    with transaction.atomic(), noting.noted() as journal:
        made = ExportLink.objects.create(export=export, made_by=by, expires_at=until)
        journal.operation(
            EventType.EXPORT_LINKED,
            entity_id=export.id,
            reason=f"A link to the file was made by {by}",
            by=by,
            until=until.isoformat(),
        )
    return made


def taken(link: ExportLink) -> Mapping[str, str]:
    """Who takes a file by a link, for `take`."""
    return {"by": link.made_by, "way": f"link {link.pk}"}
