"""Versions of flows: numbered whenever a flow has become different, compared, gone back to.

A version's content is the flow as a configuration bundle writes it. Bundles are known to the site
above: it names itself here when it starts, and calls `keep` wherever a change is recorded.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from django.db import transaction

from flows import contents
from flows.models import Flow, FlowVersion
from flows.plan import Plans
from recipients.models import Recipient

FOUND: Final = "as it was found"  # made by no change that keeps versions


class NotPossible(Exception):
    """A content cannot be made the flow; nothing was changed. `problems` say why, one by one."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class Documents(Protocol):
    """Flows as documents of a bundle, and back."""

    def write(self, flow: Flow) -> str:
        """The flow as it stands in the database."""

    def restore(self, flow: Flow, content: str, *, by: str, name: str) -> None:
        """Make the content the flow, checked and recorded as any other change, all of it or
        nothing. Raises NotPossible."""

    def compiled(self, flow: Flow, content: str) -> Plans:
        """All configuration with the flow as the content says; nothing is changed. Raises
        NotPossible."""


_documents: list[Documents] = []


def write_with(documents: Documents) -> None:
    """From now on `documents` writes and reads flows."""
    _documents[:] = [documents]


def documents() -> Documents:
    """Raises RuntimeError in a program that runs without the site."""
    if not _documents:
        raise RuntimeError("Nobody knows how to write flows")
    return _documents[0]


def keep(flow: Flow, *, by: str, note: str = "") -> FlowVersion | None:
    """Number what is configured now; None where the newest version says the same already."""
    if not _documents:
        return None
    with transaction.atomic():
        # Two savers at once would take the same number.
        Flow.objects.select_for_update().get(pk=flow.pk)
        [draft] = drafts([flow.pk])
        last = _last(flow.pk)
        if last is not None and last.content == draft.content and _same(last, draft):
            return None
        return _make(draft, last, by=by, note=note)


@dataclass(frozen=True, slots=True)
class Draft:
    """A version to be: `content` as people read it, `inside` what its leads go by."""

    flow_id: str
    content: str
    inside: Mapping[str, Any]
    digest: str


def drafts(flow_ids: Iterable[str]) -> list[Draft]:
    """What flows are at this moment; no query where there are none."""
    flow_ids = list(flow_ids)
    if not flow_ids:
        return []
    names = dict(Recipient.objects.values_list("id", "name"))
    query = Flow.objects.filter(pk__in=flow_ids)
    found = []
    for flow in query.prefetch_related("fields", "steps__recipients", "steps__enhancement"):
        inside = contents.written(flow, names)
        content = _documents[0].write(flow) if _documents else ""
        found.append(Draft(flow.pk, content, inside, contents.digest(inside)))
    return found


def record(draft: Draft) -> int:
    """Number what was found configured, as it was found; its number. 0: the flow is gone."""
    with transaction.atomic():
        if Flow.objects.select_for_update().filter(pk=draft.flow_id).first() is None:
            return 0
        last = _last(draft.flow_id)
        if last is not None and _same(last, draft):
            return last.number
        return _make(draft, last, by="", note=FOUND).number


def newest() -> dict[str, tuple[int, str]]:
    """Number and digest of each flow's newest version, by flow; one query."""
    query = FlowVersion.objects.order_by("flow_id", "-number").distinct("flow_id")
    return {id: (n, digest) for id, n, digest in query.values_list("flow_id", "number", "digest")}


def _last(flow_id: str) -> FlowVersion | None:
    return FlowVersion.objects.filter(flow_id=flow_id).first()


def _same(last: FlowVersion, draft: Draft) -> bool:
    """Whether leads go the same way. A version of an older release has not said which way they
    go: where its words are the same, it says so from now on."""
    if not last.digest and last.content == draft.content:
        last.inside, last.digest = draft.inside, draft.digest
        last.save(update_fields=["inside", "digest"])
    return last.digest == draft.digest


def _make(draft: Draft, last: FlowVersion | None, *, by: str, note: str) -> FlowVersion:
    return FlowVersion.objects.create(
        flow_id=draft.flow_id,
        number=last.number + 1 if last else 1,
        content=draft.content,
        inside=draft.inside,
        digest=draft.digest,
        made_by=by[:150],
        note=note[:200],
    )


def keep_first(flow: Flow) -> None:
    """Number a flow that was there before versions were."""
    if not flow.versions.exists():
        keep(flow, by="", note=FOUND)


def restore(flow: Flow, version: FlowVersion, *, by: str) -> None:
    """Go back to a version; its return is a version of its own. Raises NotPossible."""
    publish(flow, version.content, by=by, note=f"back to version {version.number}")


def publish(flow: Flow, content: str, *, by: str, note: str) -> None:
    """Make a content the flow; what comes of it is a version of that note. Raises NotPossible."""
    with transaction.atomic():
        before = flow.versions.first()
        documents().restore(flow, content, by=by, name=note)
        made = flow.versions.first()
        if made is not None and (before is None or made.number > before.number):
            made.note = note[:200]
            made.save(update_fields=["note"])


@dataclass(frozen=True, slots=True)
class Line:
    """A line of two versions compared; `side` is both, before, after, or gap: lines left out."""

    side: str
    text: str


def difference(before: str, after: str, *, around: int = 3) -> list[Line]:
    """What differs between two contents, each with a few lines around it; empty: nothing."""
    old, new = before.splitlines(), after.splitlines()
    found: list[Line] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(around):
        if found or group[0][1] > 0:
            found.append(Line("gap", "…"))
        for tag, a, b, c, d in group:
            if tag == "equal":
                found += [Line("both", text) for text in old[a:b]]
                continue
            found += [Line("before", text) for text in old[a:b]]
            found += [Line("after", text) for text in new[c:d]]
    return found
