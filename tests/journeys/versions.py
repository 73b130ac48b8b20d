"""A flow changed under its leads: each ends by the version it came under, through kill -9 and a
restart, until a person moves it on. Nothing is lost, and nothing is sold twice."""

from __future__ import annotations

import json
import os
import signal
from collections import defaultdict

from leadops.buyers import Buyers
from tests.journeys.stage import SOURCE_KEY, settled
from tests.journeys.system import LiveSystem, wait_for

SETTLE_SECONDS = 90.0
OLD_PRICE, NEW_PRICE = 30, 40
BEFORE = """
      - deliver: buyers
        pattern: waterfall
        recipients: [moody, {recipient: old, price: 30.00}]
"""
AFTER = """
      - filter: no-tests
        rules: {field: email, op: contains, value: "@example.com"}
      - deliver: sales
        pattern: waterfall
        recipients: [{recipient: new, price: 40.00}]
"""
# The first buyer fails, and is asked again in ten minutes: time to change the flow.
BUNDLE = """
leadops: 1
sources:
  - {slug: web, name: Web, price: 1.00, key: KEY}
flows:
  - slug: changing
    name: Changing
    fields: {email: {type: email, required: true}}
    sources: [web]
    steps: STEPS
recipients:
  - slug: moody
    name: Moody
    endpoint: {url: "BUYERS/b/moody/error?ms=400", timeout: 2s}
    mapping: &mapping {email: "{{lead.email}}"}
    response: &response {success: status = "accepted"}
    retry:
      server_error: {times: 1, backoff: 10m}
      unknown: {times: 1, backoff: 1s, then: move_on}
    breaker: off
  - slug: old
    name: Old
    endpoint: {url: "BUYERS/b/old/accept?price=30.00"}
    mapping: *mapping
    response: *response
  - slug: new
    name: New
    endpoint: {url: "BUYERS/b/new/accept?price=40.00"}
    mapping: *mapping
    response: *response
"""
MOVE = """
from flows.byhand import moving
from flows.models import Flow
from leadops.lib import queue
move = moving.start(Flow.objects.get(slug="changing"), [1], by="olga")
queue.enqueue(moving.TASK, move.id)
"""
WAITS = "SELECT count(*) FROM events_delivery WHERE state = 'waiting' AND waits_for = 'Retry'"
SENDING = "SELECT count(*) FROM events_delivery WHERE state = 'sending'"
ENDS = """
    SELECT l.flow_version, l.result, l.revenue::int, array_agg(r.slug ORDER BY d.id)
    FROM events_lead l LEFT JOIN events_delivery d ON d.lead_id = l.id
    LEFT JOIN recipients_recipient r ON r.id = d.recipient_id
    WHERE l.id = ANY(%s) AND l.status = 'done' GROUP BY l.id
"""
BY_OLD = (1, "sold", OLD_PRICE, ["moody", "old"])
MOVED = (2, "sold", NEW_PRICE, ["moody", "new"])
BY_NEW = (2, "sold", NEW_PRICE, ["new"])
STOPPED = (2, "stopped", 0, [None])


def load(system: LiveSystem, buyers: Buyers, steps: str) -> None:
    text = BUNDLE.replace("KEY", SOURCE_KEY).replace("BUYERS", buyers.url)
    path = system.home / "bundle.yaml"
    path.write_text(text.replace("STEPS", steps))
    loaded = system.manage("bundle", "load", str(path), check=False)
    assert loaded.returncode == 0, loaded.stderr


def post(system: LiveSystem, name: str, number: int, at: str = "example.com") -> list[str]:
    """New leads; their ids."""
    found = []
    for n in range(number):
        lead = {"email": f"{name}{n}@{at}"}
        answer = system.post("/api/v1/flows/changing/leads", lead, SOURCE_KEY)
        assert answer.status_code == 201, answer.text
        found.append(str(answer.json()["lead"]["id"]))
    return found


def hurry(system: LiveSystem, leads: list[str]) -> None:
    """What these leads have put off comes now."""
    system.sql(
        "UPDATE flows_work SET due_at = clock_timestamp() "
        "WHERE lead_id = ANY(%s) AND lease IS NULL AND due_at > clock_timestamp()",
        leads,
    )


def ends(system: LiveSystem, leads: list[str]) -> list[tuple[object, ...]]:
    return system.sql(ENDS, leads)


def wait_for_ends(system: LiveSystem, leads: list[str], end: tuple[object, ...]) -> None:
    def ended() -> bool:
        hurry(system, leads)
        return len(ends(system, leads)) == len(leads)

    wait_for(ended, SETTLE_SECONDS, what=f"the end {end}")
    assert ends(system, leads) == [end] * len(leads)


def kill_in_mid_attempt(system: LiveSystem, leads: list[str]) -> None:
    hurry(system, leads)
    wait_for(lambda: system.value(SENDING) > 0, 30, what="attempts under way")
    for pid in system.pump_pids():
        os.kill(pid, signal.SIGKILL)


def play(system: LiveSystem, buyers: Buyers) -> None:
    """All of it, on a running system with short leases whose work is done."""
    load(system, buyers, BEFORE)
    staying = [*post(system, "stays", 4), *post(system, "stays", 1, "elsewhere.example")]
    moving = post(system, "moves", 5)
    wait_for(lambda: system.value(WAITS) == 10, 60, what="the first buyer's failures")
    load(system, buyers, AFTER)
    fresh = post(system, "fresh", 3)
    stopped = post(system, "fresh", 1, "elsewhere.example")
    wait_for_ends(system, fresh, BY_NEW)
    wait_for_ends(system, stopped, STOPPED)
    assert system.value(WAITS) == 10
    kill_in_mid_attempt(system, staying)
    system.halt()
    system.start()
    wait_for_ends(system, staying, BY_OLD)
    assert system.value(WAITS) == len(moving)
    system.manage("shell", "-v0", "-c", MOVE)
    state = 'SELECT state, moved, "left" FROM flows_flowmove'
    wait_for(lambda: system.sql(state) == [("done", 5, 0)], 60, what="the leads' moving")
    wait_for_ends(system, moving, MOVED)
    wait_for(lambda: settled(system), SETTLE_SECONDS, what="the end of all work")
    check_buyers(buyers, old=len(staying), new=len(moving) + len(fresh))
    leads = [*staying, *moving, *fresh, *stopped]
    assert len(ends(system, leads)) == len(leads)
    verified = system.manage("verify", check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def check_buyers(buyers: Buyers, *, old: int, new: int) -> None:
    """Each lead was bought by one, as its version says; who saw it again did so under its key."""
    seen: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for entry in buyers.log():
        body = entry["body"]
        email = (json.loads(body) if isinstance(body, str) else body)["email"]
        seen[entry["path"]][email].add(entry["idempotency_key"])
    assert {len(keys) for each in seen.values() for keys in each.values()} == {1}
    assert {path: len(each) for path, each in seen.items() if "/accept" in path} == {
        "/b/old/accept": old,
        "/b/new/accept": new,
    }
    assert not seen["/b/old/accept"].keys() & seen["/b/new/accept"].keys()
