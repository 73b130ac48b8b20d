"""Who is who: the names behind the ids of the record.

Flows, sources and steps belong to an app above this one, which is not imported: the record's own
foreign keys lead to their models.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Manager, Q


@dataclass(frozen=True, slots=True)
class Party:
    """A flow, source or recipient as lists and links show it."""

    id: str
    slug: str
    name: str

    def as_json(self) -> dict[str, str]:
        return {"id": self.id, "slug": self.slug, "name": self.name}


def _of(model: str) -> Manager[Any]:
    found: Manager[Any] = apps.get_model(model)._default_manager
    return found


def parties(model: str) -> list[Party]:
    """All of `flows.Flow`, `flows.Source` or `recipients.Recipient`, by name."""
    rows = _of(model).order_by("name").values_list("id", "slug", "name")
    return [Party(*row) for row in rows]


def party(model: str, slug_or_id: str) -> Party | None:
    named = Q(slug=slug_or_id) | Q(id=slug_or_id)
    row = _of(model).filter(named).values_list("id", "slug", "name").first()
    return Party(*row) if row else None


def flows_of(recipients: Iterable[str]) -> list[Party]:
    """The flows that deliver to any of these recipients, by name."""
    ids = list(recipients)
    listed = Q(steps__recipients__recipient_id__in=ids) | Q(steps__remediation_id__in=ids)
    rows = _of("flows.Flow").filter(listed).order_by("name").values_list("id", "slug", "name")
    return [Party(*row) for row in rows.distinct()]


def currencies() -> list[str]:
    """Those that flows pay and are paid in."""
    found = _of("flows.Flow").order_by("currency").values_list("currency", flat=True)
    return list(found.distinct())


def flows_by_recipient(recipients: Iterable[str]) -> dict[str, set[str]]:
    """The ids of the flows that deliver to each of these recipients; two queries."""
    ids = list(recipients)
    listed = _of("flows.StepRecipient").filter(recipient_id__in=ids)
    last = _of("flows.Step").filter(remediation_id__in=ids)
    found: dict[str, set[str]] = {id: set() for id in ids}
    for recipient_id, flow_id in [
        *listed.values_list("recipient_id", "step__flow_id"),
        *last.values_list("remediation_id", "flow_id"),
    ]:
        found[recipient_id].add(flow_id)
    return found


def recipients_of(flow_ids: Iterable[str]) -> dict[str, set[str]]:
    """The ids of the recipients that each of these flows delivers to; two queries."""
    ids = list(flow_ids)
    listed = _of("flows.StepRecipient").filter(step__flow_id__in=ids)
    last = _of("flows.Step").filter(flow_id__in=ids, remediation_id__isnull=False)
    found: dict[str, set[str]] = {id: set() for id in ids}
    for flow_id, recipient_id in [
        *listed.values_list("step__flow_id", "recipient_id"),
        *last.values_list("flow_id", "remediation_id"),
    ]:
        found[flow_id].add(recipient_id)
    return found


def privacy(flow_id: str) -> dict[str, str]:
    """The flow's fields and appended values: name → plain, personal or sensitive."""
    return privacies([flow_id])[flow_id]


def privacies(flow_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The same of several flows, by their ids; two queries."""
    found: dict[str, dict[str, str]] = {id: {} for id in flow_ids}
    rows = _of("flows.FlowField").filter(flow_id__in=found)
    for flow_id, name, said in rows.values_list("flow_id", "name", "privacy"):
        found[flow_id][name] = said
    for flow_id, name, said in _appended(list(found)):
        found[flow_id][name] = said
    return found


def fields(flow_ids: Sequence[str] = ()) -> list[str]:
    """The names of the flows' fields, of all flows where none is named, in order of the alphabet;
    without those too sensitive to be kept."""
    rows = _of("flows.FlowField").exclude(privacy="sensitive")
    if flow_ids:
        rows = rows.filter(flow_id__in=flow_ids)
    return sorted(set(rows.values_list("name", flat=True)))


def _appended(flow_ids: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """What enhancement steps append: the flow, the whole name in a snapshot, its privacy."""
    rows = _of("flows.Enhancement").filter(step__flow_id__in=flow_ids)
    for flow_id, step, document in rows.values_list("step__flow_id", "step__name", "append"):
        for name, said in document.items():
            if isinstance(said, dict) and "privacy" in said:
                yield flow_id, f"appended.{step}.{name}", said["privacy"]


def steps(*flow_ids: str) -> dict[str, str]:
    """The steps of these flows: id → name."""
    return dict(_of("flows.Step").filter(flow_id__in=flow_ids).values_list("id", "name"))
