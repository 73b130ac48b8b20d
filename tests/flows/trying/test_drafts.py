"""Dry runs: lead by lead, in parts, and as far as the time goes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from events.models import Lead
from flows.models import Step
from flows.trying import catalogue, draftleads, drafts
from recipients import drafts as recipient_drafts
from recipients.mapping import Row, compile_rows
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, post_lead

pytestmark = pytest.mark.django_db


@pytest.fixture
def sold():
    source, recipient = make_source(), make_recipient()
    flow = make_flow(source, recipient)
    for number in range(5):
        deliver_lead(flow, source, email=f"a{number}@example.com", phone_1=f"512555000{number}")
    return recipient


def sides(plan, saved, draft) -> drafts.Sides:
    return drafts.Sides(saved, compile_rows([Row(*row) for row in draft]), plan.reader, plan.reader)


def run(recipient, draft, *, wanted=100, saved=(("email", "{{lead.email}}"),)):
    """All parts of a dry run: the leads, the sums, the number of parts."""
    plan = recipient_drafts.without_mapping(recipient.pk)
    before = None if saved is None else compile_rows([Row(*row) for row in saved])
    tally, after, found = drafts.Tally(), None, []
    parts, more = 0, True
    while more:
        chunk = drafts.dry_run(
            plan, sides(plan, before, draft), draftleads.flow_ids(recipient),
            wanted=wanted, tally=tally, after=after,
        )  # fmt: skip
        found += chunk.tried
        after, parts = chunk.after, parts + 1
        more = after is not None
    return found, chunk, parts


def test_it_tries_the_newest_first_and_no_more_than_wanted(sold):
    found, chunk, _ = run(sold, [("email", "{{lead.email}}"), ("n", "1")], wanted=3)
    newest = Lead.objects.order_by("-created_at", "-id").values_list("id", flat=True)[:3]
    assert [each.lead_id for each in found] == list(newest)
    assert (chunk.tally.looked, chunk.tally.payloads, chunk.tally.keys["n"]) == (3, 3, 3)
    assert chunk.tally.replies == 3
    assert found[0].reread is not None
    assert found[0].reread.was.outcome == "accepted"


def test_it_comes_in_parts_that_leave_out_none(sold, monkeypatch):
    monkeypatch.setattr(drafts, "CHUNK_SECONDS", 0.0)
    found, chunk, parts = run(sold, [("email", "x")])
    assert parts >= 5
    assert len({each.lead_id for each in found}) == len(found) == chunk.tally.looked == 5
    assert not chunk.stopped


def test_leads_of_one_moment_are_each_tried_once(sold, monkeypatch):
    moment = Lead.objects.latest("created_at").created_at
    Lead.objects.update(created_at=moment)
    monkeypatch.setattr(drafts, "CHUNK_SECONDS", 0.0)
    found, *_ = run(sold, [("email", "x")])
    assert len({each.lead_id for each in found}) == len(found) == 5


def test_it_stops_when_the_time_is_over_and_says_so(sold, monkeypatch):
    monkeypatch.setattr(drafts, "CHUNK_SECONDS", 0.0)
    monkeypatch.setattr(drafts, "SECONDS", 0.0)
    _, chunk, parts = run(sold, [("email", "x")])
    assert (chunk.stopped, parts, chunk.tally.looked) == (True, 1, 1)


def test_a_lead_that_the_draft_cannot_map_is_counted(sold):
    long = "{{lead.email}}" * 3000
    found, chunk, _ = run(sold, [(f"k{number}", long) for number in range(8)])
    assert chunk.tally.problems == chunk.tally.payloads == 5
    assert "256 KiB" in found[0].problem


def test_a_saved_mapping_that_is_wrong_is_said(sold):
    found, *_ = run(sold, [("email", "x")], saved=None)
    assert found[0].problem_before == "The saved mapping does not compile"
    assert found[0].differs


def test_a_clock_makes_no_difference(sold):
    row = ("at", "{{now}}")
    _, chunk, _ = run(sold, [row], saved=[row])
    assert chunk.tally.payloads == 0


def test_leads_that_were_never_sent_there_are_tried_without_a_reply(sold):
    Lead.objects.update(created_at=Lead.objects.latest("created_at").created_at - timedelta(days=1))
    flow = Step.objects.filter(kind="deliver").get().flow
    post_lead(flow, flow.sources.get().source, email="new@example.com", phone_1="5125550077")
    found, chunk, _ = run(sold, [("email", "x")])
    assert found[0].reread is None
    assert (chunk.tally.looked, chunk.tally.replies) == (6, 5)


def test_a_remediation_recipient_gets_the_flows_leads(sold):
    pool = make_recipient("pool")
    assert draftleads.flow_ids(pool) == []
    Step.objects.filter(kind="deliver").update(remediation=pool)
    assert draftleads.flow_ids(pool) == draftleads.flow_ids(sold)


def test_the_preview_says_what_is_silent_and_what_unknown(sold):
    plan = recipient_drafts.without_mapping(sold.pk)
    flows = draftleads.flow_ids(sold)
    [given] = draftleads.given(draftleads.last_leads(flows, 1), plan)
    known = catalogue.paths(catalogue.catalogue(sold, plan, flows, [given]))
    mapping = compile_rows([Row("s", "{{lead.ssn}}"), Row("x", "{{lead.emial}}"), Row("e", "1")])
    made = drafts.preview(plan, mapping, given, known=known)
    assert made.silent == ("lead.ssn",)
    assert [each.path for each in made.unknown] == ["lead.emial"]
    assert [each.key for each in made.left_out] == ["s", "x"]
    assert made.request is not None
    assert made.request.body == '{"e":"1"}'


def test_the_preview_says_why_there_is_none(sold):
    sold.endpoints.all().delete()
    plan = recipient_drafts.without_mapping(sold.pk)
    given = draftleads.sample(sold, plan)
    made = drafts.preview(plan, compile_rows([Row("a", "1")]), given, known=())
    assert made.problem == "There is no endpoint yet."
    assert made.request is None
