"""Figures equal a recount of the events, at every moment and whoever writes."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from events import rollups, tasks, verify
from events.models import Counted, Figure, Rollup, Tally
from events.rollups import Happening, cells, reason_class
from events.vocabulary import EventType
from recipients.outcomes import Outcome
from tests.factories import deliver_lead, make_flow, make_recipient, make_source

AT = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
HOUR = datetime(2026, 11, 20, 12, tzinfo=UTC)


def happening(kind: str, outcome: str = "", **rest) -> Happening:
    facts = {
        "flow_id": "flow_1",
        "source_id": "src_1",
        "entity_id": "rcp_1",
        "reason": "",
        "duration_ms": None,
        "test": False,
        "data": {},
    }
    return Happening(type=kind, at=AT, outcome=outcome, **{**facts, **rest})


def kinds(event: Happening) -> list[tuple[str, str]]:
    return [(cell.kind, cell.outcome) for cell in cells(event)]


# --- what an event counts for


def test_it_counts_an_accepted_lead_with_its_cost():
    [cell] = cells(happening("source.accepted", "accepted", data={"price": 15.0}))
    assert (cell.kind, cell.cost, cell.hour) == ("lead", 15, HOUR)


def test_it_counts_a_sale_as_an_attempt_and_a_delivery():
    event = happening(
        "recipient.delivered",
        "accepted",
        duration_ms=245,
        data={"delivery": {"price": 45.5}, "metadata": {"attempt_number": 2}},
    )
    attempt, delivery = cells(event)
    assert (attempt.kind, attempt.ms, attempt.attempt) == ("attempt", 245, 2)
    assert (delivery.kind, delivery.revenue, delivery.bucket) == (
        "delivery",
        Decimal("45.5"),
        -1,
    )


def test_it_counts_a_refusal_as_both():
    event = happening("recipient.failed", "rejected", duration_ms=80, reason="Out of area 17")
    assert kinds(event) == [("attempt", "rejected"), ("delivery", "rejected")]
    assert {cell.reason for cell in cells(event)} == {"Out of area #"}


def test_it_counts_a_technical_end_once_as_an_attempt():
    error = happening("recipient.error", "server_error", duration_ms=80)
    final = happening("recipient.failed", "server_error", duration_ms=80)
    assert kinds(error) == [("attempt", "server_error")]
    assert kinds(final) == [("delivery", "server_error")]


def test_it_counts_a_skipped_delivery_without_an_attempt():
    assert kinds(happening("recipient.skipped", "skipped")) == [("delivery", "skipped")]


def test_it_shares_the_cost_of_a_lead_between_its_sales():
    sales = [{"recipient_id": "rcp_1", "cost": 5.0}, {"recipient_id": "rcp_2", "cost": 10.0}]
    found = list(cells(happening("flow.completed", "accepted", data={"sales": sales})))[1:]
    assert [(c.recipient_id, c.cost) for c in found] == [("rcp_1", 5), ("rcp_2", 10)]


def test_it_takes_the_money_of_a_return_back():
    event = happening(
        "feedback.processed", "accepted", reason="No 5", data={"kind": "return", "money": -45.0}
    )
    [cell] = cells(event)
    assert (cell.outcome, cell.revenue, cell.reason) == ("return", -45, "No #")


def test_it_counts_how_a_lead_ended():
    event = happening("flow.completed", "rejected", reason="No 5", data={"result": "unsold"})
    [cell] = cells(event)
    assert (cell.kind, cell.outcome, cell.reason) == ("result", "unsold", "No #")


@pytest.mark.parametrize(
    ("word", "outcome", "counted"),
    [
        ("filter.passed", "accepted", ("filter", "passed")),
        ("filter.failed", "rejected", ("filter", "failed")),
        ("enhancement.success", "accepted", ("enhance", "success")),
        ("enhancement.error", "unknown", ("enhance", "error")),
        ("auction.decided", "rejected", ("auction", "rejected")),
    ],
)
def test_it_counts_what_steps_did_under_their_ids(word, outcome, counted):
    [cell] = cells(happening(word, outcome, entity_id="step_1"))
    assert (cell.kind, cell.outcome) == counted
    assert cell.recipient_id == "step_1"


@pytest.mark.parametrize("kind", ["source.submitted", "retry.scheduled", "alert.raised", "new.one"])
def test_it_counts_nothing_else(kind):
    assert kinds(happening(kind)) == []


def test_it_reads_no_fields_but_those_that_a_recount_asks_for():
    read: set[str] = set()

    class Noted(dict):
        def get(self, name, default=None):
            read.add(name)
            return default

        def __contains__(self, name):
            return bool(read.add(name))

    for kind in rollups.COUNTING:
        list(cells(happening(kind, "accepted", data=Noted())))
    assert read == {path[0] for path in rollups.COUNTED_FIELDS}


@given(st.text())
def test_it_keeps_reasons_few_and_short(reason):
    found = reason_class(reason)
    assert len(found) <= rollups.REASON_LENGTH
    assert not any(char.isdecimal() for char in found)
    assert reason_class(found) == found


# --- folding


def sell(count: int = 3) -> None:
    source, buyer = make_source(), make_recipient()
    flow = make_flow(source, buyer)
    outcomes = [[Outcome.ACCEPTED], [Outcome.REJECTED], [Outcome.SERVER_ERROR, Outcome.ACCEPTED]]
    for number in range(count):
        deliver_lead(
            flow,
            source,
            outcomes={buyer.slug: outcomes[number % 3]},
            email=f"{number}@example.com",
            phone_1=f"51255512{number:02d}",
        )


def figures() -> dict[tuple[str, str], tuple[int, Decimal, Decimal]]:
    found: dict[tuple[str, str], tuple[int, Decimal, Decimal]] = {}
    for each in Figure.objects.all():
        n, revenue, cost = found.get((each.kind, each.outcome), (0, Decimal(0), Decimal(0)))
        sums = n + each.n, revenue + each.revenue, cost + each.cost
        found[each.kind, each.outcome] = sums
    return found


@pytest.mark.django_db
def test_it_gives_the_same_figures_before_and_after_folding():
    sell()
    before = figures()
    assert before["delivery", "accepted"] == (2, Decimal(90), 0)
    assert before["attempt", "server_error"][0] == 1
    assert before["lead", "accepted"] == (3, 0, Decimal(45))
    assert rollups.fold() == 18
    assert not Tally.objects.exists()
    assert figures() == before
    assert verify.figures().problems == []


@pytest.mark.django_db
def test_it_adds_to_the_rows_that_are_there():
    sell(1)
    tasks.fold()
    rows = Rollup.objects.count()
    connection.cursor().execute(
        "INSERT INTO events_tally (hour, kind, flow_id, source_id, recipient_id, outcome, category,"
        " reason, attempt, bucket, test, n, ms, revenue, cost) SELECT hour, kind, flow_id,"
        " source_id, recipient_id, outcome, category, reason, attempt, bucket, test, n, ms, revenue"
        ", cost FROM events_rollup"
    )
    tasks.fold()
    assert Rollup.objects.count() == rows
    assert figures()["lead", "accepted"] == (2, 0, Decimal(30))


@pytest.mark.django_db
def test_it_folds_a_backlog_chunk_by_chunk(monkeypatch):
    monkeypatch.setattr(rollups, "FOLD", rollups.FOLD.replace(str(rollups.FOLD_ROWS), "5"))
    monkeypatch.setattr(rollups, "FOLD_ROWS", 5)
    monkeypatch.setattr(tasks, "BUSY", 2)
    monkeypatch.setattr(tasks, "BUSY_PAUSE", 0.0)
    sell()
    assert rollups.fold() == 5
    assert verify.figures().problems == []
    tasks.fold()
    assert not Tally.objects.exists()
    assert verify.figures().problems == []


def test_it_sums_what_counts_in_one_cell():
    sales = [{"recipient_id": "rcp_1", "cost": 0.1}, {"recipient_id": "rcp_2", "cost": 0.2}]
    event = happening("flow.completed", "accepted", data={"sales": sales})
    _, *found = rollups.summed(cell for _ in range(3) for cell in cells(event)).items()
    sums = [(key[Counted.KEY.index("recipient_id")], n, cost) for key, (n, _, _, cost) in found]
    assert sums == [("rcp_1", 3, Decimal("0.3")), ("rcp_2", 3, Decimal("0.6"))]


class Crowd:
    """Threads that write, fold and read at once."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.vanished: list[tuple[int, int]] = []

    def write(self, number: int, times: int) -> None:
        event = happening("source.accepted", "accepted", data={"price": 0.1}, flow_id=f"f{number}")
        for _ in range(times):
            with connection.cursor() as cursor:
                rollups.write(cursor, cells(event))
        connection.close()

    def fold(self) -> None:
        while not self.stop.is_set():
            rollups.fold()
        connection.close()

    def watch(self) -> None:
        seen = 0
        while not self.stop.is_set():
            n = sum(Figure.objects.values_list("n", flat=True))
            if n < seen:
                self.vanished.append((seen, n))
            seen = n
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_it_stays_exact_while_others_write_and_fold():
    """Whoever reads sees every event once: in a tally or in a rollup, never both or neither."""
    crowd = Crowd()
    others = [threading.Thread(target=each) for each in (crowd.fold, crowd.fold, crowd.watch)]
    writers = [threading.Thread(target=crowd.write, args=(number, 60)) for number in range(4)]
    for thread in [*others, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    crowd.stop.set()
    for thread in others:
        thread.join()
    tasks.fold()
    assert crowd.vanished == []
    assert figures() == {("lead", "accepted"): (240, 0, Decimal(24))}


@pytest.mark.django_db(transaction=True)
def test_it_lets_one_fold_at_a_time():
    sell(1)
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [rollups.FOLD_LOCK])
            held.set()
            let_go.wait(10)
            cursor.execute("SELECT pg_advisory_unlock(%s)", [rollups.FOLD_LOCK])
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    began = time.monotonic()
    assert rollups.fold() == 0
    assert time.monotonic() - began < 8
    let_go.set()
    thread.join()
    assert rollups.fold() > 0


def test_it_belongs_to_the_hour_in_utc():
    there = AT.astimezone(tz=None) + timedelta(hours=0)
    [cell] = cells(
        Happening("source.accepted", there, "f", "s", "s", "accepted", "", None, False, {})
    )
    assert cell.hour.astimezone(UTC) == HOUR


@pytest.mark.parametrize("kind", sorted(set(EventType) - rollups.COUNTING))
def test_what_the_journal_passes_by_counts_for_nothing(kind: EventType) -> None:
    data = {"sales": [{"recipient_id": "a", "cost": 1}], "cost": 1, "price": 1, "kind": "return"}
    data |= {"shares_back": data["sales"], "bid": {"amount": 1}, "winner": "a"}
    event = Happening(kind, AT, "f", "s", "e", "accepted", "", 1, False, data)
    assert list(cells(event)) == []
