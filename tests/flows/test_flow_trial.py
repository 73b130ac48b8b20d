"""The last leads through a flow as it might be."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flows import plans, versions
from flows.simulation import comparison
from flows.simulation.comparison import REJECTED, STOPPED, Comparison, compare
from flows.simulation.walk import Grounds
from tests.factories import make_flow, make_recipient, make_source, make_user, post_lead
from tests.pages import sign_in, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def source():
    return make_source()


@pytest.fixture
def flow(source):
    made = make_flow(source, make_recipient("first"), make_recipient("second", price="60"))
    for state in ("TX", "TX", "CA", "NY"):
        post_lead(made, source, state=state)
    return made


def tried(flow, content: str, wanted: int = 100) -> Comparison:
    current = plans.current()
    drafted = versions.documents().compiled(flow, content)
    now = datetime.now(UTC)
    return compare(
        Grounds.of(current, current.flows[flow.pk], now),
        Grounds.of(drafted, drafted.flows[flow.pk], now),
        wanted,
    )


def written(flow) -> str:
    return versions.documents().write(flow)


def test_it_finds_nothing_in_the_flow_as_it_is(flow):
    found = tried(flow, written(flow))
    assert len(found.pairs) == 4
    assert found.differing == []
    assert dict((fate, n) for fate, n, _ in found.changes())[STOPPED] == 1


def test_it_counts_who_would_be_offered_leads_first(flow):
    found = tried(flow, written(flow).replace("order: listed", "order: best_price"))
    assert found.moved == 3
    assert ("First", 3, 0) in found.changes()
    assert ("Second", 0, 3) in found.changes()


def test_it_counts_what_filters_and_the_door_would_stop(flow):
    draft = written(flow).replace("TX", "NY")
    found = tried(flow, draft)
    changes = {fate: (before, after) for fate, before, after in found.changes()}
    assert changes[STOPPED] == (1, 2)
    assert all(pair.reason for pair in found.differing)
    required = written(flow).replace("    sources:", "      zip: {required: true}\n    sources:")
    assert tried(flow, required).changes()[0] == (REJECTED, 0, 4)


def test_it_takes_a_list_of_steps_alone(flow):
    steps = "steps:\n  - deliver: buyers\n    pattern: single\n    recipients: [second]\n"
    found = tried(flow, steps)
    assert ("Second", 0, 4) in found.changes()
    assert tried(flow, steps.removeprefix("steps:\n")).changes() == found.changes()
    remarked = "# only the second\r\n\r\n" + steps.replace("\n", "\r\n")
    assert tried(flow, remarked).changes() == found.changes()
    beside = "steps: [{deliver: buyers, pattern: single, recipients: [second]}]"
    assert tried(flow, beside).changes() == found.changes()


def test_it_walks_no_more_leads_than_wanted(flow):
    assert len(tried(flow, written(flow), wanted=2).pairs) == 2


def test_it_says_when_the_time_was_over(flow, monkeypatch):
    monkeypatch.setattr(comparison, "SECONDS", -1.0)
    found = tried(flow, written(flow))
    assert found.stopped
    assert found.pairs == []


def test_the_page_tries_and_publishes(flow):
    url = f"/admin/flows/flow/{flow.pk.replace('_', '_5F')}/trial/"
    client = sign_in(make_user("olga"))
    versions.keep_first(flow)
    draft = written(flow).replace("order: listed", "order: best_price")
    shown = text_of(client.post(url, {"content": draft, "leads": "100"}))
    assert "3 of 4 leads would fare otherwise" in shown
    assert flow.versions.count() == 1
    wrong = text_of(client.post(url, {"content": "steps:\n  - deliver: x\n", "leads": "20"}))
    assert "needs at least one recipient" in wrong
    assert client.post(url, {"content": draft, "leads": "20", "_publish": "1"}).status_code == 302
    assert flow.versions.first().note == "published from a draft"
    assert flow.steps.get(kind="deliver").order == "best_price"


def test_the_page_is_for_those_who_may_change_the_flow(flow):
    url = f"/admin/flows/flow/{flow.pk.replace('_', '_5F')}/trial/"
    assert sign_in(make_user("otto", role="auditor")).get(url).status_code == 403
