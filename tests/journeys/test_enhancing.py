"""Services asked by real workers: together, over a real network, and through a kill -9. And a flow
that is changed under its leads, on the same system."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from flows.steps.enhancing import NOT_BACK
from leadops.buyers import Buyers
from tests.journeys import versions
from tests.journeys.stage import SOURCE_KEY
from tests.journeys.system import LiveSystem, wait_for

pytestmark = pytest.mark.journey

SETTLE_SECONDS = 90.0
BUNDLE = """
leadops: 1
sources:
  - {{slug: web, name: Web, price: 15.00, key: "{key}"}}
flows:
  - slug: auto
    name: Auto
    fields:
      email: {{type: email, required: true}}
      phone_1: {{type: phone}}
    sources: [web]
    steps:
      - enhance: one
        url: {services}/one
        send: {{phone: "{{{{lead.phone_1}}}}"}}
        append: {{carrier: carrier, score: score}}
        timeout: {timeout}
        cost: 0.02
      - enhance: two
        url: {services}/two
        send: {{email: "{{{{lead.email}}}}"}}
        append: {{valid: valid}}
        timeout: {timeout}
      - enhance: three
        url: {services}/three
        send: {{carrier: "{{{{lead.appended.one.carrier}}}}"}}
        append: {{known: known}}
        cache: {{for: 1h}}
        timeout: {timeout}
      - filter: good
        rules: {{all: [{{field: appended.one.score, op: gte, value: 60}}]}}
      - deliver: buyers
        pattern: single
        recipients: [buyer]
recipients:
  - slug: buyer
    name: Buyer
    price: 45.00
    endpoint: {{url: "{buyers}/accept"}}
    mapping: {{email: "{{{{lead.email}}}}", carrier: "{{{{lead.appended.one.carrier}}}}"}}
    response: {{success: status = "accepted"}}
"""


@dataclass
class Services:
    """A server whose answers are ours to hold back; it knows how many requests were open at once.

    `hold(path)` True: the request is not answered before the test ends.
    """

    hold: Callable[[str], bool] = lambda path: False
    asked: list[tuple[str, Any]] = field(default_factory=list)
    together: threading.Barrier = field(default_factory=lambda: threading.Barrier(2))
    met: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def answer(self, path: str, body: Any) -> dict[str, Any]:
        self.asked.append((path, body))
        if self.hold(path):
            self.over.wait(120)
        if path in ("/one", "/two"):
            # Both are open at the server now, or neither is answered.
            try:
                self.together.wait(60)
                self.met.append(path)
            except threading.BrokenBarrierError:
                return {}
        return {
            "/one": {"carrier": "Verizon", "score": 88},
            "/two": {"valid": True},
            "/three": {"known": body.get("carrier")},
        }[path]

    def count(self, path: str) -> int:
        return [asked for asked, _ in self.asked].count(path)


@pytest.fixture
def services() -> Iterator[Services]:
    found = Services()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            said = json.dumps(found.answer(self.path, json.loads(body))).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    found.over.set()
    found.together.abort()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def shared() -> Iterator[LiveSystem]:
    found = LiveSystem("--workers", "2", environment={"LEADOPS_LEASE": "5s"})
    try:
        yield found
    finally:
        found.discard()


@pytest.fixture
def system(live: LiveSystem) -> LiveSystem:
    """It is whole; each test loads the same bundle with addresses of its own."""
    return live


def configure(system: LiveSystem, services: Services, buyers: Buyers, *, timeout: str) -> None:
    path = system.home / "bundle.yaml"
    path.write_text(
        BUNDLE.format(key=SOURCE_KEY, services=services.url, buyers=buyers.url, timeout=timeout)
    )
    loaded = system.manage("bundle", "load", str(path), check=False)
    assert loaded.returncode == 0, loaded.stderr


def post(system: LiveSystem, email: str) -> str:
    lead = {"email": email, "phone_1": "5555551234"}
    answer = system.post("/api/v1/flows/auto/leads", lead, SOURCE_KEY)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["lead"]["id"])


def ended(system: LiveSystem, lead: str) -> bool:
    return bool(system.value("SELECT status = 'done' FROM events_lead WHERE id = %s", lead))


def events(system: LiveSystem, lead: str) -> list[tuple[str, str]]:
    return system.sql("SELECT type, reason FROM events_event WHERE lead_id = %s ORDER BY seq", lead)  # type: ignore[return-value]


def test_services_that_do_not_wait_for_one_another_are_open_at_once(
    system: LiveSystem, services: Services, buyers: Buyers
) -> None:
    configure(system, services, buyers, timeout="60s")
    lead = post(system, "ann@example.com")
    wait_for(lambda: ended(system, lead), SETTLE_SECONDS, what="The end")
    assert sorted(services.met) == ["/one", "/two"]
    assert services.asked[-1] == ("/three", {"carrier": "Verizon"})
    row = system.sql("SELECT result, cost, revenue FROM events_lead WHERE id = %s", lead)[0]
    assert (row[0], float(row[1]), float(row[2])) == ("sold", 15.02, 45.0)
    second = post(system, "bob@example.com")
    wait_for(lambda: ended(system, second), SETTLE_SECONDS, what="The second end")
    assert services.count("/three") == 1, "The kept answer was asked for again"
    assert system.manage("verify").returncode == 0


def test_a_worker_killed_in_mid_call_leaves_a_record_and_the_lead_goes_on(
    system: LiveSystem, services: Services, buyers: Buyers
) -> None:
    services.hold = lambda path: services.count(path) == 1 and path in ("/one", "/two")
    configure(system, services, buyers, timeout="10s")
    wait_for(lambda: len(system.pump_pids()) == 2, 60.0, what="Both pumps")
    lead = post(system, "ann@example.com")
    wait_for(lambda: services.count("/one") == services.count("/two") == 1, 60.0, what="Questions")
    for pid in system.pump_pids():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: ended(system, lead), SETTLE_SECONDS, what="The end")
    assert events(system, lead)[2:6] == [
        ("enhancement.error", NOT_BACK),
        ("enhancement.error", NOT_BACK),
        ("enhancement.success", ""),
        ("enhancement.success", ""),
    ]
    result, cost = system.sql("SELECT result, cost FROM events_lead WHERE id = %s", lead)[0]
    assert (result, float(cost)) == ("sold", 15.02)
    assert system.manage("verify").returncode == 0


def test_leads_end_by_their_version_through_kills_until_they_are_moved(
    system: LiveSystem, buyers: Buyers
) -> None:
    versions.play(system, buyers)
