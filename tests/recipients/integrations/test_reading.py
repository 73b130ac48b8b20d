from __future__ import annotations

from recipients.integrations.reading import reading_over
from recipients.responses import ReaderSpec, RuleSpec, compile_reader
from tests.recipients.responses.replies import reply

USUAL = ReaderSpec(
    success='status = "ok"',
    lead_id="id",
    reason="error",
    capture={"a": "a", "b": "b"},
    rules=(
        RuleSpec("duplicate", contains="DUP"),
        RuleSpec("accepted", status="202"),
    ),
)


def test_it_is_the_recipients_own_where_the_integration_knows_nothing() -> None:
    own = ReaderSpec(success="x")
    assert reading_over(own, None) is own


def test_it_is_the_integrations_where_the_recipient_says_nothing() -> None:
    assert reading_over(ReaderSpec(), USUAL) == USUAL


def test_it_takes_each_part_from_who_says_it() -> None:
    own = ReaderSpec(
        lead_id="mine", capture={"b": "c"}, rules=(RuleSpec("rejected", status="200"),)
    )
    found = reading_over(own, USUAL)
    assert (found.success, found.lead_id, found.reason) == ('status = "ok"', "mine", "error")
    assert found.capture == {"a": "a", "b": "c"}
    assert [rule.outcome for rule in found.rules] == ["rejected", "duplicate", "accepted"]


def test_it_takes_no_reply_for_a_yes_that_the_recipient_does_not() -> None:
    for own in (
        ReaderSpec(success='result = "sold"'),
        ReaderSpec(rules=(RuleSpec("Success", contains="sold"),)),
    ):
        reader = compile_reader(reading_over(own, USUAL))
        assert reader.read(reply('{"status": "ok"}')).outcome == "unreadable"
        assert reader.read(reply("", 202)).outcome == "unreadable"
        assert reader.read(reply('{"result": "sold"}')).outcome == "accepted"
        assert reader.read(reply('{"x": "DUP"}')).outcome == "duplicate"
