"""What recipients get as they are configured now: which fields each is told, since when, on which
terms of consent; and which fields of a flow nobody is told.

A recipient is told what its mapping names, the newest version and one on trial; what its addresses,
headers and options name; and what a ping tells it before it has bought. Read for many at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.apps import apps

from events import directory
from events.privacy import naming
from events.privacy.naming import Field
from leadops.lib import durations
from recipients import versions
from recipients.models import Endpoint, MappingVersion, Ping, Recipient

LOOKED_BACK = 100  # versions, for since when a field is named: each has to be compiled


class Way(StrEnum):
    """How a field gets there."""

    MAPPING = "mapping"
    TRIAL = "trial"
    ADDRESS = "address"
    FALLBACK = "fallback"
    SANDBOX = "sandbox"
    PING = "ping"


WAYS = {
    Endpoint.Kind.FALLBACK: Way.FALLBACK,
    Endpoint.Kind.SANDBOX: Way.SANDBOX,
    Endpoint.Kind.PING: Way.PING,
}


@dataclass(frozen=True, slots=True)
class Told(Field):
    """A field that a recipient is told, and how; `described`: one of its flows has it."""

    ways: tuple[Way, ...] = ()
    described: bool = True

    @property
    def beside(self) -> str:
        """How, where the mapping does not name it."""
        return "" if Way.MAPPING in self.ways else ", ".join(self.ways)


@dataclass(frozen=True, slots=True)
class FlowTerms:
    """A flow that delivers to a recipient, and the evidence of consent it asks for."""

    id: str
    slug: str
    name: str
    consent_field: str
    consent_required: bool
    consent_max_age: float | None  # seconds

    @property
    def oldest(self) -> str:
        """E.g. 24h; empty for any age."""
        return "" if self.consent_max_age is None else durations.text(self.consent_max_age)


@dataclass(frozen=True, slots=True)
class Standing:
    """One recipient. `version` is None before its mapping is loaded for the first time."""

    recipient: Recipient
    version: MappingVersion | None
    trial: MappingVersion | None
    fields: tuple[Told, ...]
    flows: tuple[FlowTerms, ...]

    @property
    def by_class(self) -> list[list[Told]]:
        """Sensitive, personal and plain ones."""
        return naming.by_class(self.fields)

    @property
    def oldest(self) -> str:
        """How old the evidence may be for this recipient, e.g. 24h; empty for any age."""
        age = self.recipient.consent_max_age
        return "" if age is None else durations.text(age)

    @property
    def requiring(self) -> tuple[FlowTerms, ...]:
        """The flows that let no lead in without evidence."""
        return tuple(flow for flow in self.flows if flow.consent_required)


def standing(recipients: Sequence[Recipient]) -> list[Standing]:
    """Of each, in their order; as many queries for one as for hundreds."""
    flows = directory.flows_by_recipient(each.id for each in recipients)
    all_flows = {flow_id for ids in flows.values() for flow_id in ids}
    privacies = directory.privacies(all_flows)
    terms = _terms(all_flows)
    named = _Named.read(recipients)
    return [
        Standing(
            each,
            named.newest.get(each.id),
            named.trials.get(each.id),
            _told(named.of(each.id), _strictest(privacies[id] for id in flows[each.id])),
            tuple(flow for flow in terms if flow.id in flows[each.id]),
        )
        for each in recipients
    ]


@dataclass(frozen=True, slots=True)
class _Named:
    """All that names fields, by recipient."""

    newest: Mapping[str, MappingVersion]
    trials: Mapping[str, MappingVersion]
    endpoints: Mapping[str, Sequence[Endpoint]]
    pings: Mapping[str, Ping]

    @classmethod
    def read(cls, recipients: Iterable[Recipient]) -> _Named:
        rows = list(recipients)
        ids = [each.id for each in rows]
        endpoints = defaultdict(list)
        for endpoint in Endpoint.objects.filter(recipient_id__in=ids):
            endpoints[endpoint.recipient_id].append(endpoint)
        asked = Ping.objects.filter(recipient_id__in=ids, static_bid__isnull=True)
        return cls(
            newest=versions.newest_of(ids),
            trials=versions.on_trial(rows),
            endpoints=endpoints,
            pings={ping.recipient_id: ping for ping in asked},
        )

    def of(self, id: str) -> dict[str, set[Way]]:
        """The names, and the ways that each is told by."""
        found: dict[str, set[Way]] = defaultdict(set)
        for way, names in self._ways(id):
            for name in names:
                found[name].add(way)
        return found

    def _ways(self, id: str) -> Iterator[tuple[Way, frozenset[str]]]:
        if newest := self.newest.get(id):
            yield Way.MAPPING, naming.names_in(newest.content)
        if trial := self.trials.get(id):
            yield Way.TRIAL, naming.names_in(trial.content)
        for endpoint in self.endpoints.get(id, ()):
            if endpoint.kind != Endpoint.Kind.PING:
                way = WAYS.get(Endpoint.Kind(endpoint.kind), Way.ADDRESS)
                yield way, naming.in_endpoint(endpoint)
            elif ping := self.pings.get(id):  # without one, or with a static bid, nobody asks it
                yield Way.PING, naming.in_document(ping.mapping) | naming.in_endpoint(endpoint)


def _told(names: Mapping[str, set[Way]], privacy: Mapping[str, str]) -> tuple[Told, ...]:
    order = list(Way)
    return tuple(
        Told(
            name,
            naming.class_of(name, privacy),
            ways=tuple(sorted(ways, key=order.index)),
            described=name == naming.EVERYTHING or name in privacy,
        )
        for name, ways in sorted(names.items())
    )


def _strictest(privacies: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Flows may differ about a field: the strictest class is shown."""
    found: dict[str, str] = {}
    for privacy in privacies:
        for name, said in privacy.items():
            found[name] = naming.strictest([said, found.get(name, said)])
    return found


def _terms(flow_ids: Iterable[str]) -> list[FlowTerms]:
    """By name. Flows belong to an app above this one."""
    rows: Any = apps.get_model("flows.Flow").objects.filter(pk__in=list(flow_ids)).order_by("name")
    names = "id", "slug", "name", "consent_field", "consent_required", "consent_max_age"
    return [FlowTerms(*row) for row in rows.values_list(*names)]


@dataclass(frozen=True, slots=True)
class Version:
    """What a version named, and what was new or gone in it."""

    row: MappingVersion
    fields: tuple[Field, ...]
    added: tuple[Field, ...]
    removed: tuple[Field, ...]

    @property
    def by_class(self) -> list[list[Field]]:
        """Sensitive, personal and plain ones."""
        return naming.by_class(self.fields)


def history(
    recipient: Recipient, privacy: Mapping[str, str], *, before: int | None, limit: int
) -> tuple[list[Version], bool]:
    """A page of the versions, the newest first, and whether there are older ones."""
    rows = recipient.mapping_versions.order_by("-number")
    if before is not None:
        rows = rows.filter(number__lt=before)
    found = list(rows[: limit + 1])
    names = [naming.names_in(row.content) for row in found] + [frozenset()]
    return [
        Version(
            row,
            naming.classed(names[place], privacy),
            naming.classed(names[place] - names[place + 1], privacy),
            naming.classed(names[place + 1] - names[place], privacy),
        )
        for place, row in enumerate(found[:limit])
    ], len(found) > limit


def since(recipient: Recipient) -> dict[str, MappingVersion]:
    """For each field that the mapping names now, the version since which it has done so without a
    break, or the oldest one looked at."""
    rows = recipient.mapping_versions.order_by("-number")[:LOOKED_BACK]
    found: dict[str, MappingVersion] = {}
    still: frozenset[str] | None = None
    for row in rows.iterator(chunk_size=10):
        names = naming.names_in(row.content)
        still = names if still is None else still & names
        if not still:
            break
        found.update(dict.fromkeys(still, row))
    return found


def classes_for(recipient: Recipient) -> dict[str, str]:
    """The classes of fields as the recipient's flows have them, the strictest of each."""
    flows = directory.flows_by_recipient([recipient.id])[recipient.id]
    return _strictest(directory.privacies(flows).values())


@dataclass(frozen=True, slots=True)
class Unnamed:
    """The fields of a flow that neither a recipient nor a service is told."""

    flow: FlowTerms
    fields: tuple[Field, ...]


def unnamed(flows: Sequence[FlowTerms]) -> list[Unnamed]:
    """Of each of the flows, whoever its recipients are."""
    ids = [flow.id for flow in flows]
    members = directory.recipients_of(ids)
    all_members = {id for each in members.values() for id in each}
    named = _Named.read(Recipient.objects.filter(pk__in=all_members))
    names = {id: frozenset(named.of(id)) for id in all_members}
    served = _served(ids)
    privacies = directory.privacies(ids)
    found = []
    for flow in flows:
        told = served[flow.id].union(*(names[id] for id in members[flow.id]))
        left = set() if naming.EVERYTHING in told else set(privacies[flow.id]) - told
        found.append(Unnamed(flow, naming.classed(left, privacies[flow.id])))
    return found


def _served(flow_ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """What services are told, by flow: those that append, and those that say a source's price."""
    found: dict[str, frozenset[str]] = dict.fromkeys(flow_ids, frozenset())
    steps: Any = apps.get_model("flows.Enhancement").objects.filter(step__flow_id__in=flow_ids)
    for step in steps.select_related("step"):
        found[step.step.flow_id] |= naming.in_service(step)
    sources: Any = apps.get_model("flows.FlowSource").objects.filter(flow_id__in=flow_ids)
    for flow_id, pricing in sources.values_list("flow_id", "pricing"):
        found[flow_id] |= naming.in_pricing(pricing)
    return found
