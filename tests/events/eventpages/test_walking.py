"""Finding events: every filter, in stretches, with nothing left out and nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict

from events.eventpages import walking
from events.eventpages.filters import Filters
from events.models import Event, Lead
from events.visibility import Sight
from recipients.outcomes import Outcome
from tests.factories import deliver_lead, make_flow, make_recipient, make_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def sold(db: None) -> list[str]:
    """Leads: one sold at the second try, one declined by both, one stopped, one for a test."""
    web, abc, xyz = make_source(), make_recipient("abc"), make_recipient("xyz")
    flow = make_flow(web, abc, xyz)
    no = {"abc": [Outcome.REJECTED], "xyz": [Outcome.REJECTED]}
    return [
        deliver_lead(flow, web, outcomes={"abc": [Outcome.SERVER_ERROR]}),
        deliver_lead(flow, web, email="b@example.com", outcomes=no),
        deliver_lead(flow, web, email="c@example.com", state="NY"),
        deliver_lead(flow, web, email="d@example.com", test=True),
    ]


def read(query: str) -> Filters:
    found, problems = Filters.read(QueryDict(query))
    assert problems == []
    return found


def ids(query: str, sight: Sight | None = None, *, most: int = 1_000) -> list[str]:
    """All that a search finds, page by page in the smallest stretches."""
    wanted = walking.search(read(query), sight or Sight())
    found: list[str] = []
    after = None
    while True:
        walked = walking.walk(wanted, most=most, after=after, seconds=0, stretches=(1,))
        found += [id for _, id in walked.found]
        after = walked.next
        if after is None:
            return found


def expected(**how: object) -> list[str]:
    rows = Event.objects.filter(**how).order_by("-timestamp", "-id")
    return list(rows.values_list("id", flat=True))


def test_every_filter_finds_what_the_table_holds(sold: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(walking, "LEAST", 3)
    lead = Lead.objects.get(id=sold[1])
    delivery = lead.deliveries.get(recipient__slug="xyz")
    failed = {"type__in": ["recipient.error", "recipient.failed"]}
    for query, how in {
        "": {},
        "type=recipient.failed&type=recipient.error": failed,
        "type=filter.*": {"type__startswith": "filter."},
        "recipient=abc": {"entity_id": lead.deliveries.get(recipient__slug="abc").recipient_id},
        "recipient=abc&type=recipient.delivered": {
            "type": "recipient.delivered", "data__recipient__slug": "abc",
        },
        "flow=auto-insurance&outcome=server_error": {"outcome": "server_error"},
        "category=business": {"data__failure__category": "business"},
        "reason=approved STATE": {"reason__icontains": "approved"},
        "reason=100%25_": {"reason__contains": "100%_"},
        f"lead={lead.id}": {"lead_id": lead.id},
        f"delivery={delivery.id}": {"data__delivery__id": delivery.id},
        "source=web-form-a": {},
        "test=only": {"lead_id": sold[3]},
        "test=no&type=source.submitted": {"type": "source.submitted", "lead_id__in": sold[:3]},
        "status=503": {"data__response__status_code": 503},
        "endpoint=production&mapping=1&type=recipient.error": {"type": "recipient.error"},
    }.items():  # fmt: skip
        assert ids(query) == expected(**how), query
        assert ids(query, most=2) == expected(**how), query


def test_it_says_how_far_back_it_looked_when_its_time_was_up(
    sold: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(walking, "LEAST", 3)
    third = Event.objects.order_by("-timestamp", "-id")[2]
    wanted = walking.search(read("reason=nonesuch"), Sight())
    walked = walking.walk(wanted, most=50, seconds=0, stretches=(1,))
    assert (walked.found, walked.next) == ([], (third.timestamp, third.id))
    assert walked.until == third.timestamp
    walked = walking.walk(wanted, most=50)
    assert (walked.found, walked.next, walked.until) == ([], None, None)


def test_a_database_that_is_too_slow_says_so(sold: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(walking, "LIMIT", "1ms")
    wanted = walking.search(Filters(), Sight())
    wanted.conditions.append("pg_sleep(1) IS NULL")
    with pytest.raises(walking.TooSlow):
        walking.walk(wanted, most=50)
    assert Event.objects.exists()  # the connection is as good as before


def test_it_finds_nothing_out_of_sight(sold: list[str]):
    abc = Lead.objects.get(id=sold[1]).deliveries.get(recipient__slug="abc").recipient_id
    theirs = Sight(recipients=frozenset([abc]))
    assert ids("", theirs) == expected(entity_id=abc)
    assert ids(f"lead={sold[1]}", theirs) == expected(entity_id=abc, lead_id=sold[1])
    for query in ("recipient=xyz", "recipient=none", "flow=none", "delivery=dlv_none"):
        with pytest.raises(walking.Nothing):
            ids(query, theirs)
    assert ids("", Sight(recipients=frozenset())) == []


def test_periods_are_the_viewers_days():
    place, now = ZoneInfo("America/New_York"), datetime(2026, 11, 21, 3, tzinfo=UTC)
    today = datetime(2026, 11, 20, 5, tzinfo=UTC)
    assert read("period=today").bounds(place, now) == (today, None)
    assert read("period=yesterday").bounds(place, now) == (today - timedelta(days=1), today)
    assert read("period=1h").bounds(place, now) == (now - timedelta(hours=1), None)
    assert read("start=2026-11-20&end=2026-11-20").bounds(place, now) == (
        today, today + timedelta(days=1),
    )  # fmt: skip
    for wrong in ("start=2026-11-20&end=2026-11-19", "start=soon", "end=2026-11-20T99:00"):
        with pytest.raises(ValueError, match=r"\w"):
            read(wrong).bounds(place, now)


def test_nonsense_is_named_and_left_out():
    found, problems = Filters.read(QueryDict("type=no.such&outcome=x&period=z&test=1&type=flow.*"))
    assert found == Filters(type=("flow.*",))
    assert len(problems) == 4
    assert Filters.of(Filters(type=("a.b",), reason="x & y").query).reason == "x & y"


def test_outcomes_are_walked_along_their_index_but_for_the_commonest(sold: list[str]):
    rare, common = (walking.search(read(f"outcome={o}"), Sight()) for o in ("rejected", "accepted"))
    assert (list(rare.ways), list(common.ways)) == (["outcome"], [])
    both = "outcome=rejected&outcome=server_error"
    assert ids(both) == expected(outcome__in=["rejected", "server_error"])
    assert ids("outcome=rejected&outcome=accepted") == expected(
        outcome__in=["rejected", "accepted"]
    )
