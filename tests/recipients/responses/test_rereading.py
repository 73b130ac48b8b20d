"""Recorded replies read by other rules."""

from __future__ import annotations

from datetime import UTC, datetime

from recipients.responses import ReaderSpec, compile_reader
from recipients.responses.rereading import Recorded, reread
from tests.recipients.responses.replies import reply

SAVED = compile_reader(ReaderSpec(success='status = "ok"'))


def recorded(body: str, outcome: str) -> Recorded:
    return Recorded("exc_1", datetime(2026, 1, 1, tzinfo=UTC), "lead_1", reply(body), outcome)


REPLIES = [
    recorded('{"status": "ok", "price": 45.0}', "accepted"),
    recorded('{"status": "ok", "price": 0}', "accepted"),
    recorded('{"status": "no", "why": "old"}', "rejected"),
    recorded('{"status": "sold"}', "rejected"),
]


def test_the_rules_in_force_change_nothing() -> None:
    found = reread(REPLIES, SAVED, SAVED)
    assert (found.read, found.same, found.kept) == (4, {"accepted": 2, "rejected": 2}, 4)
    assert (found.changed, found.other_values) == ((), ())


def test_it_names_the_outcomes_that_would_change() -> None:
    draft = compile_reader(ReaderSpec(success='status ~ "^(ok|sold)$"'))
    found = reread(REPLIES, SAVED, draft)
    assert [(each.recorded, each.now.outcome) for each in found.changed] == [
        (REPLIES[3], "accepted")
    ]
    assert found.same == {"accepted": 2, "rejected": 1}


def test_the_outcome_before_is_that_of_the_record() -> None:
    found = reread([recorded('{"status": "ok"}', "unreadable")], SAVED, SAVED)
    assert [each.was.outcome for each in found.changed] == ["accepted"]


def test_it_names_other_values_apart() -> None:
    draft = compile_reader(
        ReaderSpec(success='status = "ok"', price="price", reason="why", capture={"s": "status"})
    )
    found = reread(REPLIES, SAVED, draft)
    assert found.changed == ()
    assert found.other_values[0].differences == (("price", "", "45"), ("s", "", "ok"))
    assert found.other_values[1].differences[0] == ("price", "", "0")
    assert ("reason", 'Success rule not met: status = "no"', "old") in (
        found.other_values[2].differences
    )
