"""The server: routes requests to behaviours, keeps the log, runs here or in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

from leadops.buyers import (  # register their behaviours
    gates,
    misbehaviours,
    soap,
    validating,
    vendors,
)
from leadops.buyers.behaviours import BEHAVIOURS, WHOLE, Behaviour, find, sandbox
from leadops.buyers.connection import Connection
from leadops.buyers.log import MAX_ENTRIES, Log
from leadops.buyers.mail import MailConnection
from leadops.buyers.messages import Answer, Received, Target, as_json

__all__ = [
    "Buyers",
    "Desk",
    "gates",
    "misbehaviours",
    "running_buyers",
    "serve",
    "soap",
    "validating",
    "vendors",
]


class Desk:
    """Decides on every request of every connection."""

    def __init__(self, *, log_size: int = MAX_ENTRIES) -> None:
        self.log = Log(log_size)
        self.connections: set[Connection] = set()
        self.opened = 0  # connections, those that are closed again as well
        self._found: dict[str, Behaviour] = {}

    def answer(self, method: str, target: Target, *, head: bytes, body: bytes, key: str) -> Answer:
        if target.path in ("/log", "/stats", "/"):
            return self._about(method, target)
        number = self.log.total
        repeat = self.log.count(target, key)
        received = Received(method, target, head, body, key, repeat, number)
        answer = self._behaviour(target)(received)
        self.log.keep(received, 0 if answer.script else answer.status)
        return answer

    def stats(self) -> dict[str, Any]:
        return {**self.log.stats(), "connections": self.opened}

    def _behaviour(self, target: Target) -> Behaviour:
        found = self._found.get(target.action)
        if found is None:
            found = find(target)
            if len(self._found) < 1000:
                self._found[target.action] = found
        return found

    def _about(self, method: str, target: Target) -> Answer:
        if target.path == "/stats":
            return as_json(200, self.stats())
        if target.path == "/":
            return Answer(200, help_page().encode(), content_type="text/plain; charset=utf-8")
        if method == "DELETE":
            self.log.clear()
            return Answer(204)
        return as_json(200, {"entries": self.log.entries(dict(target.query))})


def help_page() -> str:
    lines = ["Simulated buyers. Put /b/NAME before a path to tell buyers apart.", ""]
    for path, function in sorted(BEHAVIOURS.items()):
        lines.append(f"{path:<16}{' '.join((function.__doc__ or '').split())}")
    for path, function in sorted(WHOLE.items()):
        lines.append(f"{path + '…':<16}{' '.join((function.__doc__ or '').split())}")
    lines += [
        f"{'/sandbox/NAME':<16}{(sandbox.__doc__ or '').removeprefix('/sandbox/NAME ')}",
        "",
        "E-mails to the mail server are taken, but for refuse…@ and later…@; in the log they stand",
        "under /mail/ADDRESS.",
        "",
        "GET /log        what was received; ?path= &idempotency_key= &contains= &after= &limit=",
        "DELETE /log     forget it",
        "GET /stats      counts by path, status and repeated idempotency keys",
    ]
    return "\n".join(lines) + "\n"


async def serve(desk: Desk, listener: socket.socket, *, mail: socket.socket | None = None) -> None:
    """Serve until cancelled; then close every connection. `mail` is where e-mails are taken."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(desk), sock=listener, backlog=1024)
    if mail is not None:
        await loop.create_server(lambda: MailConnection(desk.log), sock=mail)
    try:
        await server.serve_forever()
    finally:
        for connection in list(desk.connections):
            connection.reset()


class Buyers:
    """A running server, seen from the same process."""

    def __init__(self, desk: Desk, port: int, mail_port: int) -> None:
        self._desk = desk
        self.port = port
        self.mail_port = mail_port
        self.url = f"http://127.0.0.1:{port}"

    def log(self, **query: str) -> list[dict[str, Any]]:
        """The entries of GET /log; keywords are its parameters."""
        return self._desk.log.entries({"limit": "1000000", **query})

    def stats(self) -> dict[str, Any]:
        return self._desk.stats()

    def clear(self) -> None:
        self._desk.log.clear()


@contextlib.contextmanager
def running_buyers(*, port: int = 0, log_size: int = MAX_ENTRIES) -> Iterator[Buyers]:
    """Buyers in a thread of this process, on a free port of loopback unless told otherwise; so is
    their mail server."""
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    mail = socket.create_server(("127.0.0.1", 0))
    desk, loop = Desk(log_size=log_size), asyncio.new_event_loop()
    task = loop.create_task(serve(desk, listener, mail=mail))

    def run() -> None:
        loop.run_until_complete(_finish(task))
        loop.close()

    thread = threading.Thread(target=run, name="buyers", daemon=True)
    thread.start()
    try:
        yield Buyers(desk, listener.getsockname()[1], mail.getsockname()[1])
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(10)


async def _finish(serving: asyncio.Task[None]) -> None:
    """Wait until the server is stopped; let the scripts of its connections end with it."""
    await asyncio.wait([serving])
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
