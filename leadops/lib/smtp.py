"""Handing one message to a mail server (RFC 5321), through the guarded door.

What the server says is returned, whatever it says: 250 taken, 4yz not now, 5yz not at all.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NoReturn

from leadops.lib.http import Door
from leadops.lib.http.errors import (
    ConnectionLost,
    ConnectTimeout,
    DeadlineExceeded,
    HttpError,
    Interrupted,
    MalformedReply,
    RequestRefused,
    TlsFailed,
)
from leadops.lib.http.lines import Line
from leadops.lib.http.tls import Tls

MAX_REPLY = 65_536  # bytes of one answer, over all its lines
READY, DONE, GO_AHEAD, AUTHENTICATED = 220, 250, 354, 235
_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"(?m)^\.")


class Security(StrEnum):
    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True, slots=True)
class Server:
    """Where messages are handed in. `is_ours`: named by the environment, so it may be private."""

    host: str
    port: int
    security: Security = Security.STARTTLS
    username: str = ""
    password: str = field(default="", repr=False)
    tls: Tls | None = None
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The server's last word."""

    code: int
    text: str


class _Refused(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.code)
        self.answer = answer


def send(
    server: Server,
    data: bytes,
    *,
    sender: str,
    recipients: Sequence[str],
    door: Door,
    timeout: float,
) -> Answer:
    """Hand `data` in for all of `recipients`, or for none. `timeout` is in seconds, for all of it.

    Raises HttpError: with may_have_arrived only once all of the message was written.
    """
    with door.line(server.host, server.port, timeout=timeout, anywhere=server.is_ours) as line:
        try:
            return _converse(server, line, data, sender=sender, recipients=recipients)
        except _Refused as refused:
            return refused.answer
        except (smtplib.SMTPException, OSError) as error:
            _explain(error, line, timeout)


def _converse(
    server: Server, line: Line, data: bytes, *, sender: str, recipients: Sequence[str]
) -> Answer:
    if server.security is Security.TLS:
        line.secure(server.host, server.tls)
    talk = _Talk(line)
    try:
        talk.expect(READY, talk.getreply())
        talk.greet()
        if server.security is Security.STARTTLS:
            talk.start_tls(server)
        if server.username:
            talk.authenticate(server)
        return talk.hand_over(data, sender=sender, recipients=recipients)
    finally:
        talk.leave()


class _Talk(smtplib.SMTP):
    """smtplib's conversation over a line that is open already, with bounded answers."""

    def __init__(self, line: Line) -> None:
        # With a name of our own: smtplib would ask the name server, without a time limit.
        super().__init__(local_hostname=_literal(line))
        self.line = line
        self.sock = line.sock
        self.file = None

    def expect(self, code: int, reply: tuple[int, bytes]) -> Answer:
        """The reply as an Answer; raises _Refused where it says anything else."""
        answer = Answer(reply[0], reply[1].decode("utf-8", "replace"))
        if answer.code < 200:
            raise smtplib.SMTPException("not an answer of SMTP")
        if answer.code != code:
            raise _Refused(answer)
        return answer

    def getreply(self) -> tuple[int, bytes]:
        """smtplib's reads on for as long as the server goes on."""
        if self.file is None:
            assert self.sock is not None  # noqa: S101  a line is open
            self.file = self.sock.makefile("rb")
        lines: list[bytes] = []
        left = MAX_REPLY
        while True:
            line = self.file.readline(left + 1)
            left -= len(line)
            if not line.endswith(b"\n"):
                why = "answer too long" if left < 0 else "connection closed"
                raise smtplib.SMTPServerDisconnected(why)
            lines.append(line[4:].strip())
            if line[3:4] != b"-":
                break
        code = line[:3]
        return (int(code) if code.isdigit() else -1), b"\n".join(lines)

    def greet(self) -> None:
        if self.ehlo()[0] != DONE:
            self.expect(DONE, self.helo())

    def start_tls(self, server: Server) -> None:
        """Raises TlsFailed where the server does not offer it: nothing goes out in the clear."""
        if not self.has_extn("starttls"):
            raise TlsFailed("The mail server offers no STARTTLS")
        self.expect(READY, self.docmd("STARTTLS"))
        self.line.secure(server.host, server.tls)
        self.sock = self.line.sock
        # What came before the handshake may have been put there by somebody between.
        self.file = None
        self.ehlo_resp = self.helo_resp = None  # as smtplib does
        self.esmtp_features = {}
        self.does_esmtp = False
        self.greet()

    def authenticate(self, server: Server) -> None:
        try:
            self.login(server.username, server.password)
        except smtplib.SMTPAuthenticationError as error:
            self.expect(AUTHENTICATED, (error.smtp_code, _bytes(error.smtp_error)))
        except smtplib.SMTPNotSupportedError:
            raise _Refused(Answer(534, "The mail server takes no user names here")) from None
        except UnicodeError as error:
            raise RequestRefused("User name and password of SMTP are ASCII") from error

    def hand_over(self, data: bytes, *, sender: str, recipients: Sequence[str]) -> Answer:
        self.expect(DONE, self.docmd(f"MAIL FROM:<{sender}>"))
        for recipient in recipients:
            reply = self.docmd(f"RCPT TO:<{recipient}>")
            if reply[0] != 251:  # it will forward
                self.expect(DONE, reply)
        self.expect(GO_AHEAD, self.docmd("DATA"))
        self.send(_LEADING_DOT.sub(b"..", _LINE_END.sub(b"\r\n", data)) + b"\r\n.\r\n")
        self.line.handed_over = True
        return self.expect(DONE, self.getreply())

    def leave(self) -> None:
        """Say goodbye without waiting for an answer: the message's fate is known."""
        with contextlib.suppress(smtplib.SMTPException, OSError):
            self.putcmd("QUIT")
        self.close()


def _literal(line: Line) -> str:
    """An address literal (RFC 5321, 4.1.3): we need not have a name that others can look up."""
    address = str(line.sock.getsockname()[0]).partition("%")[0]
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _explain(error: Exception, line: Line, timeout: float) -> NoReturn:
    is_garbage = type(error) is smtplib.SMTPException
    if line.handed_over:
        failure: HttpError = ConnectionLost("The connection was closed before the server's word")
        if line.is_cut_off:
            failure = DeadlineExceeded(f"No word on the message within {timeout:g} s")
        elif is_garbage:
            failure = MalformedReply("The answer is not SMTP")
    elif line.is_cut_off:
        failure = ConnectTimeout(f"The message was not taken within {timeout:g} s")
    elif is_garbage:
        failure = Interrupted("What answers there is no mail server", category="configuration")
    else:
        failure = Interrupted("The mail server closed the connection before the message")
    raise failure from error
