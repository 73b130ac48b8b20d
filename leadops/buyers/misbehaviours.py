"""Buyers that do not answer in one proper piece."""

from __future__ import annotations

import gzip
from functools import cache

from leadops.buyers.behaviours import behaviour
from leadops.buyers.messages import Answer, Received, Wire

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
FOREVER = 86_400.0


@behaviour("/hang")
def hang(received: Received) -> Answer:
    """takes the request and never answers"""

    async def play(wire: Wire) -> None:
        await wire.pause(FOREVER)

    return Answer(script=play)


@behaviour("/reset")
def reset(received: Received) -> Answer:
    """resets before the answer; ?when=in: in the middle; ?when=after: behind it"""
    when = received.target.query.get("when", "before")

    async def play(wire: Wire) -> None:
        if when == "in":
            await wire.write(HEAD + b'Content-Length: 500\r\n\r\n{"status":"acc')
            await wire.pause(0.02)
        elif when == "after":
            await wire.write(HEAD + b'Content-Length: 21\r\n\r\n{"status":"accepted"}')
            await wire.pause(0.02)
        wire.reset()

    return Answer(script=play)


@behaviour("/close")
def close(received: Received) -> Answer:
    """closes the connection without an answer"""

    async def play(wire: Wire) -> None:
        wire.close()

    return Answer(script=play)


@behaviour("/garbage")
def garbage(received: Received) -> Answer:
    """answers what is not HTTP; ?in=body: HTTP with a body that is neither JSON nor XML"""
    if received.target.query.get("in") == "body":
        return Answer(200, b'\xff\xfe{"status": <<<accepted', content_type="application/json")

    async def play(wire: Wire) -> None:
        await wire.write(b"\x00\x01 this is not HTTP \xff\r\n\r\n")
        wire.close()

    return Answer(script=play)


@behaviour("/dribble")
def dribble(received: Received) -> Answer:
    """a byte at a time, for ever; ?ms=50 &in=header"""
    pause = received.target.number("ms", 50) / 1000
    start = HEAD + b'Content-Length: 1000000\r\n\r\n{"status":"accepted"'
    if received.target.query.get("in") == "header":
        start = HEAD

    async def play(wire: Wire) -> None:
        await wire.write(start)
        while True:
            await wire.pause(pause)
            await wire.write(b"x")

    return Answer(script=play)


@behaviour("/endless")
def endless(received: Received) -> Answer:
    """a body without end"""

    async def play(wire: Wire) -> None:
        await wire.write(HEAD + b"\r\n")
        while True:
            await wire.write(b"x" * 65_536)

    return Answer(script=play)


@behaviour("/gzip-bomb")
def gzip_bomb(received: Received) -> Answer:
    """47 KiB of gzip that are 50 MB"""
    return Answer(200, _bomb(), headers=(("Content-Encoding", "gzip"),))


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * 50_000_000)
