"""Deliveries over HTTP: JSON, XML, form, query and CSV, through the guarded door."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from functools import lru_cache
from urllib.parse import quote, urlsplit, urlunsplit

from leadops.lib.http import USER_AGENT, Door, HttpError, Reply, Request
from recipients.auth import SCHEMES, AuthError
from recipients.auth.base import with_query
from recipients.mapping import RenderError
from recipients.plan import Auth, BodyFormat
from recipients.transports.base import Job
from recipients.transports.bodies import Message, message_of
from recipients.transports.errors import NotSendable, from_auth, from_http
from recipients.transports.parcels import Parcel

GZIP = 16  # added to zlib's window: a gzip header around it
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class HttpTransport:
    """One request a delivery."""

    def build(self, job: Job) -> Request:
        endpoint = job.endpoint
        try:
            url, headers = self.address(job), _headers(job)
        except RenderError as error:
            raise NotSendable("Address or header cannot be rendered", str(error)) from error
        url = with_query(url, SCHEMES[endpoint.auth.kind].query(endpoint.auth))
        message = self.message(job)
        url, body, shown = with_query(url, message.query), message.body, b""
        for name, value in message.headers.items():
            _put(headers, name, value)
        if endpoint.compress and body:
            body, shown = packed(body), body
            headers["Content-Encoding"] = "gzip"
        return Request(
            endpoint.method,
            url,
            headers,
            body,
            timeout=job.timeout,
            pool=endpoint.pool,
            shown=shown,
            **_room_for(job),
        )

    def address(self, job: Job) -> str:
        """Where the request goes; services whose addresses are made of options have their own."""
        return _url(job)

    def message(self, job: Job) -> Message:
        """What carries the payload; other protocols over HTTP have their own."""
        if isinstance(job.payload, Parcel):
            return Message(job.payload.data, headers={"Content-Type": job.payload.content_type})
        return message_of(job.payload, job.endpoint)

    def send(self, request: Request, *, job: Job, door: Door) -> Reply:
        """Once, but for what authentication repeats: see `recipients.auth.Scheme`."""
        auth = job.endpoint.auth
        try:
            return SCHEMES[auth.kind].send(request, auth=auth, session=job.session, way=door.send)
        except AuthError as error:
            raise from_auth(error) from error
        except HttpError as error:
            raise from_http(error) from error


def _room_for(job: Job) -> dict[str, int]:
    """A reply to many leads is longer than others."""
    return {"max_bytes": job.payload.max_reply} if isinstance(job.payload, Parcel) else {}


def packed(body: bytes) -> bytes:
    """gzip (RFC 1952), without a time stamp: the same body gives the same bytes.

    In a window no larger than the body: to set up the largest takes longer than to pack a lead.
    """
    window = min(zlib.MAX_WBITS, max(9, len(body).bit_length()))
    packer = zlib.compressobj(6, zlib.DEFLATED, GZIP + window, min(8, window - 7))
    return packer.compress(body) + packer.flush()


def beside(
    job: Job, method: str, url: str, *, purpose: str, body: bytes = b"", type: str = ""
) -> Request:
    """Another request to the job's service, with its credentials: a follow-up or a probe.

    `purpose` tells its idempotency key from the lead's own. Raises NotSendable.
    """
    endpoint = job.endpoint
    try:
        headers = _headers(replace(job, idempotency_key=f"{job.idempotency_key}-{purpose}"))
    except RenderError as error:
        raise NotSendable("Header cannot be rendered", str(error)) from error
    if body:
        _replace(headers, "Content-Type", type)
    url = with_query(url, SCHEMES[endpoint.auth.kind].query(endpoint.auth))
    return Request(method, url, headers, body, timeout=job.timeout, pool=endpoint.pool)


def below(url: str, path: str, *, mark: str) -> str:
    """`url` with `path` at its end; as it is where `mark` stands in it: it is whole already."""
    if mark in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))


def _url(job: Job) -> str:
    # Each value is one piece of the address: none may add a host, a path or a parameter.
    return job.endpoint.url.text(job.context, escape=_quoted).strip()


def _quoted(value: str) -> str:
    quoted = quote(value, safe="", errors="replace")
    # Dots are never quoted; a value of two of them would climb out of its folder.
    return quoted.replace(".", "%2E") if quoted in (".", "..") else quoted


def _headers(job: Job) -> dict[str, str]:
    endpoint = job.endpoint
    headers = {
        "User-Agent": USER_AGENT,
        "Accept": _accept(endpoint.format),
        "Accept-Encoding": "gzip",
        "X-Attempt": str(job.attempt),
    }
    if job.test:
        headers["X-LeadOps-Test"] = "1"
    if endpoint.idempotency_header:
        headers[endpoint.idempotency_header] = _idempotency_key(job)
    headers |= _auth_headers(endpoint.auth)
    for name, template in endpoint.headers:
        value = template.text(job.context, escape=_one_line).strip()
        # A header without a value says nothing, and some receivers refuse it.
        if value:
            _replace(headers, name, value)
    return headers


def _idempotency_key(job: Job) -> str:
    template = job.endpoint.idempotency_template
    if template is None:
        return job.idempotency_key
    return template.text(job.context, escape=_one_line).strip() or job.idempotency_key


def _one_line(value: str) -> str:
    return _CONTROL.sub(" ", value)


def _put(headers: dict[str, str], name: str, value: str) -> None:
    """Set a header that staff have not set."""
    if name.lower() not in {known.lower() for known in headers}:
        headers[name] = value


def _replace(headers: dict[str, str], name: str, value: str) -> None:
    """Set a header, whatever the letters of an earlier one of that name."""
    lower = name.lower()
    for known in [known for known in headers if known.lower() == lower]:
        del headers[known]
    headers[name] = value


def _accept(format: BodyFormat) -> str:
    kind = "application/xml" if format is BodyFormat.XML else "application/json"
    return f"{kind}, */*;q=0.5"


@lru_cache(maxsize=1024)
def _auth_headers(auth: Auth) -> dict[str, str]:
    """Shared: not to be changed."""
    return dict(SCHEMES[auth.kind].headers(auth))
