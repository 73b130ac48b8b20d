"""The record as it grows, out of a whole system: many streams, pushes and hooks; the process that
serves them is killed, stopped, and ends in order."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from leadops.buyers import running_buyers
from leadops.watch import START_GRACE
from tests.journeys import stage
from tests.journeys.system import LiveSystem, wait_for
from tests.journeys.test_up import age

pytestmark = pytest.mark.journey

KEY = "usr_journeys-have-a-key-of-their-own"
IDLE = 40  # streams that are never read; the web server has 32 threads
LEADS = 12
BUNDLE = """
leadops: 1
accounts:
  - {{username: olga, role: ops, key: {key}}}
subscriptions:
  - slug: warehouse
    url: "{url}"
    secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
    batch_age: 0s
    timeout: 2s
hooks:
  - slug: high-value
    name: High value
    types: [flow.completed]
    when: {{field: revenue, op: gte, value: 40}}
    cool_down: 0s
    tag: high-value
    url: "{url}hook"
    secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
    active: true
  - slug: failing
    name: Failing
    types: [recipient.error]
    per: recipient
    times: 3
    within: 1h
    cool_down: 1h
    pause: recipient
    active: true
flows:
  - slug: doomed
    name: Doomed
    fields: {{email: {{type: email, required: true}}}}
    sources: [web]
    steps: [{{deliver: buyers, pattern: single, recipients: [broken]}}]
recipients:
  - slug: broken
    name: Broken
    price: 1.00
    endpoint: {{url: "{buyers}/error", timeout: 2s}}
    mapping: {{email: "{{{{lead.email}}}}"}}
"""
TAGGED = "SELECT count(*) FROM events_leadtag WHERE tag = 'high-value'"
FIRED = """
    SELECT count(*), count(DISTINCT data -> 'event' ->> 'id') FROM events_event
    WHERE type = 'hook.fired' AND data -> 'hook' ->> 'slug' = %s
"""
PAUSED = "SELECT data ->> 'by' FROM events_event WHERE type = 'recipient.paused'"
BEAT = "SELECT extract(epoch FROM clock_timestamp() - beat) FROM events_streamsbeat"
ALL = "SELECT id FROM events_event ORDER BY tx, id"


class Reader(threading.Thread):
    """Reads a stream, and connects again with the last id it has, as a program would."""

    def __init__(self, system: LiveSystem) -> None:
        super().__init__(daemon=True)
        self.system = system
        self.ids: list[str] = []
        self.ends: list[str] = []
        self.connected = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            try:
                self._read()
            except requests.RequestException:
                self.over.wait(0.2)

    def _read(self) -> None:
        after = self.ids[-1] if self.ids else "start"
        with open_stream(self.system, after=after, exclude="lead") as answer:
            if answer.status_code != 200:
                self.over.wait(0.2)
                return
            self.connected += 1
            for line in answer.iter_lines(chunk_size=1):
                said = json.loads(line) if line else {}
                if "id" in said:
                    self.ids.append(said["id"])
                elif said:
                    self.ends.append(said["stream"]["closed"])


def open_stream(system: LiveSystem, **query: str) -> requests.Response:
    return requests.get(
        f"{system.url}/api/v1/events/stream",
        params=query,
        headers={"Authorization": f"Bearer {KEY}"},
        stream=True,
        timeout=(10, 30),
    )


class Receiver:
    """Somebody's server: each batch that came with its webhook-id and events, and each hook's."""

    def __init__(self) -> None:
        self.url = ""
        self.batches: list[tuple[str, list[str]]] = []
        self.fired: list[tuple[str, str]] = []  # webhook-id, the event's id

    def take(self, path: str, id: str, data: dict[str, Any]) -> None:
        if path == "/hook":
            self.fired.append((id, data["event"]["id"]))
        else:
            self.batches.append((id, [event["id"] for event in data["events"]]))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.take(self.path, self.headers["webhook-id"], body["data"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}/"
    yield found
    server.shutdown()
    server.server_close()


def test_nothing_is_missed_or_repeated_and_leads_are_taken_all_the_while(
    receiver: Receiver,
) -> None:
    variables = {"LEADOPS_CALLER_STREAMS": str(IDLE + 10)}
    with running_buyers() as buyers, LiveSystem("--workers", "1", environment=variables) as system:
        stage.set_up(system, f"{buyers.url}/accept")
        bundle = system.home / "bundle.yaml"
        bundle.write_text(BUNDLE.format(key=KEY, url=receiver.url, buyers=buyers.url))
        system.manage("bundle", "load", str(bundle))
        wait_for(lambda: open_stream(system).status_code == 200, 30, what="a stream")
        idle = [open_stream(system, after="start") for _ in range(IDLE)]
        assert {answer.status_code for answer in idle} == {200}
        began = wait_for_value(system, "SELECT tx FROM events_eventsubscription")
        wait_for_value(system, "SELECT tx FROM events_hookfollower")
        reader = Reader(system)
        reader.start()
        _post(system, LEADS)
        _post(system, 3, flow="doomed")
        wait_for(lambda: reader.ids, 30, what="the first event")

        system.main("streams").kill()
        _post(system, LEADS)
        _done(system, 2 * LEADS)
        _fired(system, receiver, 2 * LEADS)
        wait_for(lambda: system.value(PAUSED) == "hook:failing", 60, what="the pause")

        _stop_and_wait_for_another(system)
        _done(system, 2 * LEADS + 1)
        _fired(system, receiver, 2 * LEADS + 1)
        assert system.sql(FIRED, "failing") == [(1, 1)]
        assert len(system.sql(PAUSED)) == 1

        every = [row[0] for row in system.sql(ALL)]
        wait_for(lambda: len(reader.ids) >= len(every), 30, what="the stream's end")
        assert reader.ids[: len(every)] == every
        assert reader.connected >= 2

        wait_for(lambda: not _missing(system, receiver.batches, began), 90, what="the last push")
        by_id = dict(receiver.batches)
        assert all(by_id[id] == events for id, events in receiver.batches), "an id is one batch"
        sent = [event for events in by_id.values() for event in events]
        assert len(sent) == len(set(sent))

        assert system.stop() == 0
        reader.over.set()
        wait_for(lambda: "stopping" in reader.ends, 10, what="the last line")


def _fired(system: LiveSystem, receiver: Receiver, number: int) -> None:
    """Each sold lead fired its hook once, has its tag, and was told under one webhook-id."""
    wait_for(lambda: system.sql(FIRED, "high-value") == [(number, number)], 90, what="the hooks")
    wait_for(lambda: len(dict(receiver.fired)) >= number, 60, what="the webhooks")
    told = dict(receiver.fired)
    assert len(told) == len(set(told.values())) == number
    assert system.value(TAGGED) == number


def _stop_and_wait_for_another(system: LiveSystem) -> None:
    """A process that hangs is seen and replaced; leads are taken meanwhile."""
    wait_for(lambda: age(system.main("streams")) > START_GRACE, 60, what="its time to start")
    stopped = system.main("streams")
    stopped.suspend()
    wait_for(lambda: system.value(BEAT) > 3, 30, what="a late beat")
    _post(system, 1)
    assert "leadops_streams_beat_age_seconds{" in system.get("/metrics").text
    wait_for(lambda: not stopped.is_running(), 60, what="its end")
    wait_for(lambda: system.role("streams") and system.value(BEAT) < 3, 60, what="another")


def wait_for_value(system: LiveSystem, query: str) -> Any:
    wait_for(lambda: system.value(query), 30, what=query)
    return system.value(query)


def _missing(system: LiveSystem, batches: list[tuple[str, list[str]]], began: Any) -> set[str]:
    rows = system.sql("SELECT id FROM events_event WHERE tx >= %s::text::xid8", str(began))
    return {row[0] for row in rows} - {event for _, events in batches for event in events}


def _post(system: LiveSystem, number: int, flow: str = "auto") -> None:
    for _ in range(number):
        answer = system.post(
            f"/api/v1/flows/{flow}/leads",
            {"email": "ann@example.com"},
            stage.SOURCE_KEY,
            timeout=10,
        )
        assert answer.status_code == 201, answer.text


def _done(system: LiveSystem, number: int) -> None:
    def all_done() -> bool:
        return system.value("SELECT count(*) FROM events_lead WHERE status = 'done'") == number

    wait_for(all_done, 60, what="the leads' end")
