"""One way for each kind of destination: settings, secret and file in, Sent out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import urlsplit

from django.conf import settings as site

from leadops.lib import objectstore, smtp, webhooks
from leadops.lib.http import Door, HttpError, Reply, Request
from leadops.lib.redact import Redactor
from leadops.lib.smtp import Security
from leadops.lib.ssh_keys import host_keys
from leadops.lib.storewords import Refused
from recipients import addresses
from recipients.transports.email import site_server
from recipients.transports.errors import REASONS
from recipients.transports.letters import Attachment, Letter, on_the_wire, sender_of, table

MB = 1_000_000
MAX_ATTACHED = 20 * MB  # most mail servers refuse messages above 25 MB, and base64 adds a third
MAX_POSTED = 64 * MB  # bodies of HTTP stand in memory
OUTBOX = "outbox"


class Undelivered(Exception):
    """The file is not there, or nobody knows (`may_have_arrived`).

    `category` is a word of `recipients.outcomes.Category`: network and system may pass by
    themselves, the others need somebody. `retry_after`: seconds that the other side asked for.
    """

    def __init__(
        self,
        reason: str,
        details: str = "",
        *,
        category: str = "network",
        may_have_arrived: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{reason}: {details}" if details else reason)
        self.reason = reason
        self.details = details
        self.category = category
        self.may_have_arrived = may_have_arrived
        self.retry_after = retry_after

    @property
    def may_pass(self) -> bool:
        """Trying again later is worth it."""
        return self.category in ("network", "system", "rate_limit")

    def redacted(self, redactor: Redactor) -> Undelivered:
        return Undelivered(
            self.reason,
            redactor.text(self.details),
            category=self.category,
            may_have_arrived=self.may_have_arrived,
            retry_after=self.retry_after,
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """`where` it is now, as people would look for it, without secrets; `answer`: the other side's
    last word; `linked`: only a link was sent, the file being too large."""

    where: str
    size: int
    answer: str = ""
    linked: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """`stream` can be sought; `size` is in bytes. By mail, `title` is the subject where the
    destination has none, and a text that is `inline` is the mail itself."""

    name: str
    content_type: str
    stream: BinaryIO
    size: int
    key: str = ""
    link: str = ""
    title: str = ""
    inline: bool = False

    def with_key(self, key: str) -> Self:
        return replace(self, key=key)

    def data(self) -> bytes:
        self.stream.seek(0)
        return self.stream.read()


@dataclass(frozen=True, slots=True)
class Means:
    """How to get out, for how many seconds, and when. `second`: the secret's other value, while it
    is changed."""

    door: Door
    timeout: float
    now: datetime
    second: str = field(default="", repr=False)


Settings = Mapping[str, Any]
Way = Callable[[Settings, str, File, Means], Sent]


def by_email(settings: Settings, secret: str, file: File, means: Means) -> Sent:
    linked = file.size > MAX_ATTACHED
    if linked and not file.link:
        raise Undelivered(
            "File too large",
            f"{megabytes(file.size)}, and e-mail takes {megabytes(MAX_ATTACHED)}: "
            "choose SFTP or an object store",
            category="configuration",
        )
    letter = _letter(settings, file, means.now, linked=linked)
    try:
        answer = smtp.send(
            _mail_server(settings, secret),
            letter.message(),
            sender=on_the_wire(letter.sender),
            recipients=letter.recipients,
            door=means.door,
            timeout=means.timeout,
        )
    except HttpError as error:
        raise _unreached(error) from error
    said = f"{answer.code} {answer.text}"
    if answer.code in (530, 534, 535, 538):
        raise Undelivered("Login refused", said, category="authentication")
    if answer.code != smtp.DONE:
        category = "system" if answer.code < 500 else "configuration"
        raise Undelivered("Mail server says no", said, category=category)
    return Sent(", ".join(letter.recipients), file.size, said, linked=linked)


def _letter(settings: Settings, file: File, now: datetime, *, linked: bool) -> Letter:
    subject = settings.get("subject")
    rows = [("File", file.name), ("Size", megabytes(file.size))]
    if linked:
        rows.append(("Too large to attach. It is here", file.link))
    text, html = table(rows)
    attachment = None if linked else Attachment(file.name, file.content_type, file.data())
    if file.inline and not linked:
        text, attachment = file.data().decode("utf-8", "replace"), None
        html = f"<pre>{escape(text)}</pre>\n"
    return Letter(
        sender=sender_of(settings.get("from") or site.DEFAULT_FROM_EMAIL),
        to=addresses.mailbox_list(settings["to"]),
        cc=_mailboxes(settings.get("cc")),
        bcc=(),
        reply_to=_mailboxes(settings.get("reply_to")),
        subject=(subject.text({"now": now}).strip() if subject else "") or file.title or file.name,
        text=text,
        html=html,
        key=file.key,
        date=now,
        attachments=(attachment,) if attachment else (),
    )


def _mailboxes(text: str | None) -> tuple[str, ...]:
    return addresses.mailbox_list(text) if text else ()


def _mail_server(settings: Settings, secret: str) -> smtp.Server:
    if not settings.get("host"):
        return site_server()
    security = Security(settings.get("security") or Security.STARTTLS)
    return smtp.Server(
        host=settings["host"],
        port=settings.get("port") or smtp.PORTS[security],
        security=security,
        username=settings.get("username") or "",
        password=secret,
    )


def by_sftp(settings: Settings, secret: str, file: File, means: Means) -> Sent:
    # Paramiko takes 10 MB: only of the processes that speak SFTP.
    from leadops.lib import sftp

    parts = urlsplit(settings["url"])
    server = sftp.Server(
        parts.hostname or "",
        parts.port or 22,
        host_keys=host_keys(settings["host_key"]),
        login=sftp.Login(settings["username"], secret),
    )
    folder = addresses.folders(settings["url"]).rstrip("/")
    path = f"{folder}/{file.name}".removeprefix("/~/")  # of the login's own folder
    try:
        with sftp.session(server, door=means.door, timeout=means.timeout) as session:
            answer = session.place(path, file.stream, key=file.key)
    except sftp.NotAccepted as error:
        raise Undelivered("Server says no", error.words, category="configuration") from error
    except sftp.LoginRefused as error:
        raise Undelivered("Login refused", error.message, category="authentication") from error
    except sftp.HostKeyRefused as error:
        raise Undelivered("Unknown host key", error.message, category="security") from error
    except HttpError as error:
        raise _unreached(error) from error
    return Sent(f"sftp://{parts.netloc}{folder}/{file.name}", file.size, answer)


def by_object_store(settings: Settings, secret: str, file: File, means: Means) -> Sent:
    bucket = objectstore.Bucket.of(settings, secret=secret)
    prefix = settings.get("prefix")
    folder = prefix.text({"now": means.now}).strip().lstrip("/") if prefix else ""
    try:
        stored = objectstore.put(
            bucket,
            f"{folder}{file.name}",
            file.stream,
            content_type=file.content_type,
            door=means.door,
            timeout=means.timeout,
        )
    except Refused as error:
        raise Undelivered(
            "Object store says no",
            str(error),
            category=error.category,
            retry_after=error.retry_after,
        ) from error
    except HttpError as error:
        raise _unreached(error) from error
    return Sent(f"s3://{bucket.name}/{stored.key}", stored.size, f"ETag {stored.etag}")


def by_http(settings: Settings, secret: str, file: File, means: Means) -> Sent:
    if file.size > MAX_POSTED:
        raise Undelivered(
            "File too large",
            f"{megabytes(file.size)}, and HTTP takes {megabytes(MAX_POSTED)} here: "
            "choose SFTP or an object store",
            category="configuration",
        )
    body = file.data()
    headers = {
        "Content-Type": file.content_type,
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "Idempotency-Key": file.key,
        **{name: value.text({}) for name, value in (settings["headers"] or {}).items()},
    }
    if secret:
        moment = int(means.now.timestamp())
        both = dict.fromkeys(filter(None, (secret, means.second)))
        headers |= webhooks.sign([*both], id=file.key, timestamp=moment, body=body)
    request = Request(settings["method"], settings["url"], headers, body, timeout=means.timeout)
    try:
        reply = means.door.send(request)
    except HttpError as error:
        raise _unreached(error) from error
    if not reply.ok:
        raise _answered(reply)
    return Sent(_without_query(settings["url"]), file.size, str(reply.status))


def _answered(reply: Reply) -> Undelivered:
    category = "configuration"
    if reply.status in (401, 403):
        category = "authentication"
    elif reply.status == 429:
        category = "rate_limit"
    elif reply.status >= 500:
        category = "system"
    after = reply.headers.get("retry-after", "")
    said = " ".join(reply.body[:300].decode("utf-8", "replace").split())
    return Undelivered(
        f"Server answers {reply.status}",
        said,
        category=category,
        retry_after=float(after) if after.isascii() and after.isdigit() else None,
    )


def by_file(settings: Settings, secret: str, file: File, means: Means) -> Sent:
    """Whole under its name, or not at all; another of that name is replaced."""
    outbox = Path(site.LEADOPS_HOME, OUTBOX)
    folder = outbox / settings["folder"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not folder.resolve().is_relative_to(outbox.resolve()):
            raise Undelivered(
                "Folder leads elsewhere", settings["folder"], category="configuration"
            )
        _write(folder, file)
    except OSError as error:
        raise Undelivered("Folder cannot be written", str(error), category="system") from error
    return Sent(f"{OUTBOX}/{settings['folder']}/{file.name}", file.size)


def _write(folder: Path, file: File) -> None:
    file.stream.seek(0)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".", suffix=".part", delete=False) as part:
        try:
            while piece := file.stream.read(1 << 20):
                part.write(piece)
            part.flush()
            os.fsync(part.fileno())
            os.replace(part.name, folder / file.name)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise


def _unreached(error: HttpError) -> Undelivered:
    return Undelivered(
        REASONS.get(type(error), "Delivery failed"),
        error.message,
        category=error.category,
        may_have_arrived=error.may_have_arrived,
    )


def _without_query(url: str) -> str:
    return url.partition("?")[0]


def megabytes(size: int) -> str:
    return f"{size / MB:.1f} MB" if size >= MB / 10 else f"{size:,} bytes"


WAYS: Mapping[str, Way] = {
    "email": by_email,
    "sftp": by_sftp,
    "object_store": by_object_store,
    "http": by_http,
    "file": by_file,
}
