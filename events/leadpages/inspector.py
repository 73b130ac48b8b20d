"""One event in full: its fields, the lead at that moment, the request and the reply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from events import curl, directory
from events.masking import TextMask, mask_values, personal_names
from events.models import Event, Exchange
from events.readable import pretty
from events.retention import gone
from events.retention.terms import Kept
from events.snapshots import Change, Line, Snapshots, compare
from events.visibility import Sight

# Shown in the exchange, in full; in the fields they would stand twice.
IN_EXCHANGE = "response.body"


@dataclass(frozen=True, slots=True)
class Shown:
    """An event as the inspector shows it. `exchange` is None where there was none, where it is not
    there any more, or not for the viewer: `exchange_gone` says why, `gone` of the snapshot."""

    event: Event
    fields: list[tuple[str, Any]]
    lines: list[Line]
    changes: list[Line]
    gone: str
    exchange: Exchange | None
    exchange_gone: str
    curl: str  # the request as a command; blank where there is none, or it would be masked
    masked: bool
    fresh: bool  # this event made its version of the snapshot


def inspect(event: Event, sight: Sight, *, fresh: bool) -> Shown:
    versions = [(event.lead_id, version) for version in {1, event.snapshot - 1, event.snapshot}]
    snapshots = Snapshots.read([v for v in versions if v[1] > 0], event.timestamp)
    values = snapshots.at(event)
    before = snapshots.bodies.get((event.lead_id, event.snapshot - 1))
    exchange, command = _exchange(event)
    hidden = exchange is not None and values is None and not sight.sees_personal
    data: Any = dict(event.data)
    reason = event.reason
    if not sight.sees_personal:
        privacy = directory.privacy(event.flow_id)
        mask = TextMask(snapshots.bodies.values(), privacy)
        data, reason = mask.deep(data), mask.text(reason)
        exchange = _masked(exchange, mask, known=values is not None)
        values, before = (_hide(each, privacy) for each in (values, before))
    event.reason = reason
    lines = compare(values, before) if values is not None else []
    return Shown(
        event=event,
        fields=[
            pair for pair in flat(data) if exchange is None or not pair[0].startswith(IN_EXCHANGE)
        ],
        lines=lines,
        changes=[line for line in lines if line.change is not Change.SAME],
        gone=gone.why(Kept.SNAPSHOTS, event) if values is None and event.snapshot else "",
        exchange=exchange,
        exchange_gone=_exchange_gone(event, masked=hidden) if exchange is None else "",
        curl=command if sight.sees_personal else "",
        masked=not sight.sees_personal,
        fresh=fresh,
    )


def _exchange(event: Event) -> tuple[Exchange | None, str]:
    """The event's exchange, laid out, and the command that sends it; its time bounds the
    partitions to look into."""
    if not event.exchange_id:
        return None, ""
    found = Exchange.objects.filter(id=event.exchange_id, at=event.timestamp).first()
    if found is None:
        return None, ""
    command = curl.command(found.method, found.url, found.request_headers, found.request_body)
    found.request_body = pretty(found.request_body)
    found.reply_body = pretty(found.reply_body)
    return found, command


def _exchange_gone(event: Event, *, masked: bool) -> str:
    if not event.exchange_id:
        return ""
    if masked:
        return "not shown: what is personal in it is no longer known"
    return gone.why(Kept.EXCHANGES, event)


def _masked(exchange: Exchange | None, mask: TextMask, *, known: bool) -> Exchange | None:
    """The exchange without personal values; not shown where we no longer know them."""
    if exchange is None or not known:
        return None
    for name in ("url", "request_body", "reply_body", "error"):
        setattr(exchange, name, mask.text(getattr(exchange, name)))
    exchange.request_headers = mask.deep(exchange.request_headers)
    exchange.reply_headers = mask.deep(exchange.reply_headers)
    return exchange


def _hide(values: Mapping[str, Any] | None, privacy: Mapping[str, str]) -> Mapping[str, Any] | None:
    if values is None:
        return None
    return mask_values(values, personal_names(values, privacy))


def flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """An event's own fields with dotted names."""
    for name, value in sorted(data.items()):
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
