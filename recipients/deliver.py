"""One attempt: map, build, send, read. Writes nothing, never raises."""

from __future__ import annotations

import dataclasses
import logging
import time
import traceback
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from leadops.lib.http import Door, Reply, Request
from leadops.lib.redact import Redactor
from recipients.integrations import integration_for
from recipients.mapping import RenderError
from recipients.outcomes import Category, Outcome, Result
from recipients.plan import Context, EndpointPlan, RecipientPlan
from recipients.transports import Job, TransportError

log = logging.getLogger(__name__)

# Characters of a body that the record keeps.
MAX_RECORDED = 65_536
# Redacted beyond the cut, so that no secret is cut in two and shown in part.
_OVERLAP = 2_048


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """What was sent, without secrets; the body as text, unpacked, at most MAX_RECORDED long."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class RecordedReply:
    """What came back, without secrets."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try and what it came to. `request` is None when none could be made, `reply` when none
    came. `seconds` is from sending to the last byte; `started` is the wall clock's time."""

    result: Result
    request: RecordedRequest | None = None
    reply: RecordedReply | None = None
    seconds: float = 0.0
    started: datetime = field(default_factory=lambda: datetime.now(UTC))


def deliver(
    plan: RecipientPlan,
    endpoint: EndpointPlan,
    context: Context,
    *,
    attempt: int,
    tries: int | None = None,
    idempotency_key: str,
    test: bool,
    door: Door,
) -> Attempt:
    """Send a lead to a recipient once. Whatever goes wrong is in the result.

    `attempt` is the delivery's, which the buyer is told; `tries` counts anew at each endpoint and
    after each retry by hand, and lets the time-out grow.
    """
    trial = _Trial(plan)
    try:
        trial.run(
            endpoint,
            context,
            attempt=attempt,
            tries=tries or attempt,
            idempotency_key=idempotency_key,
            test=test,
            door=door,
        )
    except RenderError as error:
        trial.result = _configuration("Mapping failed", str(error))
    except TransportError as error:
        trial.fail(error)
    except Exception as error:
        trial.result = trial.bug(error)
    return trial.attempt()


class _Trial:
    """How far the attempt came: an error means something else before, while and after sending."""

    def __init__(self, plan: RecipientPlan) -> None:
        self.plan = plan
        self.result: Result | None = None
        self.started = datetime.now(UTC)
        self.request: Request | None = None
        self.reply: Reply | None = None
        self.sent_at: float | None = None
        self.seconds = 0.0

    def run(
        self,
        endpoint: EndpointPlan,
        context: Context,
        *,
        attempt: int,
        tries: int,
        idempotency_key: str,
        test: bool,
        door: Door,
    ) -> None:
        plan = self.plan
        transport = integration_for(endpoint.integration).transport
        payload = plan.mapping.render(context)
        timeout = plan.retry.timeout(endpoint.timeout, tries)
        job = Job(payload, endpoint, context, attempt, idempotency_key, timeout, test)
        self.request = transport.build(job)
        self.sent_at = time.monotonic()
        try:
            self.reply = transport.send(self.request, job=job, door=door)
        finally:
            self.seconds = time.monotonic() - self.sent_at
        self.result = plan.reader.read(self.reply)

    def fail(self, error: TransportError) -> None:
        """Name the uncertain case: only what surely did not arrive is free to be sent again."""
        self.reply = error.reply
        if self.sent_at is None or error.category is Category.CONFIGURATION:
            self.result = _configuration(error.reason, error.details)
        elif error.reply is not None and not error.reply.ok:
            # Too long to read to its end, but an error page says enough by its status.
            self.result = self.plan.reader.read(error.reply)
        else:
            outcome = Outcome.UNKNOWN if error.may_have_arrived else Outcome.UNAVAILABLE
            self.result = Result(
                Outcome.UNREADABLE if error.answered else outcome,
                reason=error.reason,
                category=error.category,
                details=error.details,
            )

    def bug(self, error: Exception) -> Result:
        """A mistake of ours. The message of `error` may hold a lead's data, so it is not shown."""
        where = "".join(traceback.format_tb(error.__traceback__, limit=-5))
        log.error("delivery to %s: %s\n%s", self.plan.id, type(error).__name__, where)
        outcome, reason = Outcome.UNAVAILABLE, "Internal error"
        if self.reply is not None:
            outcome, reason = Outcome.UNREADABLE, "Reply could not be read"
        elif self.sent_at is not None:
            outcome = Outcome.UNKNOWN
        return Result(
            outcome, reason=reason, category=Category.SYSTEM, details=type(error).__name__
        )

    def attempt(self) -> Attempt:
        """The attempt as it may be kept: every text of it redacted."""
        redactor = self.plan.redactor
        return Attempt(
            result=_redacted(self.result or _configuration("Nothing was done", ""), redactor),
            request=_record_request(self.request, redactor) if self.request else None,
            reply=_record_reply(self.reply, redactor) if self.reply else None,
            seconds=self.seconds,
            started=self.started,
        )


def _configuration(reason: str, details: str) -> Result:
    return Result(Outcome.INVALID, reason=reason, category=Category.CONFIGURATION, details=details)


def _redacted(result: Result, redactor: Redactor) -> Result:
    """Buyers echo what they were sent, credentials too."""
    return dataclasses.replace(
        result,
        reason=redactor.text(result.reason),
        message=redactor.text(result.message),
        details=redactor.text(result.details),
        # Not by looks: a buyer's long number may well pass for a card's.
        buyer_lead_id=redactor.secrets(result.buyer_lead_id),
        captures={name: redactor.secrets(value) for name, value in result.captures.items()},
    )


def _record_request(request: Request, redactor: Redactor) -> RecordedRequest:
    body = request.body
    if request.headers.get("Content-Encoding") == "gzip":
        body = _unpacked(body)
    return RecordedRequest(
        method=request.method,
        url=redactor.url(request.url),
        headers=redactor.headers(request.headers),
        body=_text(body, redactor),
    )


def _record_reply(reply: Reply, redactor: Redactor) -> RecordedReply:
    headers = {name: value.replace("\0", "\ufffd") for name, value in reply.headers.items()}
    return RecordedReply(
        status=reply.status,
        headers=redactor.headers(headers),
        body=_text(reply.body, redactor, charset=_charset(reply)),
    )


def _text(body: bytes, redactor: Redactor, *, charset: str = "utf-8") -> str:
    """At most MAX_RECORDED characters; bytes that are not text show as �, as does NUL, which
    PostgreSQL cannot hold."""
    # Four bytes a character at most in UTF-8; anything beyond would only be cut away.
    head = body[: 4 * (MAX_RECORDED + _OVERLAP)]
    try:
        text = head.decode(charset, "replace")
    except LookupError:
        text = head.decode("utf-8", "replace")
    text = text[: MAX_RECORDED + _OVERLAP].replace("\0", "\ufffd")
    return redactor.text(text)[:MAX_RECORDED]


def _charset(reply: Reply) -> str:
    content_type = reply.headers.get("content-type", "").lower()
    found = content_type.partition("charset=")[2].partition(";")[0].strip(" \"'")
    # Some names in Python's list are not character sets, but conversions of text.
    return found if found.startswith(("iso-8859", "latin", "windows-", "utf-16")) else "utf-8"


def _unpacked(body: bytes) -> bytes:
    limit = 4 * (MAX_RECORDED + _OVERLAP)
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, limit)
    except zlib.error:
        return body
