"""Streams as readers see them: real sockets, the real server, one event loop."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from events import following
from events.following import START, Choice
from events.models import Event
from events.streaming import serving
from events.streaming.asked import Asked, Caller, Form
from events.streaming.server import Limits, Server
from leadops.accounts.models import AccountKey
from leadops.lib import handover
from tests.events.test_following import write
from tests.factories import make_recipient, make_user

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 30.0  # at most, for what comes at once on a machine with nothing else to do


class House:
    """A server, and who reads from it."""

    def __init__(self, at: Path) -> None:
        self.at = at

    async def connect(self, asked: Asked) -> socket.socket:
        """A reader's end, from which nothing is read yet."""
        ours, theirs = socket.socketpair()
        await asyncio.to_thread(handover.give, self.at, theirs, asked.message())
        return ours

    async def open(self, asked: Asked) -> asyncio.StreamReader:
        """A stream, past its head."""
        ours = await self.connect(asked)
        reader, self.writer = await asyncio.open_connection(sock=ours, limit=2**20)
        self.head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)
        return reader


def run_apart(scene: Coroutine[Any, Any, None]) -> None:
    """On a thread of its own: in this one, browser tests may have left a loop that runs."""
    with ThreadPoolExecutor(max_workers=1) as apart:
        apart.submit(asyncio.run, scene).result()


def play(scene: Callable[[House], Awaitable[None]], *, streams: int = 3) -> None:
    """Run a scene beside a server, which ends with it."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            at = handover.path(Path(folder), "streams")
            server = Server(at, Limits(caller=streams, all=10))
            serving_task = asyncio.ensure_future(server.run())
            while not at.exists():
                await asyncio.sleep(0.01)
            try:
                await scene(House(at))
            finally:
                server.stop()
                await serving_task

    run_apart(run())


async def write_beside(**how: Any) -> list[str]:
    """Events of another connection, committed."""

    def work() -> list[str]:
        try:
            return write(**how)
        finally:
            connections.close_all()

    return await asyncio.to_thread(work)


async def line(reader: asyncio.StreamReader) -> Any:
    """The next line that says something."""
    while True:
        text = await asyncio.wait_for(reader.readline(), SECONDS)
        assert text, "the stream ended"
        if text.strip():
            return json.loads(text)


def caller(**how: Any) -> Caller:
    user = make_user(**how)
    return Caller(str(user.pk), key=AccountKey.objects.get(user=user).digest)


@pytest.fixture
def olga() -> Caller:
    return caller(username="olga", key="key-olga-00000001")


def test_it_gives_what_was_and_what_comes_in_order_once(olga: Caller) -> None:
    before = [write()[0] for _ in range(5)]

    async def scene(house: House) -> None:
        reader = await house.open(Asked(olga, following.Position(0), chunked=False))
        assert house.head.startswith(b"HTTP/1.0 200 OK")
        assert [(await line(reader))["id"] for _ in before] == before
        for _ in range(3):
            written = await write_beside(events=2)
            assert [(await line(reader))["id"] for _ in written] == written
        house.writer.close()

    play(scene)


def test_a_choice_and_the_reader_s_sight_bound_what_it_gets(olga: Caller) -> None:
    abc = make_recipient("abc-insurance")
    dana = caller(username="dana", role="account_manager", recipients=[abc], key="key-dana-0001")
    write(entity_id="rcp_other")
    theirs = write(entity_id=abc.id)[0]
    write(entity_id=abc.id, flow_id="flow_1")

    async def scene(house: House) -> None:
        reader = await house.open(Asked(dana, START, chunked=False))
        assert (await line(reader))["id"] == theirs
        house.writer.close()
        only = Choice(flows=frozenset({"flow_1"}))
        reader = await house.open(Asked(olga, START, choice=only, chunked=False))
        assert (await line(reader))["flow_id"] == "flow_1"

    play(scene)


def test_server_sent_events_have_ids_a_retry_and_a_last_word(olga: Caller) -> None:
    first = write()[0]

    async def scene(house: House) -> None:
        reader = await house.open(Asked(olga, START, form=Form.SSE))
        assert b"Content-Type: text/event-stream" in house.head
        assert b"Transfer-Encoding: chunked" in house.head
        text = b""
        while b'"type":"config.changed"' not in text:
            text += await asyncio.wait_for(reader.read(4096), SECONDS)
        assert b"retry: 2000\n\n" in text
        assert f"id: {first}\ndata: {{".encode() in text

    play(scene)


def test_a_stop_ends_streams_with_a_line_that_says_where_to_go_on(olga: Caller) -> None:
    last = write()[0]
    rest: list[asyncio.StreamReader] = []

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            at = handover.path(Path(folder), "streams")
            server = Server(at, Limits(caller=1, all=1))
            task = asyncio.ensure_future(server.run())
            while not at.exists():
                await asyncio.sleep(0.01)
            house = House(at)
            rest.append(await house.open(Asked(olga, START, chunked=False)))
            assert (await line(rest[0]))["id"] == last
            server.stop()
            said = (await line(rest[0]))["stream"]
            assert said["closed"] == "stopping"
            assert said["after"] == last
            assert await asyncio.wait_for(rest[0].read(), SECONDS) == b""
            await task

    run_apart(run())


def test_one_caller_opens_no_more_than_its_share(olga: Caller) -> None:
    async def scene(house: House) -> None:
        await house.open(Asked(olga, START))
        with pytest.raises(handover.Refused) as refused:
            await house.open(Asked(olga, START))
        assert refused.value.status == 429
        assert refused.value.retry_after > 0

    play(scene, streams=1)


def test_a_revoked_key_ends_its_streams(olga: Caller) -> None:
    now = following.tip()

    async def scene(house: House) -> None:
        reader = await house.open(Asked(olga, now, chunked=False))
        await asyncio.to_thread(revoke)
        assert (await line(reader))["stream"]["closed"] == "unauthorized"

    def revoke() -> None:
        try:
            AccountKey.objects.update(revoked_at=timezone.now())
        finally:
            connections.close_all()

    play(scene)


def test_a_reader_that_never_reads_is_let_go_and_holds_up_nobody(
    olga: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "WRITE_SECONDS", 0.5)
    monkeypatch.setattr(serving, "BUFFER", 16 * 1024)
    reason = "x" * 500
    for _ in range(40):
        write(events=100, reason=reason)
    total = Event.objects.count()

    async def scene(house: House) -> None:
        lazy = await house.connect(Asked(olga, START, chunked=False))
        reader = await house.open(Asked(olga, START, chunked=False))
        seen = [(await line(reader))["id"] for _ in range(total)]
        assert len(set(seen)) == total
        await asyncio.sleep(2.0)  # well over what it may take nothing for
        lazy.settimeout(SECONDS)
        body = (await asyncio.to_thread(_rest, lazy)).partition(b"\r\n\r\n")[2]
        got = [json.loads(text) for text in body.splitlines() if text.strip()]
        events = [each["id"] for each in got if "id" in each]
        assert len(events) < total
        assert events == seen[: len(events)]
        assert got[-1]["stream"]["closed"] == "too_slow"
        assert got[-1]["stream"]["after"] == events[-1]

    play(scene)


def _rest(connection: socket.socket) -> bytes:
    """All that a reader finds in the end."""
    found = b""
    with connection:
        while data := connection.recv(2**20):
            found += data
    return found


@pytest.fixture(autouse=True)
def _close_connections() -> Iterator[None]:
    """Those of threads that have ended are closed when they are collected; the database goes."""
    yield
    gc.collect()
