"""A pricing service on loopback, which answers as a test asks it to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from flows.pricing import asking


@dataclass
class Quotes:
    """`answer` and `status` are what it says next, after `delay` seconds."""

    url: str = ""
    answer: str = '{"price": 12.5}'
    status: int = 200
    delay: float = 0.0
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def quotes(monkeypatch) -> Iterator[Quotes]:
    found = Quotes()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.asked.append(json.loads(body))
            found.headers.append(dict(self.headers))
            time.sleep(found.delay)
            reply = found.answer.encode()
            self.send_response(found.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}/quote"
    monkeypatch.setattr(asking, "patience", asking.Patience())
    yield found
    server.shutdown()
    server.server_close()
