"""E-mail messages (RFC 5322) made of leads: the same lead and settings give the same bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from html import escape

from recipients import addresses

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_ID_SAFE = re.compile(r"[A-Za-z0-9_-]{1,100}\Z")
MAX_SUBJECT = 300

Rows = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """What goes into a message. `key` is the delivery's: the message's id is made of it."""

    sender: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    reply_to: tuple[str, ...]
    subject: str
    text: str
    html: str
    key: str
    extra: tuple[tuple[str, str], ...] = ()
    date: datetime | None = None
    attachments: tuple[Attachment, ...] = ()

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody it goes to, each once, as the envelope names them."""
        return tuple(dict.fromkeys(map(on_the_wire, (*self.to, *self.cc, *self.bcc))))

    def headers(self) -> dict[str, str]:
        """As they are written, without Bcc."""
        written = {
            "From": str(_address(self.sender)),
            "To": ", ".join(self.to),
            "Cc": ", ".join(self.cc),
            "Reply-To": ", ".join(self.reply_to),
            "Subject": one_line(self.subject)[:MAX_SUBJECT],
            "Message-ID": message_id(self.key, self.sender),
            "Date": format_datetime(self.date) if self.date else "",
            "Auto-Submitted": "auto-generated",  # RFC 3834: no holiday notes in return
            **dict(self.extra),
        }
        return {name: value for name, value in written.items() if value}

    def message(self) -> bytes:
        """The whole message, safe on the way: ASCII, lines of at most 998 letters."""
        message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
        for name, value in self.headers().items():
            message[name] = _addresses(value) if name in ("To", "Cc", "Reply-To") else value
        message.set_content(self.text, cte=_encoding(self.text))
        message.add_alternative(self.html, subtype="html", cte=_encoding(self.html))
        for attachment in self.attachments:
            main, _, sub = attachment.content_type.partition(";")[0].partition("/")
            message.add_attachment(
                attachment.data, maintype=main, subtype=sub, filename=attachment.name
            )
        _set_boundaries(message, self.key)
        return message.as_bytes()

    def shown(self) -> bytes:
        """The content as a person reads it."""
        parts = [self.text]
        for attachment in self.attachments:
            parts.append(f"--- {attachment.name}\n{attachment.data.decode('utf-8', 'replace')}")
        return "\n".join(parts).encode("utf-8", "replace")


def one_line(text: str) -> str:
    """Without what would begin a new header."""
    return _CONTROL.sub(" ", text).encode("utf-8", "replace").decode().strip()


def message_id(key: str, sender: str) -> str:
    """The same for every attempt of a delivery: receivers drop what they have already."""
    local = key if _ID_SAFE.match(key) else hashlib.sha256(key.encode()).hexdigest()[:40]
    return f"<{local}@{domain_of(sender)}>"


def domain_of(sender: str) -> str:
    return on_the_wire(parseaddr(sender)[1]).rpartition("@")[2]


def sender_of(text: str) -> str:
    """`Name <leads@example.com>` or the address alone; raises ValueError."""
    name, mailbox = parseaddr(text)
    addresses.mailbox_list(mailbox)
    return f"{one_line(name)} <{mailbox}>" if name else mailbox


def on_the_wire(mailbox: str) -> str:
    """The address in ASCII, its domain as DNS has it."""
    local, _, domain = parseaddr(mailbox)[1].rpartition("@")
    return f"{local}@{domain.encode('idna').decode('ascii')}"


def table(rows: Rows) -> tuple[str, str]:
    """Names and values as text and as HTML."""
    lines = "".join(f"{name}: {value}\n" for name, value in rows)
    cells = "".join(
        f'<tr><th align="left">{escape(name)}</th><td>{escape(value)}</td></tr>\n'
        for name, value in rows
    )
    return lines, f'<table cellpadding="4">\n{cells}</table>\n'


def _address(text: str) -> Address:
    name, mailbox = parseaddr(text)
    return Address(display_name=name, addr_spec=on_the_wire(mailbox))


def _addresses(text: str) -> tuple[Address, ...]:
    return tuple(Address(addr_spec=on_the_wire(one)) for one in text.split(", "))


def _encoding(text: str) -> str:
    """Plain where the text may go as it is, so that it stays readable on the way."""
    is_plain = text.isascii() and all(len(line) < 900 for line in text.splitlines())
    return "7bit" if is_plain else "quoted-printable"


def _set_boundaries(message: EmailMessage, key: str) -> None:
    # Python's own are random, and the same job gives the same message.
    for place, part in enumerate(message.walk()):
        if part.is_multipart():
            digest = hashlib.sha256(f"{key} {place}".encode()).hexdigest()[:32]
            part.set_boundary(f"=_{digest}_=")
