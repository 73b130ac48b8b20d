"""Mail servers on loopback: a real one, and one that follows a script of faults."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from tests.leadops.http.servers import free_port, reset

USER, PASSWORD = "ann", "s3cret"


@dataclass
class Mailbox:
    """What a server took: envelopes, and their messages read."""

    port: int = 0
    envelopes: list[Envelope] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)  # address → what RCPT is answered
    once: dict[str, str] = field(default_factory=dict)  # the same, but the first time alone
    answer: str = "250 2.0.0 Ok: queued as 4AbC"

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(each.content, policy=default) for each in self.envelopes]  # type: ignore[misc]

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if words := self.once.pop(address, ""):
            return words
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        if self.answer.startswith("2"):
            self.envelopes.append(envelope)
        return self.answer


@contextlib.contextmanager
def mail_server(
    *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, auth: bool = False
) -> Iterator[Mailbox]:
    mailbox = Mailbox(port=free_port())

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and data == LoginPassword(
            USER.encode(), PASSWORD.encode()
        )
        return AuthResult(success=right, handled=right)

    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=mailbox.port,
        ssl_context=tls,
        server_hostname="mail.example" if tls else None,
        tls_context=starttls,
        authenticator=check if auth else None,
        auth_required=auth,
        auth_require_tls=False,
        ready_timeout=30,
    )
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


class _Over(Exception):
    """The script ends the connection here."""


@dataclass(frozen=True)
class Script:
    """A server that is well until `fault` (a command, GREETING, BODY or END); then it drops,
    resets or hangs. `answers` are other words than usual for a stage."""

    fault: str = ""
    how: str = "drop"
    answers: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, conn: socket.socket) -> None:
        with contextlib.suppress(_Over):
            self._say(conn, "GREETING")
            file = conn.makefile("rb")
            while line := file.readline():
                command = line.split()[0].decode().upper()
                self._say(conn, command)
                if command == "DATA":
                    file.readline()
                    self._reach(conn, "BODY")
                    while file.readline() != b".\r\n":
                        pass
                    self._say(conn, "END")

    def _say(self, conn: socket.socket, stage: str) -> None:
        self._reach(conn, stage)
        conn.sendall(self.answers.get(stage) or USUAL.get(stage, b"250 OK\r\n"))

    def _reach(self, conn: socket.socket, stage: str) -> None:
        if stage != self.fault:
            return
        if self.how == "hang":
            time.sleep(60)
        if self.how == "reset":
            reset(conn)
        raise _Over


USUAL = {
    "GREETING": b"220 mail.example\r\n",
    "EHLO": b"250-mail.example\r\n250 SIZE 1000000\r\n",
    "DATA": b"354 go ahead\r\n",
    "END": b"250 2.0.0 queued\r\n",
}
