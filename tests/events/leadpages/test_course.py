"""Where a lead's time went, and its way: drawn of its events alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from events.leadpages.path import path
from events.leadpages.phases import course

BEGIN = datetime(2026, 1, 15, 10, tzinfo=UTC)
NAMES = {"src": "Web", "a": "ABC", "b": "Best"}


def happened(*told: tuple[int, str, str, Any]) -> list[Any]:
    """Events of (ms, type, entity, more); of a recipient `dlv_` and its name is the delivery."""
    return [
        SimpleNamespace(
            id=f"evt_{seq}",
            seq=seq,
            type=kind,
            timestamp=BEGIN + timedelta(milliseconds=ms),
            entity_id=entity,
            outcome=outcome,
            reason="",
            duration_ms=None,
            data={"delivery": {"id": f"dlv_{entity}"}} if kind.startswith("re") else {},
        )
        for seq, (ms, kind, entity, outcome) in enumerate(told, 1)
    ]


RETRIED = happened(
    (0, "source.submitted", "src", ""),
    (3, "source.accepted", "src", "accepted"),
    (5, "filter.passed", "stp", "accepted"),
    (105, "enhancement.success", "stp2", "accepted"),
    (106, "recipient.delivery_attempt", "a", ""),
    (306, "recipient.error", "a", "server_error"),
    (306, "retry.scheduled", "a", "server_error"),
    (1306, "retry.attempted", "a", ""),
    (1306, "recipient.delivery_attempt", "a", ""),
    (1406, "recipient.delivered", "a", "accepted"),
    (1408, "flow.completed", "flow", "accepted"),
    (90_000_000, "feedback.received", "a", "received"),
)
AT_ONCE = happened(
    (0, "source.submitted", "src", ""),
    (1, "source.accepted", "src", "accepted"),
    (1, "recipient.delivery_attempt", "a", ""),
    (1, "recipient.delivery_attempt", "b", ""),
    (401, "recipient.failed", "b", "rejected"),
    (501, "recipient.delivered", "a", "accepted"),
    (502, "flow.completed", "flow", "accepted"),
)


def test_it_names_each_phase_and_points_at_the_slowest():
    found = course(RETRIED, NAMES)
    assert found.totals == [
        ("Parsing", 3), ("Filters", 2), ("Enhancement", 100), ("Waiting for its turn", 1),
        ("Delivery", 300), ("Waiting for a retry", 1000), ("Other work", 2),
    ]  # fmt: skip
    assert found.total == 1408  # what a buyer says days later is none of it
    slowest = found.slowest
    assert slowest is not None
    assert (slowest.phase, slowest.about, slowest.event_id) == (
        "Waiting for a retry", "ABC", "evt_8",
    )  # fmt: skip
    assert abs(slowest.left - 306 / 1408) < 1e-9
    assert abs(slowest.width - 1000 / 1408) < 1e-9


def test_attempts_at_the_same_time_each_begin_with_their_own_and_count_once():
    found = course(AT_ONCE, NAMES)
    assert [(s.about, s.start, s.ms) for s in found.spans if s.phase == "Delivery"] == [
        ("Best", 1, 400), ("ABC", 1, 500),
    ]  # fmt: skip
    assert dict(found.totals)["Delivery"] == 500


def test_nothing_is_drawn_of_one_event():
    assert course(RETRIED[:1], NAMES).spans == []


def titles(events: list[Any], *, ended: bool = True) -> list[tuple[str, str]]:
    return [(box.title, box.text) for box in path(events, NAMES, ended=ended).boxes]


def test_the_way_of_a_retry_goes_on_in_its_row():
    made = path(RETRIED, NAMES, ended=True)
    by_title = {box.title: box for box in made.boxes}
    assert list(by_title) == [
        "Web",
        "filter",
        "enhancement",
        "ABC",
        "Try 2",
        "Accepted",
        "Feedback",
    ]
    assert by_title["ABC"].tone == "bad"
    assert by_title["ABC"].y == by_title["Try 2"].y
    assert by_title["Try 2"].event_id == "evt_10"
    assert sum(line.again for line in made.lines) == 2


def test_recipients_asked_at_once_branch_off_and_those_asked_in_turn_follow():
    at_once = path(AT_ONCE, NAMES, ended=True)
    abc, best = (next(b for b in at_once.boxes if b.title == name) for name in ("ABC", "Best"))
    assert abc.x == best.x
    assert best.y > abc.y
    downward = f"M{abc.x + 74} {abc.y + 46}V{best.y - 5}"
    assert downward not in [line.d for line in at_once.lines]
    in_turn = [AT_ONCE[0], AT_ONCE[1], AT_ONCE[2], AT_ONCE[5], AT_ONCE[3], AT_ONCE[4]]
    for seq, event in enumerate(in_turn, 1):
        event.seq = seq
    assert downward in [line.d for line in path(in_turn, NAMES, ended=True).lines]


def test_the_way_ends_at_a_refusal_and_is_open_while_it_goes_on():
    refused = happened((0, "source.submitted", "src", ""), (1, "source.rejected", "src", ""))
    assert titles(refused) == [("Web", "submitted"), ("Web", "rejected")]
    assert titles(RETRIED[:5], ended=False)[-2:] == [
        ("ABC", "no answer yet"), ("Under way", "it has not ended"),
    ]  # fmt: skip
