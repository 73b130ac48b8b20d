"""Deliveries as files: one a lead, or rows added to one, on a server that speaks SFTP.

A file appears under its name only when it is whole: it is written under another one first. The
delivery's id stands in the file's name, or in the row, so that a repeated attempt changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from leadops.lib.http import Door, HttpError, Reply, Request
from leadops.lib.ssh_keys import host_keys
from recipients import addresses
from recipients.mapping import RenderError
from recipients.outcomes import Category
from recipients.plan import AuthKind, BodyFormat
from recipients.transports.base import Job
from recipients.transports.bodies import body_of, csv_body, json_body, pairs_of, payload_for
from recipients.transports.errors import NotSendable, TransportError, from_http
from recipients.transports.filenames import ENDINGS, bare, name_of
from recipients.transports.parcels import Parcel

if TYPE_CHECKING:
    from leadops.lib.sftp import Server, Session

PROTOCOL = "SFTP"
PORT = 22
FILE, APPEND = "PUT", "APPEND"
ID = "delivery_id"  # the column, or the key, that tells whose row it is
MAX_FOLDER = 1_000


class SftpTransport:
    """One file, or one row, a delivery."""

    def build(self, job: Job) -> Request:
        parcel = isinstance(job.payload, Parcel)
        if job.endpoint.format not in ENDINGS and not parcel:
            raise NotSendable("Format not possible", "Files are JSON, XML or CSV")
        if job.endpoint.auth.kind is not AuthKind.BASIC:
            raise NotSendable("Login missing", "SFTP takes basic: a user, and a password or key")
        # A batch is a file of its own.
        appends = job.endpoint.options.get("mode") == "append" and not parcel
        try:
            url = _url(job, appends=appends)
            header, body = _rows(job) if appends else (b"", _file(job))
        except (RenderError, ValueError) as error:
            raise NotSendable("File cannot be made", str(error)) from error
        headers = {"X-Attempt": str(job.attempt), "Idempotency-Key": job.idempotency_key}
        if job.test:
            headers["X-LeadOps-Test"] = "1"
        if header:
            headers["X-Columns"] = header.decode().strip()
        return Request(APPEND if appends else FILE, url, headers, body, timeout=job.timeout)

    def send(self, request: Request, *, job: Job, door: Door) -> Reply:
        # Paramiko takes 10 MB: only of the processes that speak SFTP.
        from leadops.lib import sftp

        try:
            with sftp.session(_server(request, job), door=door, timeout=request.timeout) as session:
                return _answer(201, _leave(session, request, job))
        except sftp.NotAccepted as error:
            return _answer(error.status, error.words)
        except (sftp.LoginRefused, sftp.HostKeyRefused) as error:
            raise TransportError(
                "Login refused" if isinstance(error, sftp.LoginRefused) else "Unknown host key",
                may_have_arrived=False,
                category=Category(error.category),
                details=error.message,
            ) from error
        except HttpError as error:
            raise from_http(error) from error


def _server(request: Request, job: Job) -> Server:
    from leadops.lib.sftp import Login, Server

    parts = urlsplit(request.url)
    auth = job.endpoint.auth
    return Server(
        parts.hostname or "",
        parts.port or PORT,
        host_keys=host_keys(job.endpoint.options.get("host_key") or ""),
        login=Login(auth.username, auth.secret),
    )


def _leave(session: Session, request: Request, job: Job) -> str:
    """What was done, in a few words."""
    from leadops.lib.sftp import Row

    key = bare(job.idempotency_key)
    path = urlsplit(request.url).path.removeprefix("/~/")  # of the login's own folder
    if request.method == FILE:
        return session.place(path, request.body, key=key)
    columns = request.headers.get("X-Columns", "")
    row = Row(key, request.body, f"{columns}\r\n".encode() if columns else b"")
    return session.append(path, row, is_repeated=job.attempt > 1)


def _answer(status: int, words: str) -> Reply:
    return Reply(status, {"content-type": "text/plain"}, words.encode(), protocol=PROTOCOL)


def _url(job: Job, *, appends: bool) -> str:
    """The file's whole address. Values stand in names alone, and there as one piece."""
    base = job.endpoint.url.text(job.context, escape=bare).strip()
    folder = addresses.folders(base)
    if len(folder) > MAX_FOLDER:
        raise ValueError(f"The folder has more than {MAX_FOLDER} letters.")
    server = base.partition("://")[2].partition("/")[0]
    return f"sftp://{server}{folder.rstrip('/')}/{name_of(job, shared=appends)}"


def _file(job: Job) -> bytes:
    if isinstance(job.payload, Parcel):
        return job.payload.data
    endpoint = job.endpoint
    payload = payload_for(job.payload or job.context["lead"], endpoint)
    return body_of(payload, endpoint.format, xml_root=endpoint.xml_root, options=endpoint.options)


def _rows(job: Job) -> tuple[bytes, bytes]:
    """The line that a new file begins with, and the lead's own."""
    endpoint = job.endpoint
    payload = payload_for(job.payload or job.context["lead"], endpoint)
    key = bare(job.idempotency_key)
    if endpoint.format is BodyFormat.JSON:
        own: Mapping[str, Any] = payload if isinstance(payload, Mapping) else {"lead": payload}
        return b"", json_body({**own, ID: key}) + b"\n"
    if endpoint.format is not BodyFormat.CSV:
        raise ValueError("Rows are added to CSV and JSON files only")
    columns = columns_of(endpoint.options.get("csv_columns") or "")
    row = {ID: key, **dict(pairs_of(payload, endpoint.options))}
    both = csv_body(row, {**endpoint.options, "csv_columns": ",".join(columns), "csv_header": True})
    header, _, line = both.partition(b"\r\n")
    return header, line


def columns_of(text: str) -> list[str]:
    """The chosen columns, the one for the delivery's id before them where it is not chosen."""
    chosen = [name.strip() for name in text.split(",") if name.strip()]
    return chosen if ID in chosen else [ID, *chosen]
