"""Deliveries by e-mail: a message a lead, handed in at the endpoint's mail server or the site's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any

from django.conf import settings

from leadops.lib import smtp
from leadops.lib.http import Door, HttpError, Reply, Request
from leadops.lib.smtp import Security, Server
from recipients import addresses
from recipients.mapping import RenderError
from recipients.plan import BodyFormat
from recipients.transports.base import Job
from recipients.transports.bodies import CONTENT_TYPES, body_of, pairs_of, payload_for
from recipients.transports.errors import NotSendable, from_http
from recipients.transports.letters import Attachment, Letter, on_the_wire, sender_of, table
from recipients.transports.parcels import Parcel

PROTOCOL = "SMTP"
ENVELOPE = "X-Envelope-To"  # of the record alone: who the message went to, blind copies too
MAX_MESSAGE = 10 * 1024 * 1024


class EmailTransport:
    """One message a delivery."""

    def build(self, job: Job) -> Request:
        try:
            letter = _letter(job)
        except (RenderError, ValueError) as error:
            raise NotSendable("Message cannot be made", str(error)) from error
        body = letter.message()
        if len(body) > MAX_MESSAGE:
            raise NotSendable("Message too large", f"more than {MAX_MESSAGE} bytes")
        return Request(
            "MAIL",
            "mailto:" + ",".join(letter.to),
            {**letter.headers(), ENVELOPE: ", ".join(letter.recipients)},
            body,
            timeout=job.timeout,
            pool=job.endpoint.pool,
            shown=letter.shown(),
        )

    def send(self, request: Request, *, job: Job, door: Door) -> Reply:
        try:
            answer = smtp.send(
                server_of(job),
                request.body,
                sender=on_the_wire(request.headers["From"]),
                recipients=request.headers[ENVELOPE].split(", "),
                door=door,
                timeout=request.timeout,
            )
        except HttpError as error:
            raise from_http(error) from error
        headers = {"content-type": "text/plain; charset=utf-8"}
        return Reply(answer.code, headers, answer.text.encode(), protocol=PROTOCOL)


def server_of(job: Job) -> Server:
    """The endpoint's own mail server; the site's where it names none."""
    options = job.endpoint.options
    if not options.get("host"):
        return site_server()
    security = Security(options.get("security") or Security.STARTTLS)
    return Server(
        host=options["host"],
        port=options.get("port") or smtp.PORTS[security],
        security=security,
        username=options.get("username") or "",
        password=options.get("password") or "",
        tls=job.endpoint.tls,
    )


def site_server() -> Server:
    """The one that Django's settings name, which are the operator's: it may stand next to us."""
    security = Security.NONE
    if settings.EMAIL_USE_SSL:
        security = Security.TLS
    elif settings.EMAIL_USE_TLS:
        security = Security.STARTTLS
    return Server(
        host=settings.EMAIL_HOST,
        port=settings.EMAIL_PORT,
        security=security,
        username=settings.EMAIL_HOST_USER,
        password=settings.EMAIL_HOST_PASSWORD,
        is_ours=True,
    )


def _letter(job: Job) -> Letter:
    options = job.endpoint.options
    rows = _rows(job)
    text, html = _bodies(job, rows)
    extra = [("X-Attempt", str(job.attempt))]
    if job.test:
        extra.append(("X-LeadOps-Test", "1"))
    now = job.context.get("now")
    return Letter(
        sender=sender_of(options.get("from") or settings.DEFAULT_FROM_EMAIL),
        to=addresses.mailboxes(job.endpoint.url.text(job.context)),
        cc=_mailboxes(options.get("cc")),
        bcc=_mailboxes(options.get("bcc")),
        reply_to=_mailboxes(options.get("reply_to")),
        subject=("[TEST] " if job.test else "") + _subject(job),
        text=text,
        html=html,
        key=job.idempotency_key,
        extra=tuple(extra),
        date=now if isinstance(now, datetime) else None,
        attachments=_attachments(job),
    )


def _mailboxes(text: str | None) -> tuple[str, ...]:
    return addresses.mailbox_list(text) if text else ()


def _subject(job: Job) -> str:
    template = job.endpoint.options.get("subject")
    written = template.text(job.context).strip() if template else ""
    if isinstance(job.payload, Parcel):
        return written or f"{job.payload.count} new leads"
    return written or f"New lead {job.context['lead'].get('id', '')}".strip()


def _rows(job: Job) -> list[tuple[str, str]]:
    """The mapped fields; the lead's own where there is no mapping."""
    if isinstance(job.payload, Parcel):
        return [("Leads", str(job.payload.count)), ("File", job.payload.name)]
    payload = job.payload or job.context["lead"]
    return list(pairs_of(payload_for(payload, job.endpoint)))


def _bodies(job: Job, rows: list[tuple[str, str]]) -> tuple[str, str]:
    """Text and HTML: what is not written is made of the other, or of the fields."""
    options: Mapping[str, Any] = job.endpoint.options
    text, html = table(rows)
    if template := options.get("text"):
        text = template.text(job.context).rstrip() + "\n"
        html = f"<pre>{escape(text)}</pre>\n"
    if template := options.get("html"):
        html = template.text(job.context, escape=escape)
    return text, html


def _attachments(job: Job) -> tuple[Attachment, ...]:
    if isinstance(job.payload, Parcel):
        return (Attachment(job.payload.name, job.payload.content_type, job.payload.data),)
    kind = job.endpoint.options.get("attachment") or "none"
    if kind == "none":
        return ()
    format = BodyFormat(kind)
    payload = payload_for(job.payload or job.context["lead"], job.endpoint)
    data = body_of(payload, format, xml_root=job.endpoint.xml_root)
    template = job.endpoint.options.get("attachment_name")
    name = template.text(job.context).strip() if template else f"lead-{job.idempotency_key}"
    return (Attachment(_file_name(name, kind), CONTENT_TYPES[format], data),)


def _file_name(name: str, kind: str) -> str:
    """A bare name with its ending, whatever a lead's values put into it."""
    bare = "".join(letter if letter.isalnum() or letter in "-_. " else "-" for letter in name)
    bare = bare.strip(". ")[:100] or "lead"
    return bare if bare.lower().endswith(f".{kind}") else f"{bare}.{kind}"
