"""One client's connection: just enough HTTP/1.1, parsed as it comes.

Written on asyncio's protocols because it is also the instant buyer of the benchmarks: it must not
be what they measure.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from functools import lru_cache
from typing import Protocol

from leadops.buyers.messages import Answer, Script, Target, as_json, target_of

MAX_BODY = 16 * 1024 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Desk(Protocol):
    """Who decides on requests: `leadops.buyers.server.Desk`."""

    connections: set[Connection]
    opened: int

    def answer(
        self, method: str, target: Target, *, head: bytes, body: bytes, key: str
    ) -> Answer: ...


_target = lru_cache(maxsize=4096)(target_of)


class Connection(asyncio.Protocol):
    """Answers one request after the other; a late answer holds up those behind it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._buffer = bytearray()
        self._busy = False
        self._closed = asyncio.Event()
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # TCP gives a Transport
        self._desk.connections.add(self)
        self._desk.opened += 1
        sock = transport.get_extra_info("socket")
        if sock is not None:
            # asyncio forgets it where the listener did not name its protocol; without it answers
            # to pipelined requests wait 40 ms for an acknowledgement.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set()
        self._may_write.set()
        self._desk.connections.discard(self)

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._busy:
            self._serve()

    # The messages

    def _serve(self) -> None:
        """Answer every whole request in the buffer, until one takes time."""
        while not self._busy and self._buffer:
            found = self._next()
            if found is None:
                return
            head, body = found
            line, _, rest = head.partition(b"\r\n")
            parts = line.split(b" ")
            if len(parts) != 3:
                self._refuse(as_json(400, {"message": "Not HTTP"}))
                return
            target = _target(parts[1].decode("latin-1"))
            key = header_of(rest, b"idempotency-key").decode("utf-8", "replace")
            self._answer(parts[0].decode("latin-1"), target, head=head, body=body, key=key)

    def _answer(self, method: str, target: Target, *, head: bytes, body: bytes, key: str) -> None:
        answer = self._desk.answer(method, target, head=head, body=body, key=key)
        if answer.script is not None:
            self._busy = True
            self._task = asyncio.ensure_future(self._play(answer.script))
        elif answer.delay:
            self._busy = True
            asyncio.get_running_loop().call_later(answer.delay, self._late, answer, method)
        else:
            self._transport.write(answer.wire(is_head=method == "HEAD"))

    def _late(self, answer: Answer, method: str) -> None:
        if not self._closed.is_set():
            self._busy = False
            self._transport.write(answer.wire(is_head=method == "HEAD"))
            self._serve()

    def _next(self) -> tuple[bytes, bytes] | None:
        """Take a whole request from the buffer: its head and its body."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > 65_536:
                self._refuse(as_json(400, {"message": "Header too long"}))
            return None
        head = bytes(self._buffer[:end])
        if header_of(head, b"transfer-encoding"):
            self._refuse(as_json(400, {"message": "Send a Content-Length"}))
            return None
        length_text = header_of(head, b"content-length") or b"0"
        length = int(length_text) if length_text.isdigit() else MAX_BODY + 1
        if length > MAX_BODY:
            self._refuse(as_json(413, {"message": "Too long"}))
            return None
        start = end + 4
        if len(self._buffer) < start + length:
            if len(self._buffer) == start and header_of(head, b"expect"):
                self._transport.write(CONTINUE)
            return None
        body = bytes(self._buffer[start : start + length])
        del self._buffer[: start + length]
        return head, body

    def _refuse(self, answer: Answer) -> None:
        self._buffer.clear()
        self._busy = True
        self._transport.write(answer.wire())
        self._transport.close()

    # The side of scripts

    async def _play(self, script: Script) -> None:
        try:
            await script(self)
        except ConnectionError:
            pass
        finally:
            self.close()

    async def write(self, data: bytes) -> None:
        await self._may_write.wait()
        if self._closed.is_set():
            raise ConnectionResetError
        self._transport.write(data)
        await asyncio.sleep(0)

    async def pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except TimeoutError:
            return
        raise ConnectionResetError

    def close(self) -> None:
        self._transport.close()

    def reset(self) -> None:
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            # Lingering for 0 s makes the close a reset.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


def header_of(head: bytes, name: bytes) -> bytes:
    """The value of a header; `name` in lower case. Empty when it is not there."""
    lower = head.lower()
    at = lower.find(b"\n" + name + b":")
    if at < 0:
        if not lower.startswith(name + b":"):
            return b""
        at = -1
    start = at + 2 + len(name)
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip()
