"""Drafts of a recipient's mapping and reading, tried: on one lead, and on many recent ones.

Nothing is sent and nothing is written.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol

import orjson

from events import replies
from flows.trying import draftleads
from flows.trying.draftleads import Given
from leadops.lib.http.messages import Reply
from recipients import drafts
from recipients.deliver import RecordedRequest
from recipients.drafts import UnknownPath
from recipients.mapping import Difference, LeftOut, RenderError, differences
from recipients.mapping import Mapping as LeadMapping
from recipients.outcomes import Result
from recipients.plan import EndpointPlan, RecipientPlan
from recipients.responses.rereading import Recorded, Reread, recorded_reply

MOST: Final = 1000  # leads of a dry run
USUAL: Final = 100
SECONDS: Final = 10.0
"""Of work for a whole dry run; it then says how far it came."""
CHUNK_SECONDS: Final = 1.0
CHUNK: Final = 50  # leads read at once


@dataclass(frozen=True, slots=True)
class Preview:
    """The request for one lead as it would go out. `problem` says why there is none; `silent` are
    paths without a value for this lead."""

    request: RecordedRequest | None = None
    endpoint: EndpointPlan | None = None
    left_out: tuple[LeftOut, ...] = ()
    unknown: tuple[UnknownPath, ...] = ()
    silent: tuple[str, ...] = ()
    problem: str = ""


def preview(
    plan: RecipientPlan, mapping: LeadMapping, given: Given, *, known: Collection[str]
) -> Preview:
    """What a lead would be sent as by a draft."""
    unknown = tuple(drafts.unknown_paths(mapping.paths, known, given.context))
    try:
        left_out = tuple(mapping.left_out(given.context))
        missing = mapping.missing(given.context)
    except RenderError as error:
        return Preview(unknown=unknown, problem=str(error))
    lost = {each.path for each in unknown}
    silent = tuple(path for path in missing if not {path, f"lead.{path}"} & lost)
    endpoint, attempt = drafts.rehearsed(plan, mapping, given.context)
    if attempt is None:
        problem = plan.paused_reason if plan.production is None else ""
        return Preview(
            None, None, left_out, unknown, silent, problem or "There is no endpoint yet."
        )
    problem = ""
    if attempt.request is None:
        problem = ": ".join(filter(None, (attempt.result.reason, attempt.result.details)))
    return Preview(attempt.request, endpoint, left_out, unknown, silent, problem)


class Reads(Protocol):
    def read(self, reply: Reply) -> Result: ...


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared: saved and draft. A saved mapping that does not compile is None."""

    saved: LeadMapping | None
    draft: LeadMapping
    saved_reader: Reads
    draft_reader: Reads


@dataclass(frozen=True, slots=True)
class Tried:
    """One lead. `problem` is what the draft fails with, `problem_before` the saved mapping."""

    lead_id: str
    at: datetime
    differences: tuple[Difference, ...] = ()
    problem: str = ""
    problem_before: str = ""
    reread: Reread | None = None

    @property
    def payload_differs(self) -> bool:
        return bool(self.differences) or self.problem != self.problem_before

    @property
    def outcome_differs(self) -> bool:
        """By the saved rules and by the draft's, whatever the record says."""
        return self.reread is not None and self.reread.was.outcome != self.reread.now.outcome

    @property
    def differs(self) -> bool:
        return self.payload_differs or self.outcome_differs


@dataclass(slots=True)
class Tally:
    """The sums of a dry run so far; `seconds` of work."""

    looked: int = 0
    payloads: int = 0
    replies: int = 0
    outcomes: int = 0
    problems: int = 0
    erased: int = 0
    seconds: float = 0.0
    keys: Counter[str] = field(default_factory=Counter)

    def add(self, tried: Tried) -> None:
        self.looked += 1
        self.payloads += tried.payload_differs
        self.replies += tried.reread is not None
        self.outcomes += tried.outcome_differs
        self.problems += bool(tried.problem)
        self.keys.update(dict.fromkeys([each.key for each in tried.differences], 1))


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a dry run. `after` is where the next begins, None at the end; `stopped`: the time
    was over before."""

    tried: tuple[Tried, ...]
    tally: Tally
    after: tuple[datetime, str] | None
    stopped: bool = False


def dry_run(
    plan: RecipientPlan,
    sides: Sides,
    flows: Sequence[str],
    *,
    wanted: int,
    tally: Tally,
    after: tuple[datetime, str] | None = None,
) -> Chunk:
    """Go on with a dry run for about a second of work, from where it stood."""
    began = time.monotonic()
    found: list[Tried] = []
    while True:
        count = min(CHUNK, wanted - tally.looked - tally.erased)
        leads = draftleads.last_leads(flows, count, before=after) if count > 0 else []
        if not leads:
            return _ended(found, tally, began, None)
        after = _through(leads, plan, sides, tally, found, began, after)
        spent = tally.seconds + time.monotonic() - began
        if spent >= SECONDS:
            return _ended(found, tally, began, after, stopped=True)
        if time.monotonic() - began >= CHUNK_SECONDS:
            return _ended(found, tally, began, after)


def _ended(
    found: list[Tried],
    tally: Tally,
    began: float,
    after: tuple[datetime, str] | None,
    *,
    stopped: bool = False,
) -> Chunk:
    tally.seconds += time.monotonic() - began
    return Chunk(tuple(found), tally, None if stopped else after, stopped)


def _through(
    leads: Sequence[Any],
    plan: RecipientPlan,
    sides: Sides,
    tally: Tally,
    found: list[Tried],
    began: float,
    after: tuple[datetime, str] | None,
) -> tuple[datetime, str] | None:
    """Tries the leads until the time of a chunk is over; gives the last one that was tried."""
    known = {each.id: each for each in draftleads.given(leads, plan)}
    recorded = _recorded(plan, list(known))
    for lead in leads:
        if lead.id in known:
            tried = _tried(plan, sides, known[lead.id], recorded.get(lead.id))
            tally.add(tried)
            found.append(tried)
        else:
            tally.erased += 1
        after = (lead.created_at, lead.id)
        if time.monotonic() - began >= CHUNK_SECONDS:
            break
    return after


def _recorded(plan: RecipientPlan, lead_ids: Sequence[str]) -> dict[str, Recorded]:
    """Without those of endpoints that are answered in another integration's words."""
    others = {each.kind.value for each in plan.endpoints() if each.reader}
    found = replies.of_leads(plan.id, lead_ids) if lead_ids else {}
    return {
        lead_id: recorded(each) for lead_id, each in found.items() if each.endpoint not in others
    }


def recorded(reply: replies.LastReply) -> Recorded:
    """A reply of the record, to be read again."""
    return Recorded(
        id=reply.id,
        at=reply.at,
        lead_id=reply.lead_id,
        reply=recorded_reply(reply.status, _headers(reply.headers), reply.body),
        outcome=reply.outcome,
    )


def _headers(stored: Any) -> Any:
    return orjson.loads(stored) if isinstance(stored, str | bytes) else stored


def _tried(plan: RecipientPlan, sides: Sides, given: Given, recorded: Recorded | None) -> Tried:
    before, problem_before = _rendered(sides.saved, given.context)
    after, problem = _rendered(sides.draft, given.context)
    read = None
    if recorded is not None:
        was = sides.saved_reader.read(recorded.reply)
        draft = sides.draft_reader
        now = was if draft is sides.saved_reader else draft.read(recorded.reply)
        read = Reread(recorded, was, now)
    differ = () if problem or problem_before else differences(before, after)
    return Tried(
        given.id,
        given.at,
        tuple(_concealed(plan, each) for each in differ),
        problem,
        problem_before,
        read,
    )


def _rendered(
    mapping: LeadMapping | None, context: Mapping[str, Any]
) -> tuple[dict[str, Any], str]:
    if mapping is None:
        return {}, "The saved mapping does not compile"
    try:
        return mapping.render(context), ""
    except RenderError as error:
        return {}, str(error)


def _concealed(plan: RecipientPlan, each: Difference) -> Difference:
    text = plan.redactor.text
    return replace(
        each,
        before=None if each.before is None else text(each.before),
        after=None if each.after is None else text(each.after),
    )
