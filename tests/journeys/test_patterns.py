"""Patterns through crashes: pumps die between a rejection and the next try, while pings are under
way, between bids and post, while a tier opens. Nothing is sold twice and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import psutil
import pytest

from leadops.buyers import Buyers, running_buyers
from tests.journeys.stage import SOURCE_KEY, settled
from tests.journeys.system import LiveSystem, wait_for

pytestmark = pytest.mark.journey

BUNDLE = Path(__file__).with_name("market.yaml")
FLOWS = ("waterfall", "auction", "broken", "silent", "all-at-once", "window")
LEADS = 12  # to each flow, each time
SETTLE_SECONDS = 120.0
# What must be under way when the pumps are killed.
MOMENTS = {
    "between a rejection and the next try": """
        SELECT count(*) FROM events_delivery d JOIN flows_flow f ON f.id = d.flow_id
        WHERE f.slug = 'waterfall' AND d.state = 'declined'
          AND EXISTS (SELECT FROM events_lead l WHERE l.id = d.lead_id AND l.status = 'working')
    """,
    "while pings are under way": "SELECT count(*) FROM events_lead WHERE inquiry <> ''",
    "between bids and post": """
        SELECT count(*) FROM events_delivery d JOIN flows_flow f ON f.id = d.flow_id
        WHERE f.slug = 'auction' AND d.state = 'sending'
    """,
    "while a tier opens": """
        SELECT count(*) FROM events_delivery d JOIN flows_flow f ON f.id = d.flow_id
        JOIN events_lead l ON l.id = d.lead_id
        WHERE f.slug = 'window' AND d.state = 'sending'
          AND l.created_at < clock_timestamp() - interval '500 ms'
    """,
}
# Of a flow with one possible end: what each of its leads brings.
REVENUES = {"waterfall": 30, "auction": 52, "broken": 45, "silent": 45}
PER_FLOW = """
    SELECT f.slug, l.id, l.result, l.revenue, l.sales FROM events_lead l
    JOIN flows_flow f ON f.id = l.flow_id WHERE l.status = 'done'
"""


@pytest.fixture(scope="module")
def buyers() -> Iterator[Buyers]:
    with running_buyers() as buyers:
        yield buyers


@pytest.fixture(scope="module")
def aftermath(buyers: Buyers) -> Iterator[LiveSystem]:
    """A system whose pumps have died in each of the moments, once everything has settled."""
    system = LiveSystem("--workers", "2", environment={"LEADOPS_LEASE": "5s"})
    try:
        system.start()
        _load(system, buyers)
        wait_for(lambda: _two_pumps(system), 30, what="the pumps")
        for number, (moment, query) in enumerate(MOMENTS.items()):
            _post(system, str(number))
            _kill_when(system, query, moment)
        _post(system, "afterwards")
        wait_for(lambda: _settled(system), SETTLE_SECONDS, what="the end of all work")
        yield system
    finally:
        system.discard()


def _load(system: LiveSystem, buyers: Buyers) -> None:
    text = BUNDLE.read_text().replace("BUYERS", buyers.url)
    (system.home / "market.yaml").write_text(text)
    system.manage("bundle", "load", str(system.home / "market.yaml"))


def _post(system: LiveSystem, name: str) -> None:
    """Leads to all flows, as fast as they are taken."""

    def post(number: int) -> int:
        flow = FLOWS[number % len(FLOWS)]
        body = {"email": f"{name}-{number}@example.com"}
        return system.post(f"/api/v1/flows/{flow}/leads", body, SOURCE_KEY).status_code

    with ThreadPoolExecutor(6) as threads:
        answers = Counter(threads.map(post, range(LEADS * len(FLOWS))))
    assert answers == {201: LEADS * len(FLOWS)}


def _kill_when(system: LiveSystem, query: str, moment: str) -> None:
    """kill -9 of all pumps in a moment, after which the leases that they left behind end."""
    pids = system.pump_pids()
    wait_for(lambda: system.value(query) > 0, 30, what=f"the moment {moment}")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=10)
    # Also those that a new pump may have taken by now: what it does then is refused.
    system.sql("UPDATE flows_work SET due_at = clock_timestamp() WHERE lease IS NOT NULL")
    wait_for(lambda: _two_pumps(system, without=pids), 30, what="new pumps")


def _two_pumps(system: LiveSystem, *, without: Sequence[int] = ()) -> bool:
    now = system.pump_pids()
    return len(now) == 2 and not set(now) & set(without)


def _settled(system: LiveSystem) -> bool:
    """Nothing left to do; what was put off need not be waited for."""
    system.sql(
        "UPDATE flows_work SET due_at = clock_timestamp() "
        "WHERE lease IS NULL AND due_at > clock_timestamp() AND due_at < 'infinity'"
    )
    return settled(system)


def test_nothing_is_lost(aftermath: LiveSystem) -> None:
    ended = Counter(flow for flow, *_ in aftermath.sql(PER_FLOW))
    assert ended == dict.fromkeys(FLOWS, LEADS * (len(MOMENTS) + 1))


def test_nothing_is_sold_twice(aftermath: LiveSystem) -> None:
    wrong = [row for row in aftermath.sql(PER_FLOW) if row[2:3] != ("sold",) or row[4] != 1]
    assert wrong == []
    twice = aftermath.sql(
        "SELECT lead_id FROM events_event WHERE type = 'recipient.delivered' "
        "AND coalesce((data->>'late')::boolean, false) = false GROUP BY lead_id HAVING count(*) > 1"
    )
    assert twice == []


@pytest.mark.parametrize("flow", REVENUES)
def test_the_right_one_pays(aftermath: LiveSystem, flow: str) -> None:
    paid = Counter(row[3] for row in aftermath.sql(PER_FLOW) if row[0] == flow)
    assert paid == {Decimal(REVENUES[flow]): LEADS * (len(MOMENTS) + 1)}


def test_a_second_acceptance_is_late_and_worth_nothing(aftermath: LiveSystem) -> None:
    late = aftermath.sql(
        "SELECT d.revenue, d.sold FROM events_delivery d JOIN flows_flow f ON f.id = d.flow_id "
        "WHERE f.slug = 'all-at-once' AND d.late"
    )
    assert late, "No two ever accepted one lead."
    assert set(late) == {(Decimal(0), False)}


def test_deliveries_end_once(aftermath: LiveSystem) -> None:
    ends = aftermath.sql(
        "SELECT lead_id, entity_id FROM events_event WHERE type IN "
        "('recipient.delivered', 'recipient.failed', 'recipient.skipped') "
        "GROUP BY lead_id, entity_id HAVING count(*) <> 1"
    )
    assert ends == []
    gaps = aftermath.sql(
        "SELECT lead_id FROM events_event WHERE lead_id <> '' "
        "GROUP BY lead_id HAVING max(seq) <> count(*)"
    )
    assert gaps == []
    back = aftermath.sql(
        "SELECT lead_id, seq FROM (SELECT lead_id, seq, timestamp, lag(timestamp) OVER "
        "(PARTITION BY lead_id ORDER BY seq) AS before FROM events_event WHERE lead_id <> '') AS e "
        "WHERE before > timestamp"
    )
    assert back == [], "a lead's time runs backwards"


def test_buyers_see_repeats_under_the_same_key_only(aftermath: LiveSystem, buyers: Buyers) -> None:
    assert aftermath.up is not None
    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in buyers.log():
        body = json.loads(entry["body"])
        if "email" in body:
            headers = {name.lower(): value for name, value in dict(entry["headers"]).items()}
            keys[entry["path"], body["email"]].add(headers["idempotency-key"])
    assert [where for where, found in keys.items() if len(found) != 1] == []


def test_pings_tell_nothing_of_the_person(aftermath: LiveSystem, buyers: Buyers) -> None:
    assert aftermath.up is not None
    pinged = [entry for entry in buyers.log() if "-ping/" in entry["path"]]
    assert len(pinged) >= LEADS
    assert not any("example.com" in str(entry["body"]) for entry in pinged)


def test_losers_are_told_once_at_most(aftermath: LiveSystem, buyers: Buyers) -> None:
    assert aftermath.up is not None
    notices = [json.loads(entry["body"]) for entry in buyers.log() if "-lost/" in entry["path"]]
    assert len(notices) >= LEADS  # those of the leads that came afterwards were not interrupted
    assert {notice["outcome"] for notice in notices} == {"lost"}
    assert set(Counter(notice["bid_id"] for notice in notices).values()) == {1}


def test_the_books_agree_with_the_record(aftermath: LiveSystem) -> None:
    found: subprocess.CompletedProcess[str] = aftermath.manage("verify", check=False)
    assert found.returncode == 0, found.stdout
