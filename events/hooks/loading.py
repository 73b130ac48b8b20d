"""Active hooks, compiled; the names behind the record's ids, and which values are nobody's."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import orjson

from events import directory
from events.directory import Party
from events.hooks.repetition import Terms
from events.hooks.watches import Watch
from events.masking import Private
from events.models import EventHook
from events.parameters import types
from leadops.lib import conditions
from leadops.lib.conditions import Rule

NAMES_SECONDS = 15.0  # before they are read anew
FLOW, SOURCE, RECIPIENT = "flows.Flow", "flows.Source", "recipients.Recipient"


@dataclass(slots=True)
class Names:
    """Flows, sources and recipients by id; and what of a flow's leads is plain."""

    parties: dict[str, Party] = field(default_factory=dict)
    private: dict[str, Private] = field(default_factory=dict)
    read_at: float = -NAMES_SECONDS

    def fresh(self) -> Names:
        """Itself, read anew where it is old."""
        if time.monotonic() - self.read_at >= NAMES_SECONDS:
            kinds = (FLOW, SOURCE, RECIPIENT)
            self.parties = {each.id: each for kind in kinds for each in directory.parties(kind)}
            self.private = {}
            self.read_at = time.monotonic()
        return self

    def of(self, id: str) -> dict[str, str]:
        """As rules see it: `id`, `slug` and `name`."""
        found = self.parties.get(id)
        return found.as_json() if found else {"id": id, "slug": "", "name": ""}

    def shown(self, id: str) -> str:
        found = self.parties.get(id)
        return found.name if found else id

    def private_of(self, flow_id: str) -> Private:
        if flow_id not in self.private:
            self.private[flow_id] = Private.of(directory.privacy(flow_id))
        return self.private[flow_id]


def active() -> list[EventHook]:
    """Those that look at the record or at figures, with their channels."""
    hooks = EventHook.objects.filter(active=True, stopped_at=None).order_by("id")
    return list(hooks.prefetch_related("notify"))


def watches(hooks: Iterable[EventHook], names: Names) -> list[Watch]:
    return [watch(hook, names) for hook in hooks if not hook.metric]


def watch(hook: EventHook, names: Names) -> Watch:
    """A hook on events as it looks; slugs that name nothing match nothing."""
    return Watch(
        id=hook.id,
        slug=hook.slug,
        name=hook.name,
        rule=_compiled(orjson.dumps(hook.when)),
        reset=_compiled(orjson.dumps(hook.reset)) if hook.reset else None,
        types=frozenset(types(hook.types)) if hook.types else frozenset(),
        flows=_ids(hook.flows, "flow_", names.parties),
        recipients=_ids(hook.recipients, "rcp_", names.parties),
        tests=hook.tests,
        per=hook.per,
        terms=Terms(hook.times, hook.within, hook.cool_down),
        since=hook.armed_at,
    )


def _ids(slugs: Sequence[str], prefix: str, parties: Mapping[str, Party]) -> frozenset[str]:
    found = {each.slug: id for id, each in parties.items() if id.startswith(prefix)}
    return frozenset(found.get(slug, f"gone {slug}") for slug in slugs)


@lru_cache(maxsize=500)
def _compiled(document: bytes) -> Rule:
    return conditions.parse(orjson.loads(document))
