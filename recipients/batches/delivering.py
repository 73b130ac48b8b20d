"""One attempt of a batch: rows, one file, one request, and an answer for each lead.

Writes nothing, never raises. What goes wrong with one lead's row is that lead's result, and the
others go without it; what goes wrong with the request is everybody's.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from leadops.lib.http import Door, Reply
from recipients.auth import Keyring
from recipients.batches.files import CONTENT_TYPES, MAX_FILE, file_of, row_of
from recipients.deliver import (
    MAX_RECORDED,
    Attempt,
    RecordedReply,
    RecordedRequest,
    configuration,
    deliver,
    redacted,
)
from recipients.mapping import RenderError
from recipients.outcomes import Outcome, Result
from recipients.plan import BatchPlan, Context, EndpointPlan, RecipientPlan
from recipients.responses.bulk import MAX_BODY, SILENT, Answer
from recipients.transports import TransportError
from recipients.transports.parcels import Parcel

MAX_WHOLE: Final = 2_000
"""Characters of a reply to all leads that each lead's record keeps."""
REPLY_A_LEAD: Final = 2_048
"""Bytes of a reply that are read for each lead, beyond those that are read of any reply."""
_UNSAFE: Final = re.compile(r"[^\w.@+=,-]+")
MAX_NAME: Final = 120


@dataclass(frozen=True, slots=True)
class Member:
    """One delivery of a batch: its own recipient's plan (its version of the mapping, and a
    redactor that knows the lead's sensitive values) and what its row is rendered from."""

    id: str
    plan: RecipientPlan
    context: Context


@dataclass(frozen=True, slots=True)
class Batch:
    """Deliveries that go as one. `attempt` counts its attempts, `tries` those at this
    endpoint; `context` is what its address, headers and name are rendered from. `hide` masks what
    a text that is kept with every lead repeats of any of them."""

    id: str
    plan: RecipientPlan
    endpoint: EndpointPlan
    members: tuple[Member, ...]
    attempt: int
    tries: int
    context: Context
    test: bool = False
    hide: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class BatchAttempt:
    """What an attempt came to: for each member, in their order. `whole` is the request's own
    result, None where nothing was to be sent. `left` are members that the file had no room for:
    nothing was sent of them."""

    attempts: tuple[Attempt, ...]
    whole: Attempt | None
    left: frozenset[str] = frozenset()
    name: str = ""


@dataclass(slots=True)
class _Rows:
    """The rows of those that go, and the results of those that cannot."""

    members: list[Member] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    ended: dict[str, Attempt] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    size: int = 0


def deliver_batch(batch: Batch, *, door: Door, keyring: Keyring | None = None) -> BatchAttempt:
    """Send a batch once, its id as the idempotency key."""
    how = batch.plan.batch or BatchPlan()
    found = _rendered(batch, how)
    whole, kept, name = None, _Kept(batch), ""
    if found.members:
        name = _name(batch, how)
        file = _File(found, how, batch.endpoint, name)
        whole = _hidden(_send(batch, file, kept, door, keyring), batch.hide)
        answers = _answers(how, whole, kept.reply, found, batch.hide)
        for member, text, answer in zip(found.members, found.texts, answers, strict=True):
            found.ended[member.id] = _own(member, text, answer, whole)
    ordered = tuple(found.ended[member.id] for member in batch.members)
    return BatchAttempt(ordered, whole, frozenset(found.left), name)


def _rendered(batch: Batch, how: BatchPlan) -> _Rows:
    found = _Rows()
    for member in batch.members:
        try:
            payload = member.plan.mapping.render(member.context)
            row, text = row_of(payload, how, batch.endpoint.options)
        except RenderError as error:
            found.ended[member.id] = _failed(member, "Mapping failed", str(error))
        except TransportError as error:
            found.ended[member.id] = _failed(member, error.reason, error.details)
        except Exception as error:
            found.ended[member.id] = _failed(member, "Mapping failed", type(error).__name__)
        else:
            _put(found, member, row, text)
    return found


def _put(found: _Rows, member: Member, row: Any, text: bytes) -> None:
    if found.size + len(text) > MAX_FILE:
        # It never went: free to go with the next batch.
        room = Result(Outcome.UNAVAILABLE, reason="The batch had no room left")
        found.ended[member.id] = Attempt(room)
        found.left.add(member.id)
        return
    found.size += len(text)
    found.members.append(member)
    found.rows.append(row)
    found.texts.append(text)


def _failed(member: Member, reason: str, details: str) -> Attempt:
    return Attempt(redacted(configuration(reason, details), member.plan.redactor))


@dataclass(frozen=True, slots=True)
class _File:
    """Stands in for the mapping: what it renders is the file."""

    found: _Rows
    how: BatchPlan
    endpoint: EndpointPlan
    name: str

    def render(self, context: Context) -> Parcel:
        count = len(self.found.rows)
        return Parcel(
            name=f"{self.name}.{self.how.format}",
            content_type=CONTENT_TYPES[self.how.format],
            data=file_of(self.found.rows, self.how, self.endpoint.options),
            count=count,
            max_reply=min(65_536 + count * REPLY_A_LEAD, MAX_BODY),
        )


class _Kept:
    """Stands in for the reader: reads the reply as one, and keeps it to be read lead by lead."""

    def __init__(self, batch: Batch) -> None:
        self.reader = batch.endpoint.reader or batch.plan.reader
        self.is_bare = self.reader.is_bare
        self.reply: Reply | None = None

    def read(self, reply: Reply) -> Result:
        self.reply = reply
        return self.reader.read(reply)


def _send(batch: Batch, file: _File, kept: _Kept, door: Door, keyring: Keyring | None) -> Attempt:
    second = batch.plan.second
    plan = dataclasses.replace(
        batch.plan,
        mapping=file,
        reader=kept,
        second=dataclasses.replace(second, mapping=file) if second else None,
    )
    return deliver(
        plan,
        dataclasses.replace(batch.endpoint, reader=None),
        batch.context,
        attempt=batch.attempt,
        tries=batch.tries,
        idempotency_key=batch.id,
        test=batch.test,
        door=door,
        keyring=keyring,
    )


def _hidden(whole: Attempt, hide: Callable[[str], str]) -> Attempt:
    """The attempt as every lead's record may keep it; of the reply's body so much as it keeps."""
    reply = whole.reply
    if reply is not None:
        headers = {name: hide(value) for name, value in reply.headers.items()}
        # Masked before it is cut: half a value would not be found.
        body = hide(reply.body[: 2 * MAX_WHOLE])[:MAX_WHOLE]
        reply = RecordedReply(reply.status, headers, body)
    return dataclasses.replace(whole, result=_said(whole.result, hide), reply=reply)


def _said(result: Result, hide: Callable[[str], str]) -> Result:
    return dataclasses.replace(
        result,
        reason=hide(result.reason),
        message=hide(result.message),
        details=hide(result.details),
        captures={name: hide(str(word)) for name, word in result.captures.items()},
    )


def _answers(
    how: BatchPlan,
    whole: Attempt,
    reply: Reply | None,
    found: _Rows,
    hide: Callable[[str], str],
) -> Sequence[Answer]:
    """An answer for each lead of the file; everybody's where the reply is about none of them."""
    if how.reader is None or reply is None or whole.reply is None:
        # What it says of money and ids is about all of them, not about each.
        every = dataclasses.replace(whole.result, price=None, buyer_lead_id="")
        return [Answer(every)] * len(found.members)
    try:
        answers: list[Answer] = how.reader.answers(reply, [_key(how, m) for m in found.members])
    except Exception as error:
        unread = Result(
            Outcome.UNREADABLE, reason="Reply could not be read", details=type(error).__name__
        )
        return [Answer(unread)] * len(found.members)
    return [_doubtful(answer) if answer.is_silent else _of_all(answer, hide) for answer in answers]


def _of_all(answer: Answer, hide: Callable[[str], str]) -> Answer:
    if answer.body:
        return answer
    said = _said(answer.result, hide)
    return dataclasses.replace(
        answer, result=dataclasses.replace(said, price=None, buyer_lead_id="")
    )


def _doubtful(answer: Answer) -> Answer:
    """It was sent, and nobody knows what became of it."""
    return dataclasses.replace(
        answer, result=Result(Outcome.UNKNOWN, reason="No answer to this lead", details=SILENT)
    )


def _key(how: BatchPlan, member: Member) -> str:
    if how.key is None:
        return member.id
    try:
        return how.key.text(member.context).strip()
    except RenderError:
        return member.id


def _own(member: Member, text: bytes, answer: Answer, whole: Attempt) -> Attempt:
    """The attempt as this lead's record keeps it: its own row, and its own part of the reply."""
    redactor = member.plan.redactor
    request, reply = whole.request, whole.reply
    if request is not None:
        row = redactor.text(text.decode("utf-8", "replace"))[:MAX_RECORDED]
        request = RecordedRequest(request.method, request.url, request.headers, row)
    if reply is not None:
        said = answer.body[: 2 * MAX_RECORDED].replace("\0", "\ufffd")
        body = redactor.text(said)[:MAX_RECORDED] if said else redactor.text(reply.body[:MAX_WHOLE])
        reply = RecordedReply(reply.status, reply.headers, body)
    return dataclasses.replace(
        whole, result=redacted(answer.result, redactor), request=request, reply=reply
    )


def _name(batch: Batch, how: BatchPlan) -> str:
    """The file's, without ending; the batch's id stands in it, so that no other replaces it."""
    written = ""
    if how.name is not None:
        try:
            written = how.name.text(batch.context)
        except RenderError:
            written = ""
    stem = _UNSAFE.sub("-", written).strip(".-").removesuffix(f".{how.format}")[:MAX_NAME]
    if not stem:
        return batch.id
    return stem if batch.id in stem else f"{stem}-{batch.id}"
