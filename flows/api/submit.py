"""`/flows/{flow}/sources/{source}/submit`: the address and words of LeadConduit, so that a sender
changes a host name and no more.

Opened by the source's key, as a bearer or as the password of Basic; or, where the source says so,
by the address alone.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from django.db import connection
from django.http import HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flows import plans
from flows.api import bodies, entry, waiting
from flows.arrival import pings
from flows.arrival.intake import receive
from flows.arrival.preparing import Submission
from flows.plan import FlowPlan, SourcePlan
from flows.submitting import redirects, replies
from flows.submitting.answers import reply_to
from flows.submitting.replies import Outcome, Reply
from leadops.lib.access import Caller, Principal
from leadops.lib.api import on_error
from leadops.lib.throttle import Throttle

NOW = "SELECT clock_timestamp(), (SELECT number FROM flows_revision WHERE id = 1)"
# Without a key: what one address may post, and all together to one source; in each web process.
BY_ADDRESS: Final = Throttle(60, burst=30)
BY_SOURCE: Final = Throttle(1200, burst=300)
# What a page of another site may send along when it posts by script.
ALLOWED_HEADERS: Final = "Content-Type, Accept, Prefer, Idempotency-Key, X-LeadOps-Test"


@dataclass(frozen=True, slots=True)
class Door:
    """Who stands at the address. `open`: without a key."""

    source: SourcePlan
    flow: FlowPlan
    at: datetime
    open: bool


class AnyForm(BaseContentNegotiation):
    """A lead may well have a field named `format`, by which others would choose."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        return renderers[0], renderers[0].media_type


class SubmitView(APIView):
    """One lead; GET posts it too, as there. `failure`: read, and not accepted."""

    permission_classes = []
    content_negotiation_class = AnyForm
    schema = None
    http_method_names = ["get", "post", "options"]  # HEAD would post a lead as well
    door: Door | None = None

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        _take_basic(request)
        return super().initialize_request(request, *args, **kwargs)

    def get(self, request: Request, flow: str, source: str) -> HttpResponse:
        return self.post(request, flow, source)

    def post(self, request: Request, flow: str, source: str) -> HttpResponse:
        self.door = door = _door(request, flow, source)
        entry.check_address(request, door.source, door.flow)
        if door.open:
            _throttle(request, door.source)
        values = bodies.values_of(request._request)
        target = _target(values.pop("redir_url", None))
        submission = entry.submission_of(values, request.headers)
        return self.taken(request, door, submission, target)

    def taken(
        self, request: Request, door: Door, submission: Submission, target: str
    ) -> HttpResponse:
        """Store the lead and say what came of it."""
        answer = receive(door.flow, door.source, submission, at=door.at)
        more = {}
        seconds = waiting.wanted(request.headers.get("Prefer", ""))
        if seconds is not None:
            more["result"] = waiting.result(answer.lead_id, seconds, gone=_gone(request)) or ""
        allowed = bool(target) and _may_lead(target, door)
        if target and not allowed:
            more["redirect"] = f"Not followed: {redirects.host_of(target)} is no redirect host"
        reply = reply_to(answer, submission.values, more)
        response = _written(request, reply, 303 if allowed else 201)
        if allowed:
            response["Location"] = target
        if answer.repeated:
            response["Idempotent-Replayed"] = "true"
        if seconds is not None:
            response["Preference-Applied"] = "wait"
        return response

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """A browser asks before a script of another site may post."""
        current = plans.current()
        found, plan = current.source(kwargs["source"]), current.flow(kwargs["flow"])
        answer = HttpResponse(status=204, headers={"Allow": "GET, POST, OPTIONS"})
        if found and plan and found.id in plan.terms:
            _let_sites(answer, request, found)
            answer["Access-Control-Allow-Methods"] = "GET, POST"
            answer["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
            answer["Access-Control-Max-Age"] = "600"
        return answer

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], HttpResponse]:
        return _refused

    def finalize_response(  # type: ignore[override]
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        answer: HttpResponse = super().finalize_response(request, response, *args, **kwargs)
        answer["Cache-Control"] = "no-store"
        if self.door:
            _let_sites(answer, request, self.door.source)
        return answer


class PingView(SubmitView):
    """`…/ping`: a price, without a lead's identity."""

    def taken(
        self, request: Request, door: Door, submission: Submission, target: str
    ) -> HttpResponse:
        offer = pings.answer(door.flow, door.source, submission, at=door.at)
        outcome = Outcome.SUCCESS if offer.id else Outcome.FAILURE
        more = {"ping_id": offer.id} if offer.id else {}
        return _written(request, Reply(outcome, offer.reason, price=offer.price, more=more), 200)


# --- who is there


def _take_basic(request: HttpRequest) -> None:
    """LeadConduit's senders show their key as the password of Basic."""
    scheme, _, word = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "basic":
        return
    try:
        pair = base64.b64decode(word.strip(), validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return
    request.META["HTTP_AUTHORIZATION"] = f"Bearer {pair.partition(':')[2]}"


def _door(request: Request, flow: str, source: str) -> Door:
    """Raises APIException where the address leads nowhere, or the caller may not use it."""
    who: Any = request.user
    known = isinstance(who, Principal) and who.kind is Caller.SOURCE
    at, revision = (who.at, who.revision) if known else _now()
    current = plans.current(revision)
    found = current.source(source)
    if found is None or (not known and not found.open_submit):
        raise exceptions.NotFound("There is no such address.") if known else _no_key()
    if known and who.id != found.id:
        raise exceptions.PermissionDenied("This key is another source's.")
    if not known:
        _check_site(request, found)
    party, plan = entry.parties(current, flow, found.id)
    return Door(party, plan, at, open=not known)


def _may_lead(target: str, door: Door) -> bool:
    """Whether a browser is sent on to `target`. Who shows the key may send it anywhere, unless
    hosts are named: without one, anybody could make a link to us that leads to any page."""
    hosts = door.source.redirect_hosts
    return not (hosts or door.open) or redirects.is_allowed(target, hosts)


def _no_key() -> exceptions.APIException:
    """The same whether or not there is such a source: addresses are not for guessing."""
    return exceptions.NotAuthenticated("Send the source's key: Authorization: Bearer KEY.")


def _now() -> tuple[datetime, int]:
    with connection.cursor() as cursor:
        cursor.execute(NOW)
        at, revision = cursor.fetchone()
    return at, revision or 0


def _throttle(request: Request, source: SourcePlan) -> None:
    address = entry.address_of(request)
    seconds = BY_ADDRESS.wait(f"{source.id} {address}") or BY_SOURCE.wait(source.id)
    if seconds:
        raise exceptions.Throttled(wait=seconds)


def _check_site(request: Request, source: SourcePlan) -> None:
    if source.allowed_origins and _site(request) not in source.allowed_origins:
        raise exceptions.PermissionDenied(f"{source.name} takes no posts from this site.")


def _site(request: Request) -> str:
    """The site whose page the browser was on. Without a word of it: none."""
    if origin := request.headers.get("Origin"):
        return origin.lower()
    parts = urlsplit(request.headers.get("Referer", "")[:2000])
    return f"{parts.scheme}://{parts.netloc}".lower()


def _let_sites(answer: HttpResponse, request: Request, source: SourcePlan) -> None:
    """Let the page's script read the answer: only where no key is needed, and no cookie counts."""
    origin = request.headers.get("Origin", "")
    if not source.open_submit or not origin:
        return
    if source.allowed_origins and origin.lower() not in source.allowed_origins:
        return
    answer["Access-Control-Allow-Origin"] = origin if source.allowed_origins else "*"
    answer["Vary"] = "Origin, Accept"


def _gone(request: Request) -> Callable[[], bool]:
    return waiting.gone(request.META.get("gunicorn.socket"))


# --- what is answered


def _target(value: Any) -> str:
    """Where the browser is to go; blank for nowhere. Raises ParseError."""
    text = value[0] if isinstance(value, list) and value else value
    if text in (None, ""):
        return ""
    try:
        redirects.host_of(str(text))
    except redirects.BadRedirect as error:
        raise exceptions.ParseError(str(error)) from error
    return str(text)


def _written(request: Request, reply: Reply, status: int) -> HttpResponse:
    form = replies.form_for(request.headers.get("Accept", ""), request.META.get("CONTENT_TYPE", ""))
    return HttpResponse(reply.written(form), status=status, content_type=f"{form}; charset=utf-8")


def _refused(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """The API's errors in the words of these addresses."""
    told: Response = on_error(error, context)
    found = told.data["error"]
    fields = "; ".join(f"{name}: {text}" for name, text in found.get("fields", {}).items())
    reason = f"{found['message']} {fields}".strip()
    answer = _written(context["request"], Reply(Outcome.ERROR, reason), told.status_code)
    for name in ("WWW-Authenticate", "Retry-After"):
        if name in told.headers:
            answer[name] = told.headers[name]
    return answer
