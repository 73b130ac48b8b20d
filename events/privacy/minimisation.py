"""Which of a lead's fields went to whom, and under which consent.

Events name the version of the mapping that an attempt was sent by, and versions never change: what
a recipient was told is derived from them, and nothing has to be written for each lead. Addresses,
headers, options and the mappings of pings and services have no versions; what they name is marked
as configured now. What the lead did not have at the time went to nobody, whatever names it; where
its values are kept no longer, all that is named is listed.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.utils import timezone

from events import directory
from events.models import Delivery, Event, Lead
from events.privacy import naming
from events.privacy.naming import EVERYTHING, Field, classed
from events.snapshots import Snapshots
from events.visibility import Sight
from events.vocabulary import EventType
from recipients.models import Endpoint, MappingVersion, Ping

ASKED = (
    EventType.AUCTION_BID,
    EventType.ENHANCEMENT_SUCCESS,
    EventType.ENHANCEMENT_FAILURE,
    EventType.ENHANCEMENT_ERROR,
)


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What one party was told of a lead: a delivery, a ping for a bid, or a service asked."""

    kind: str
    name: str
    at: datetime | None
    fields: tuple[Field, ...]
    delivery_id: str = ""
    mapping_version: int = 0
    consent_age: int | None = None

    @property
    def by_class(self) -> list[list[Field]]:
        """Sensitive, personal and plain ones."""
        return naming.by_class(self.fields)


@dataclass(frozen=True, slots=True)
class Account:
    """All of one lead. `consent` is what the record says of the evidence; None: none asked for."""

    disclosures: tuple[Disclosure, ...]
    consent: Mapping[str, Any] | None


def of_lead(lead: Lead, sight: Sight = Sight()) -> Account:  # noqa: B008  frozen
    """Who got what, as far as the viewer may see who they are."""
    privacy = directory.privacy(lead.flow_id)
    consent = _consent(lead.id)
    sent = _attempts(lead.id)
    values = _values(lead.id, [how.snapshot for ways in sent.values() for how in ways])
    rows = sight.deliveries().filter(lead=lead, attempts__gt=0).select_related("recipient")
    found = [
        _delivered(row, how, lead, privacy, consent, had=values.get(how.snapshot))
        for row in rows.order_by("id")
        for how in sent.get(row.id) or [_last(row)]
    ]
    if sight.sees_all:
        found += _asked(lead, privacy)
    return Account(tuple(found), consent)


def _consent(lead_id: str) -> Mapping[str, Any] | None:
    at_the_door = (EventType.SOURCE_ACCEPTED, EventType.SOURCE_REJECTED)
    rows = Event.objects.filter(lead_id=lead_id, type__in=at_the_door, seq__lte=2)
    data = rows.values_list("data", flat=True).first()
    return (data or {}).get("consent")


@dataclass(frozen=True, slots=True)
class _How:
    """By which version a delivery was sent, where to, when first, and what the lead was then."""

    version: int
    endpoint: str
    at: datetime | None
    snapshot: int = 0  # of the lead's values; 0: not known any more


def _last(row: Delivery) -> _How:
    """Where the events are kept no longer, the delivery knows its last attempt's."""
    return _How(row.mapping_version, row.endpoint, row.first_attempt_at)


def _attempts(lead_id: str) -> dict[str, list[_How]]:
    """By delivery, each version and endpoint that it was tried with."""
    rows = Event.objects.filter(lead_id=lead_id, type=EventType.RECIPIENT_ATTEMPT).order_by("seq")
    found: dict[str, dict[tuple[int, str], _How]] = {}
    for at, data, snapshot in rows.values_list("timestamp", "data", "snapshot"):
        said = data.get("metadata", {})
        key = int(said.get("mapping_version") or 0), str(said.get("endpoint") or "production")
        ways = found.setdefault(data.get("delivery", {}).get("id", ""), {})
        ways.setdefault(key, _How(*key, at, snapshot))
    return {delivery_id: list(ways.values()) for delivery_id, ways in found.items()}


def _values(lead_id: str, snapshots: Iterable[int]) -> dict[int, Mapping[str, Any]]:
    """The lead's values by the number of their snapshot, as far as they are kept."""
    wanted = {(lead_id, number) for number in snapshots if number}
    if not wanted:
        return {}
    read = Snapshots.read(wanted, timezone.now())
    return {number: body for (_, number), body in read.bodies.items()}


def _of(fields: Iterable[Field], had: Mapping[str, Any] | None) -> tuple[Field, ...]:
    """Those that the lead had a value for; all where its values are not known."""
    if had is None:
        return tuple(fields)
    names = {name for name, value in had.items() if value not in (None, "", [], {})}
    names |= {name.partition(".")[0] for name in names}
    return tuple(each for each in fields if each.name == EVERYTHING or each.name in names)


def _delivered(
    row: Delivery,
    how: _How,
    lead: Lead,
    privacy: Mapping[str, str],
    consent: Mapping[str, Any] | None,
    *,
    had: Mapping[str, Any] | None,
) -> Disclosure:
    at = how.at
    age = (consent or {}).get("age_seconds")
    waited = round((at - lead.created_at).total_seconds()) if at else 0
    own = fields_of(row.recipient_id, how.version, privacy)
    beside = classed(_addressed(row.recipient_id, how.endpoint), privacy, now=True)
    return Disclosure(
        "delivery",
        row.recipient.name,
        at,
        _of(_joined(own, beside), had),
        delivery_id=row.id,
        mapping_version=how.version,
        consent_age=None if age is None else age + waited,
    )


def _asked(lead: Lead, privacy: Mapping[str, str]) -> Iterator[Disclosure]:
    """Bidders and services; those that answered, or were asked and did not."""
    rows = Event.objects.filter(lead_id=lead.id, type__in=ASKED).exclude(exchange_id="")
    events = list(rows.order_by("seq"))
    values = _values(lead.id, [event.snapshot for event in events])
    for event in events:
        ping = event.type == EventType.AUCTION_BID
        names = _pinged(event.entity_id) if ping else _served(event.entity_id)
        who = event.data.get("recipient" if ping else "enhancement", {}).get("name", "")
        fields = _of(classed(names, privacy, now=True), values.get(event.snapshot))
        yield Disclosure("ping" if ping else "service", who, event.timestamp, fields)


def fields_of(recipient_id: str, version: int, privacy: Mapping[str, str]) -> tuple[Field, ...]:
    """What a version of a recipient's mapping names of a lead."""
    return classed(_of_version(recipient_id, version), privacy)


@functools.lru_cache(maxsize=4096)
def _of_version(recipient_id: str, number: int) -> frozenset[str]:
    """Versions never change: each is read once a process."""
    row = MappingVersion.objects.filter(recipient_id=recipient_id, number=number).first()
    return frozenset() if row is None else naming.names_in(row.content)


def _addressed(recipient_id: str, endpoint: str) -> frozenset[str]:
    """What address, headers and options name, as configured now."""
    rows = Endpoint.objects.filter(recipient_id=recipient_id)
    named = [row for row in rows if row.kind == endpoint] or list(rows)
    return frozenset().union(*(naming.in_endpoint(row) for row in named))


def _pinged(recipient_id: str) -> frozenset[str]:
    row = Ping.objects.filter(recipient_id=recipient_id).first()
    return naming.in_document(row.mapping) if row else frozenset()


def _served(step_id: str) -> frozenset[str]:
    row = apps.get_model("flows.Enhancement").objects.filter(pk=step_id).first()
    return naming.in_service(row) if row else frozenset()


def _joined(own: tuple[Field, ...], beside: tuple[Field, ...]) -> tuple[Field, ...]:
    known = {field.name for field in own}
    return own + tuple(field for field in beside if field.name not in known)


def as_json(lead: Lead, sight: Sight = Sight()) -> dict[str, Any]:  # noqa: B008  frozen
    """As the API and copies show it."""
    account = of_lead(lead, sight)
    return {
        "consent": account.consent,
        "disclosures": [
            {
                "kind": each.kind,
                "to": each.name,
                "delivery_id": each.delivery_id or None,
                "at": each.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
                if each.at
                else None,
                "mapping_version": each.mapping_version or None,
                "consent_age_seconds": each.consent_age,
                "fields": [
                    {"name": f.name, "privacy": f.privacy, **({"as_of_now": True} if f.now else {})}
                    for f in each.fields
                ],
            }
            for each in account.disclosures
        ],
    }
