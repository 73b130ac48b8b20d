"""What hooks pause: a recipient, its endpoint, or a source; until somebody resumes it."""

from __future__ import annotations

from typing import Any

from events.hooks import pausing
from flows.byhand import steering
from flows.models import Source
from leadops.lib import history
from recipients.models import Endpoint, Recipient


def register() -> None:
    pausing.register("recipient", _recipient)
    pausing.register("endpoint", _endpoint)
    pausing.register("source", _source)


def _recipient(id: str, *, way: str, reason: str, by: str) -> str:
    recipient = _found(Recipient, id)
    paused = steering.pause_recipient(recipient, by=by, reason=reason)
    return f"paused {recipient.name}" if paused else ""


def _endpoint(id: str, *, way: str, reason: str, by: str) -> str:
    """The one that the event was about; the only one where it names none."""
    endpoints = list(Endpoint.objects.filter(recipient_id=id).select_related("recipient"))
    named = [each for each in endpoints if each.kind == way] if way else endpoints
    if len(named) != 1:
        raise LookupError("it is not known which endpoint")
    paused = steering.pause_endpoint(named[0], by=by, reason=reason)
    return f"paused {named[0].recipient.name}, {named[0].kind}" if paused else ""


def _source(id: str, *, way: str, reason: str, by: str) -> str:
    """A source is switched off, which is a change of configuration and recorded as one."""
    source = Source.objects.select_for_update().filter(pk=id).first()
    if source is None:
        raise LookupError("it is not there any more")
    if not source.active:
        return ""
    before = history.keeper().snapshot_of(source)
    source.active = False
    source.save(update_fields=["active"])
    history.keeper().record_change(before, history.keeper().snapshot_of(source), source, by)
    return f"switched off {source.name}"


def _found(model: Any, id: str) -> Any:
    found = model.objects.filter(pk=id).first()
    if found is None:
        raise LookupError("it is not there any more")
    return found
