"""Calls that come after a lead's own within the same attempt, where a service needs several.

The lead's own request and its answer stay the attempt's; the calls after it are recorded in the
answer, under `follow_ups`. A follow-up that fails says so with its own status, so that the retry
policy knows what to do: all of them together are sent again, so each must be harmless when it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from leadops.lib.http import Door, HttpError, Reply, Request
from recipients.auth import SCHEMES, AuthError
from recipients.outcomes import Category
from recipients.responses.reading import Reading
from recipients.responses.selectors import compile_selector
from recipients.transports.base import Job
from recipients.transports.errors import TransportError, from_auth, from_http

MAX_SAID: Final = 2_000  # characters of an answer that the record keeps
_MESSAGES: Final = tuple(map(compile_selector, ("message", "error", "errors.*.message")))


class FollowUpFailed(Exception):
    """A follow-up was answered with a no. `reply` is the answer, None where we know by ourselves;
    `status` is what the whole attempt is then said to have been answered with."""

    def __init__(self, step: str, message: str, *, status: int, reply: Reply | None = None) -> None:
        super().__init__(f"{step}: {message}")
        self.step = step
        self.message = message
        self.status = status
        self.reply = reply


@dataclass(slots=True)
class FollowUps:
    """The follow-ups of one attempt, within its time and with its credentials."""

    job: Job
    door: Door
    made: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, step: str, request: Request) -> Reply:
        """The answer, a good one. Raises FollowUpFailed, TransportError."""
        session, auth = self.job.session, self.job.endpoint.auth
        own = session.sent
        try:
            reply = SCHEMES[auth.kind].send(request, auth=auth, session=session, way=self.door.send)
        except AuthError as error:
            raise _after(from_auth(error), step) from error
        except HttpError as error:
            raise _after(from_http(error), step) from error
        finally:
            session.sent = own  # what the record shows is the lead's own request
        self._note(step, request, reply)
        if not reply.ok:
            raise FollowUpFailed(step, _said(reply), status=reply.status, reply=reply)
        return reply

    def _note(self, step: str, request: Request, reply: Reply) -> None:
        address = request.url.partition("?")[0]
        self.made.append(
            {
                "step": step,
                "request": f"{request.method} {address}",
                "body": request.body.decode("utf-8", "replace"),
                "status": reply.status,
                "reply": reply.body[: 4 * MAX_SAID].decode("utf-8", "replace")[:MAX_SAID],
            }
        )


def with_follow_ups(
    reply: Reply, job: Job, door: Door, run: Callable[[FollowUps], None], *, needed: bool
) -> Reply:
    """The answer to the lead's own request, with what `run` did after it.

    `needed`: what fails there fails the attempt; else the lead counts, and the answer says what
    went wrong. Raises TransportError, with `may_have_arrived`: the service has the lead.
    """
    follow_ups = FollowUps(job, door)
    try:
        run(follow_ups)
    except FollowUpFailed as failed:
        return _told(reply, follow_ups, failed, needed=needed)
    except TransportError as error:
        lost = FollowUpFailed("follow-up", str(error), status=0)
        told = _told(reply, follow_ups, lost, needed=False)
        if not needed:
            return told
        error.reply = told
        raise
    return _told(reply, follow_ups, None, needed=needed)


def _told(
    reply: Reply, follow_ups: FollowUps, failed: FollowUpFailed | None, *, needed: bool
) -> Reply:
    document = {**_document(reply), "follow_ups": follow_ups.made}
    status, headers = reply.status, dict(reply.headers)
    if failed is not None:
        document["failed"] = {"step": failed.step, "message": str(failed), "needed": needed}
        if needed:
            status = failed.status
            after = failed.reply.headers.get("retry-after") if failed.reply else None
            headers |= {"retry-after": after} if after else {}
    headers["content-type"] = "application/json"
    return replace(reply, status=status, headers=headers, body=orjson.dumps(document))


def _document(reply: Reply) -> dict[str, Any]:
    try:
        found = orjson.loads(reply.body)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"reply": reply.body.decode("utf-8", "replace")}


def _said(reply: Reply) -> str:
    reading = Reading(reply)
    found = (text for selector in _MESSAGES for text in reading.texts(selector))
    return next(found, f"status {reply.status}")[:MAX_SAID]


def _after(error: TransportError, step: str) -> TransportError:
    """The same failure of a follow-up: the service has the lead already, whatever arrived now."""
    refused = error.category is Category.AUTHENTICATION
    return TransportError(
        f"{step}: {error.reason}",
        may_have_arrived=True,
        category=Category.AUTHENTICATION if refused else error.category,
        details=error.details,
    )
