"""One attempt: map, build, send, read. Writes nothing, never raises."""

from __future__ import annotations

import dataclasses
import logging
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from leadops.lib.http import Door, Reply, Request
from leadops.lib.redact import Redactor
from recipients.auth import Keyring, Session
from recipients.integrations import integration_for
from recipients.mapping import RenderError
from recipients.outcomes import Category, Outcome, Result
from recipients.plan import Context, EndpointPlan, PayloadMapping, RecipientPlan
from recipients.transports import Job, Transport, TransportError

log = logging.getLogger(__name__)

# Characters of a body that the record keeps.
MAX_RECORDED = 65_536
# Redacted beyond the cut, so that no secret is cut in two and shown in part.
_OVERLAP = 2_048
# Seconds that an attempt may take beyond its time-out for tokens and refused credentials; well
# within what a lease outlives its attempt by.
AUTH_SECONDS = 5.0


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
    came. `seconds` is from sending to the last byte; `started` is the wall clock's time; `place`
    where it went as the permanent record says it, None: the address without its query."""

    result: Result
    request: RecordedRequest | None = None
    reply: RecordedReply | None = None
    seconds: float = 0.0
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    place: str | None = None


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
    keyring: Keyring | None = None,
) -> Attempt:
    """Send a lead to a recipient once. Whatever goes wrong is in the result.

    Refused credentials of which there are two values are followed by one try with the others.
    `attempt` is the delivery's, which the buyer is told; `tries` counts anew at each endpoint and
    after each retry by hand, and lets the time-out grow.
    """
    keyring = keyring or Keyring()
    tries = tries or attempt
    timeout = plan.retry.timeout(endpoint.timeout, tries)
    session = Session(keyring.tokens, deadline=time.monotonic() + timeout + AUTH_SECONDS)

    def send(*, second: bool) -> Attempt:
        way = _second_of(plan, endpoint) if second else _Way(plan.mapping, endpoint)
        job = Job({}, way.endpoint, context, attempt, idempotency_key, timeout, test, session)
        made = _Trial(plan, session).made(way.mapping, job, door)
        if made.reply is not None and made.result.outcome is not Outcome.UNAUTHORIZED:
            keyring.note(plan, endpoint, second=second)
        return made

    second = keyring.prefers_second(plan, endpoint)
    made = send(second=second)
    refused = made.result.outcome is Outcome.UNAUTHORIZED
    if not refused or plan.second is None or session.left() < AUTH_SECONDS / 5:
        return made
    again = send(second=not second)
    return made if again.result.outcome is Outcome.UNAUTHORIZED else again


def rehearse(
    plan: RecipientPlan, endpoint: EndpointPlan, context: Context, *, reply: Reply | None
) -> Attempt:
    """A first attempt without a network: the request as it would go out, but for tokens that are
    fetched, and `reply` as it would be read. None: nothing is read."""
    job = Job({}, endpoint, context, 1, str(context["delivery"]["id"]), endpoint.timeout)
    return _Rehearsal(plan, reply).made(plan.mapping, job)


@dataclass(frozen=True, slots=True)
class _Way:
    """What differs where a secret has a second value."""

    mapping: PayloadMapping
    endpoint: EndpointPlan


def _second_of(plan: RecipientPlan, endpoint: EndpointPlan) -> _Way:
    other = plan.second or plan
    # Of another version than this delivery's, its mapping would send other fields.
    mapping = other.mapping if other.version == plan.version else plan.mapping
    return _Way(mapping, other.endpoint(endpoint.id) or endpoint)


class _Trial:
    """How far the attempt came: an error means something else before, while and after sending."""

    def __init__(self, plan: RecipientPlan, session: Session) -> None:
        self.plan = plan
        self.reader = plan.reader
        self.session = session
        self.result: Result | None = None
        self.started = datetime.now(UTC)
        self.request: Request | None = None
        self.reply: Reply | None = None
        self.sent_at: float | None = None
        self.seconds = 0.0

    def made(self, mapping: PayloadMapping, job: Job, door: Door | None = None) -> Attempt:
        try:
            self.run(mapping, job, door)
        except RenderError as error:
            self.result = configuration("Mapping failed", str(error))
        except TransportError as error:
            self.fail(error)
        except Exception as error:
            self.result = self.bug(error)
        return self.attempt()

    def run(self, mapping: PayloadMapping, job: Job, door: Door | None) -> None:
        self.reader = job.endpoint.reader or self.plan.reader
        transport = integration_for(job.endpoint.integration).transport
        job = dataclasses.replace(job, payload=mapping.render(job.context))
        self.request = transport.build(job)
        self.sent_at = time.monotonic()
        try:
            self.reply = self.answer(transport, self.request, job, door)
        finally:
            self.seconds = time.monotonic() - self.sent_at
        if self.reply is not None:
            self.result = self.reader.read(self.reply)

    def answer(
        self, transport: Transport, request: Request, job: Job, door: Door | None
    ) -> Reply | None:
        """The reply; None, where nothing was sent, is read by nobody."""
        if door is None:
            return None
        return transport.send(request, job=job, door=door)

    def fail(self, error: TransportError) -> None:
        """Name the uncertain case: only what surely did not arrive is free to be sent again."""
        self.reply = error.reply
        if self.sent_at is None or error.category is Category.CONFIGURATION:
            self.result = configuration(error.reason, error.details)
        elif error.category is Category.AUTHENTICATION:
            self.result = Result(Outcome.UNAUTHORIZED, reason=error.reason, details=error.details)
        elif error.reply is not None and not error.reply.ok:
            # Too long to read to its end, but an error page says enough by its status.
            self.result = self.reader.read(error.reply)
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
        if self.session.learned:
            redactor = _knowing(redactor, frozenset(self.session.learned))
        # As it went: with its token, or its answer to a challenge.
        request = self.session.sent or self.request
        return Attempt(
            result=redacted(self.result or configuration("Nothing was done", ""), redactor),
            request=_record_request(request, redactor) if request else None,
            reply=_record_reply(self.reply, redactor) if self.reply else None,
            seconds=self.seconds,
            started=self.started,
        )


class _Rehearsal(_Trial):
    """An attempt whose reply is given."""

    def __init__(self, plan: RecipientPlan, given: Reply | None) -> None:
        super().__init__(plan, Session())
        self.given = given

    def answer(
        self, transport: Transport, request: Request, job: Job, door: Door | None
    ) -> Reply | None:
        return self.given


@lru_cache(maxsize=256)
def _knowing(redactor: Redactor, learned: frozenset[str]) -> Redactor:
    """Kept: of one token are thousands of attempts."""
    return redactor.also(learned)


def configuration(reason: str, details: str) -> Result:
    return Result(Outcome.INVALID, reason=reason, category=Category.CONFIGURATION, details=details)


def redacted(result: Result, redactor: Redactor) -> Result:
    """Buyers echo what they were sent, credentials too."""
    texts = (result.reason, result.message, result.details)
    clean = tuple(map(redactor.text, texts))
    # Not by looks: a buyer's long number may well pass for a card's.
    buyer_lead_id = redactor.secrets(result.buyer_lead_id)
    if clean == texts and buyer_lead_id == result.buyer_lead_id and not result.captures:
        return result  # as nearly all are
    reason, message, details = clean
    return dataclasses.replace(
        result,
        reason=reason,
        message=message,
        details=details,
        buyer_lead_id=buyer_lead_id,
        captures={
            name: redactor.secrets(value) if isinstance(value, str) else value
            for name, value in result.captures.items()
        },
    )


def _record_request(request: Request, redactor: Redactor) -> RecordedRequest:
    return RecordedRequest(
        method=request.method,
        url=redactor.url(request.url),
        headers=redactor.headers(request.headers),
        body=_text(request.shown or request.body, redactor),
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
