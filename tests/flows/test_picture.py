"""A flow as a picture: the counts on its ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from events.periods import Span
from events.visibility import Sight
from flows.models import Step
from flows.picture import Box, Line, picture
from recipients.outcomes import Outcome
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, make_user
from tests.pages import sign_in, text_of

pytestmark = pytest.mark.django_db
ALL = Sight()


def span(days: int = 0) -> Span:
    now = datetime.now(UTC) - timedelta(days=days)
    return Span(now - timedelta(hours=2), now + timedelta(hours=1), ZoneInfo("UTC"))


def lines(found: tuple[Line, ...]) -> dict[str, int]:
    return {line.words: line.n for line in found}


@pytest.fixture
def drawn():
    source, first, second = make_source(), make_recipient("first"), make_recipient("second")
    flow = make_flow(source, first, second)
    deliver_lead(flow, source)
    deliver_lead(flow, source, outcomes={"first": [Outcome.REJECTED]})
    deliver_lead(flow, source, outcomes={"first": [Outcome.REJECTED], "second": [Outcome.REJECTED]})
    deliver_lead(flow, source, state="NY")
    deliver_lead(flow, source, email="")
    return flow


def boxes(flow, sight: Sight = ALL, days: int = 0) -> dict[str, Box]:
    return {box.title: box for box in picture(flow, span(days), sight).boxes}


def test_it_counts_leads_on_every_way(drawn):
    found = boxes(drawn)
    assert found["Sources"].onward == 5
    assert lines(found["Checks at the door"].lines) == {"accepted": 4, "rejected": 1}
    assert found["Checks at the door"].onward == 4
    assert lines(found["geographic_filter"].lines) == {"passed": 3, "failed": 1}
    assert found["geographic_filter"].onward == 3
    assert found["buyers"].onward == 3
    assert lines(found["Done"].lines) == {"sold": 2, "unsold": 1, "stopped": 1}


def test_it_names_the_top_reasons(drawn):
    [_, failed] = boxes(drawn)["geographic_filter"].lines
    assert failed.reasons == (("State not in approved list", 1),)


def test_it_counts_what_each_recipient_got(drawn):
    first, second = boxes(drawn)["buyers"].parts
    assert lines(first.lines) == {"accepted": 1, "rejected": 2}
    assert lines(second.lines) == {"accepted": 1, "rejected": 1}
    assert first.revenue == second.revenue == 45


def test_it_draws_a_flow_without_leads(drawn):
    assert picture(drawn, span(3), ALL).empty
    assert [box.kind for box in picture(drawn, span(3), ALL).boxes] == [
        "sources",
        "door",
        "filter",
        "deliver",
        "done",
    ]


def test_it_counts_test_leads_nowhere():
    source, recipient = make_source(), make_recipient()
    flow = make_flow(source, recipient)
    deliver_lead(flow, source, test=True)
    assert picture(flow, span(), ALL).empty


def test_it_shows_account_managers_their_recipients_alone(drawn):
    first = drawn.steps.get(kind="deliver").recipients.first().recipient
    found = boxes(drawn, Sight(recipients=frozenset({first.pk})))
    assert "Sources" not in found
    assert [part.name for part in found["buyers"].parts] == ["First"]
    assert found["buyers"].hidden == 1
    assert found["geographic_filter"].lines == ()


def test_it_opens_for_account_managers_of_its_recipients(drawn):
    first = drawn.steps.get(kind="deliver").recipients.first().recipient
    url = f"/admin/flows/flow/{drawn.pk.replace('_', '_5F')}/picture/"
    theirs = sign_in(make_user("mara", role="account_manager", recipients=[first]))
    for page in ("/dashboards/", f"/dashboards/recipients/{first.slug}/"):
        assert f'href="{url}"' in theirs.get(page).content.decode()
    shown = text_of(theirs.get(url))
    assert "First" in shown
    assert "Second" not in shown
    other = sign_in(make_user("milo", role="account_manager", recipients=[make_recipient("x")]))
    assert other.get(url).status_code == 403
    assert url not in other.get("/dashboards/").content.decode()


def test_it_copes_with_a_step_of_a_kind_it_does_not_know(drawn):
    Step.objects.filter(kind="filter").update(kind="other")
    assert boxes(drawn)["geographic_filter"].kind == "other"
