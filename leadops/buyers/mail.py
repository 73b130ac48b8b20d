"""A buyer's mail server: just enough SMTP (RFC 5321) for leads that are sent by e-mail.

The conversation is apart from the network: bytes in, bytes out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from leadops.buyers.connection import header_of
from leadops.buyers.messages import Received, Target

if TYPE_CHECKING:
    from leadops.buyers.log import Log

MAX_LINE = 4096
MAX_MESSAGE = 16 * 1024 * 1024
GREETING = b"220 buyers.example ESMTP\r\n"
OK, BYE = b"250 OK\r\n", b"221 Bye\r\n"
TAKEN = b"250 2.0.0 OK: queued\r\n"
HELLO = b"250-buyers.example\r\n250-8BITMIME\r\n250 SIZE %d\r\n" % MAX_MESSAGE
# What addresses that begin so are answered.
REFUSED = {
    b"refuse": b"550 5.7.1 We want none of these\r\n",
    b"later": b"451 4.3.0 Try again later\r\n",
}
END = b"\r\n.\r\n"


class Letter(NamedTuple):
    """A message as it was handed in, for `to`, the first of its envelope."""

    to: str
    head: bytes
    body: bytes


class Conversation:
    """One client's. Whole messages go to `take`; `over` once the client has said goodbye."""

    def __init__(self, take: Callable[[Letter], None]) -> None:
        self.over = False
        self._take = take
        self._buffer = bytearray()
        self._to: list[bytes] = []
        self._reading = False

    def feed(self, data: bytes) -> bytes:
        """The answers to what came."""
        self._buffer += data
        answers = bytearray()
        while not self.over and (answer := self._next()) is not None:
            answers += answer
        return bytes(answers)

    def _next(self) -> bytes | None:
        """The answer to the next whole line or message; None before it is whole."""
        if self._reading:
            return self._message()
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return self._too_long(b"500 Line too long\r\n", MAX_LINE)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return self._command(line)

    def _message(self) -> bytes | None:
        end = self._buffer.find(END)
        if end < 0:
            return self._too_long(b"552 Message too long\r\n", MAX_MESSAGE)
        whole = bytes(self._buffer[:end]).replace(b"\r\n..", b"\r\n.")[2:]
        del self._buffer[: end + len(END)]
        head, _, body = whole.partition(b"\r\n\r\n")
        self._take(Letter(self._to[0].decode("utf-8", "replace"), head, body))
        self._reset()
        return TAKEN

    def _too_long(self, answer: bytes, limit: int) -> bytes | None:
        if len(self._buffer) <= limit:
            return None
        self.over = True
        return answer

    def _reset(self) -> None:
        self._to.clear()
        self._reading = False

    def _command(self, line: bytes) -> bytes:
        word = line[:4].upper()
        if word in (b"EHLO", b"HELO"):
            self._reset()
            return HELLO if word == b"EHLO" else OK
        if word == b"RCPT":
            return self._recipient(line)
        if word == b"DATA":
            return self._data()
        if word == b"QUIT":
            self.over = True
            return BYE
        if word in (b"MAIL", b"RSET"):
            self._reset()
        return OK if word in (b"MAIL", b"RSET", b"NOOP") else b"502 Unknown command\r\n"

    def _data(self) -> bytes:
        if not self._to:
            return b"503 For whom?\r\n"
        self._reading = True
        self._buffer[:0] = b"\r\n"  # so that a first line is like all others
        return b"354 Go ahead\r\n"

    def _recipient(self, line: bytes) -> bytes:
        address = line.partition(b"<")[2].partition(b">")[0]
        for word, answer in REFUSED.items():
            if address.startswith(word):
                return answer
        self._to.append(address)
        return OK


class MailConnection(asyncio.Protocol):
    """A conversation over the network. Messages stand in the log under /mail/ADDRESS."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._conversation = Conversation(self._keep)
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # TCP gives a Transport
        self._transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._conversation.feed(data))
        if self._conversation.over:
            self._transport.close()

    def _keep(self, letter: Letter) -> None:
        path = f"/mail/{letter.to}"
        target = Target(path, path, {})
        key = header_of(letter.head, b"message-id").decode("utf-8", "replace")
        number = self._log.total
        repeat = self._log.count(target, key)
        head = b"MAIL " + path.encode() + b"\r\n" + letter.head
        self._log.keep(Received("MAIL", target, head, letter.body, key, repeat, number), 250)
