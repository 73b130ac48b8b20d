"""The threads behind inquiries: what is asked together comes back once, in time or without."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any

import pytest

from flows.turns.askers import Answered, Askers
from flows.turns.inquiries import Inquiry, Question
from flows.turns.returns import Returns
from leadops.lib.http import Door
from recipients import mapping, responses
from recipients.plan import EndpointPlan, RecipientPlan

LIMIT = 60.0  # seconds until a test gives up; none should come near
DOOR = Door(private_networks=(ip_network("127.0.0.0/8"),), pool_size=8)


class Server:
    """Answers at once, except `/held`, which waits until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.asked.append(self.path)
                if self.path == "/held":
                    outer.go.wait(LIMIT)
                body = b'{"carrier": "AT&T"}'
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.go.set()
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def returns() -> Iterator[Returns[Any]]:
    made: Returns[Any] = Returns()
    yield made
    made.close()


@pytest.fixture
def askers(returns: Returns[Any]) -> Iterator[Askers]:
    made = Askers(8, DOOR, returns)
    yield made
    made.close()


def question(url: str, name: str = "check", timeout: float = LIMIT) -> Question:
    endpoint = EndpointPlan(id=name, url=mapping.compile_template(url), timeout=timeout)
    plan = RecipientPlan(
        id=name,
        slug=name,
        name=name,
        mapping=mapping.compile_rows([mapping.Row("email", "{{lead.email}}")]),
        reader=responses.compile_reader(responses.ReaderSpec(capture={"carrier": "carrier"})),
        production=endpoint,
    )
    context = {
        "lead": {"email": "ann@example.com"},
        "now": datetime.now(UTC),
        "delivery": {"id": name, "attempt": 1, "idempotency_key": name},
    }
    return Question(name, plan, endpoint, context)


def inquiry(*questions: Question, seconds: float = LIMIT) -> Inquiry:
    return Inquiry("inq_1", "lead_1", "lane", questions, seconds)


def come(returns: Returns[Any], askers: Askers | None = None) -> list[Answered]:
    """What comes back next, as a pump waits for it."""
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        wait = min(0.5, askers.until_next()) if askers else 0.5
        select.select([returns.fd], [], [], wait)
        if askers:
            askers.expire()
        if found := returns.take():
            return found
    raise AssertionError("Nothing came back")


def test_all_answers_come_back_at_once_and_in_order(server, returns, askers) -> None:
    askers.ask(inquiry(*(question(f"{server.url}/{n}", f"q{n}") for n in range(4))))
    (answered,) = come(returns)
    assert answered.lane == "lane"
    assert [a.result.captures["carrier"] for a in answered.answers] == ["AT&T"] * 4
    assert returns.take() == []


def test_what_has_not_answered_when_the_time_is_up_is_missing(server, returns, askers) -> None:
    asked = inquiry(
        question(f"{server.url}/soon", "soon"), question(f"{server.url}/held", "held"), seconds=3.0
    )
    askers.ask(asked)
    (answered,) = come(returns, askers)
    soon, held = answered.answers
    assert soon is not None
    assert soon.result.accepted
    # Missing, or given up by the call itself in the same moment: no yes in either case.
    assert held is None or not held.result.accepted


def test_a_late_answer_comes_back_to_nobody(server, returns, askers) -> None:
    askers.ask(inquiry(question(f"{server.url}/held", "held"), seconds=1.0))
    assert len(come(returns, askers)) == 1
    server.go.set()
    time.sleep(0.3)
    askers.expire()
    assert returns.take() == []
    assert askers.until_next() == float("inf")


def test_an_inquiry_without_questions_ends_at_once(returns, askers) -> None:
    askers.ask(inquiry())
    (answered,) = come(returns)
    assert list(answered.answers) == []


def test_a_call_ends_with_the_inquiry_however_long_it_may_take(server, returns, askers) -> None:
    asked = inquiry(question(f"{server.url}/held", timeout=LIMIT), seconds=1.0)
    askers.ask(asked)
    come(returns, askers)
    assert server.asked == ["/held"]


def test_it_does_not_wait_for_threads_when_it_is_closed(server, returns) -> None:
    made = Askers(1, DOOR, returns)
    made.ask(inquiry(question(f"{server.url}/held", "held"), question(f"{server.url}/next")))
    until = time.monotonic() + LIMIT
    while not server.asked and time.monotonic() < until:
        time.sleep(0.02)
    made.close()
    server.go.set()
    time.sleep(0.3)
    assert server.asked == ["/held"], "A question in the queue went out after the end"


def test_returns_are_heard_by_select_and_closed_without_a_word(returns: Returns[Any]) -> None:
    assert select.select([returns.fd], [], [], 0)[0] == []
    returns.put(1)
    returns.put(2)
    assert select.select([returns.fd], [], [], LIMIT)[0]
    assert returns.take() == [1, 2]
    assert select.select([returns.fd], [], [], 0)[0] == []
    other: Returns[int] = Returns()
    other.close()
    other.put(3)  # nobody listens any more; nothing breaks


def test_a_test_lead_is_marked_in_the_call(server, returns, askers) -> None:
    askers.ask(replace(inquiry(question(f"{server.url}/x")), test=True))
    (answered,) = come(returns)
    assert answered.inquiry.test
    assert answered.answers[0] is not None
