"""The dashboards as people open them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client

from events import rollups
from events.dashboards import choices
from recipients.models import Breaker, Endpoint
from recipients.outcomes import Outcome
from tests import factories
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, make_user

pytestmark = pytest.mark.django_db


class World:
    def __init__(self) -> None:
        self.web = make_source()
        self.abc = make_recipient("abc-insurance")
        self.xyz = make_recipient("xyz-mutual")
        self.flow = make_flow(self.web, self.abc, self.xyz)
        make_user("olga")
        make_user("dana", role="account_manager", recipients=[self.abc])

    def lead(self, **how: Any) -> str:
        return deliver_lead(self.flow, self.web, **how)


@pytest.fixture
def world() -> World:
    return World()


def signed_in(username: str) -> Client:
    client = Client()
    assert client.login(username=username, password="correct-horse")
    return client


def text(client: Client, path: str, **query: Any) -> str:
    """What a page says, without its tags."""
    answer = client.get(path, query)
    assert answer.status_code == 200, answer.status_code
    page = re.sub(r"<(script|style).*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def row(client: Client, name: str, **query: Any) -> str:
    """The line of a recipient in the overview."""
    page = client.get("/dashboards/", query).content.decode()
    rows = re.findall(r"<tr>.*?</tr>", page, flags=re.DOTALL)
    found = next(each for each in rows if f">{name}<" in each)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found)).split())


def names(client: Client, **query: Any) -> list[str]:
    page = client.get("/dashboards/", query).content.decode()
    return re.findall(r'href="/dashboards/recipients/([\w-]+)/"', page)


# --- who sees what


@pytest.mark.parametrize("path", ["/dashboards/", "/dashboards/recipients/abc-insurance/"])
def test_it_asks_who_is_there(client: Client, world: World, path: str):
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


def test_account_managers_land_on_their_recipients(world: World):
    dana = signed_in("dana")
    assert dana.get("/admin/")["Location"] == "/dashboards/"
    assert dana.get("/")["Location"] == "/dashboards/"
    assert names(dana) == ["abc-insurance"]
    assert dana.get("/dashboards/recipients/xyz-mutual/").status_code == 404


def test_an_account_managers_totals_leave_out_other_recipients(world: World):
    world.lead(outcomes={"abc-insurance": [Outcome.REJECTED]})
    page = text(signed_in("dana"), "/dashboards/")
    assert "Revenue 0.00" in page
    assert "45.00" not in page


def test_it_says_when_no_recipient_was_given(world: World):
    make_user("nina", role="account_manager")
    assert "No recipient has been given to you yet" in text(signed_in("nina"), "/dashboards/")


# --- the figures


def test_it_shows_recipients_side_by_side(world: World):
    world.lead(outcomes={"abc-insurance": [Outcome.SERVER_ERROR, Outcome.ACCEPTED]})
    world.lead(email="b@example.com", outcomes={"abc-insurance": [Outcome.REJECTED]})
    world.lead(email="c@example.com", test=True)
    olga = signed_in("olga")
    line = row(olga, "Abc Insurance")
    # deliveries, rate, attempts, error rate, p50, p95, revenue, cost, margin, returns
    assert "2 50.0 % 3 33.3 % 254 ms 254 ms 45.00 15.00 30.00 0" in line
    assert "just now Rejected" in line
    assert "1 100.0 % 1 0.0 % 254 ms 254 ms 45.00 15.00 30.00 0 none" in row(olga, "Xyz Mutual")


@pytest.mark.parametrize("folded", [False, True])
def test_it_shows_the_same_before_and_after_folding(world: World, folded: bool):
    world.lead()
    if folded:
        assert rollups.fold() > 0
    assert "1 100.0 % 1 0.0 %" in row(signed_in("olga"), "Abc Insurance")


def test_it_shows_a_dash_where_nothing_was_counted(world: World):
    assert "0 – 0 – – – 0.00 0.00 0.00 0 none" in row(signed_in("olga"), "Abc Insurance")


def test_it_sorts_by_any_column(world: World):
    world.lead(outcomes={"abc-insurance": [Outcome.REJECTED]})
    olga = signed_in("olga")
    assert names(olga, sort="-revenue") == ["xyz-mutual", "abc-insurance"]
    assert names(olga, sort="revenue") == ["abc-insurance", "xyz-mutual"]
    assert names(olga, sort="-failure") == ["abc-insurance", "xyz-mutual"]
    assert names(olga, sort="nonsense") == ["abc-insurance", "xyz-mutual"]


def test_it_shows_one_flow_alone(world: World):
    world.lead()
    home = make_flow(world.web, world.xyz, slug="home")
    deliver_lead(home, world.web, email="h@example.com")
    olga = signed_in("olga")
    assert row(olga, "Abc Insurance", flow="home").startswith("Abc Insurance Buyer · premium 0 –")
    assert "1 100.0 %" in row(olga, "Xyz Mutual", flow="home")


def test_it_counts_days_of_the_viewers_zone(world: World):
    today = datetime.now(UTC).date()
    noon = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    # 14 hours ahead of UTC, noon is the next day's; 11 behind, it is the same day's.
    factories.count(noon - timedelta(days=3), "delivery", n=7, recipient_id=world.abc.id)
    olga = signed_in("olga")

    def counted(zone: str, day: Any) -> str:
        query = {"period": "custom", "from": str(day), "to": str(day), "tz": zone}
        return row(olga, "Abc Insurance", **query).split("premium ")[1].split()[0]

    day = today - timedelta(days=3)
    assert counted("Pacific/Pago_Pago", day) == "7"
    assert counted("Pacific/Kiritimati", day) == "0"
    assert counted("Pacific/Kiritimati", day + timedelta(days=1)) == "7"


def test_it_remembers_period_and_zone(world: World):
    olga = signed_in("olga")
    olga.get("/dashboards/", {"period": "30d", "tz": "America/New_York"})
    page = olga.get("/dashboards/recipients/abc-insurance/")
    assert page.context["choice"].period == "30d"
    assert page.context["zone"] == "America/New_York"
    assert olga.get("/leads/").context["zone"] == "America/New_York"


@pytest.mark.parametrize(
    ("first", "last", "problem"),
    [
        ("2026-01-31", "2026-01-01", "The first day is after the last."),
        ("2026-02-31", "2026-03-01", "Give both days"),
        ("", "", "Give both days"),
        ("9999-01-01", "9999-12-31", "has not come yet"),
        ("1990-01-01", "2026-01-01", "At most"),
    ],
)
def test_it_says_what_is_wrong_with_a_period(world: World, first: str, last: str, problem: str):
    query = {"period": "custom", "from": first, "to": last}
    assert problem in text(signed_in("olga"), "/dashboards/", **query)


def test_it_ignores_a_zone_that_is_none(world: World):
    for zone in ("Mars/Olympus", "../../etc/passwd", "x" * 5000):
        assert signed_in("olga").get("/dashboards/", {"tz": zone}).context["zone"] == "UTC"


def test_it_compares_with_the_same_hours_before(world: World, monkeypatch: pytest.MonkeyPatch):
    now = datetime(2026, 5, 20, 15, 30, tzinfo=UTC)
    monkeypatch.setattr(choices, "now", lambda: now)
    for at, n in (
        (now.replace(hour=10), 12),
        (now.replace(day=19, hour=10), 8),
        (now.replace(day=19, hour=20), 99),  # later than it is now
    ):
        hour = at.replace(minute=0)
        factories.count(hour, "delivery", n=n, recipient_id=world.abc.id)
    page = text(
        signed_in("olga"), "/dashboards/recipients/abc-insurance/", period="today", tz="UTC"
    )
    assert "Deliveries 12 ▲ 50.0 %" in page


def test_it_draws_every_step_of_the_period(world: World):
    world.lead()
    page = signed_in("olga").get("/dashboards/", {"period": "7d"}).content.decode()
    found = re.search(r'<script id="chart-deliveries"[^>]*>(.*?)</script>', page)
    assert found is not None
    chart = json.loads(found[1])
    assert len(chart["labels"]) == 7
    accepted = next(line for line in chart["lines"] if line["label"] == "Accepted")
    assert accepted["values"] == [0, 0, 0, 0, 0, 0, 1]


# --- one recipient


def test_it_shows_failures_with_their_lead(world: World):
    lead_id = world.lead(outcomes={"abc-insurance": [Outcome.SERVER_ERROR, Outcome.REJECTED]})
    answer = signed_in("olga").get("/dashboards/recipients/abc-insurance/")
    assert f"/leads/{lead_id}/?event=evt_" in answer.content.decode()
    page = text(signed_in("olga"), "/dashboards/recipients/abc-insurance/")
    assert "Failed attempts by category Category Attempts Bar business 1 system 1" in page
    assert "First 1 0 0.0 % 0.0 % Retry 1 1 0 0.0 % +0.0 %" in page
    assert "under 500 ms 2 100.0 %" in page


def test_it_shows_what_a_lead_brings_and_what_a_better_rate_would(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    world.lead()
    world.lead(outcomes={"abc-insurance": [Outcome.REJECTED]}, email="b@example.com",
               phone_1="5125550002")  # fmt: skip
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monkeypatch.setattr(choices, "now", lambda: midnight + timedelta(days=2))
    day = midnight.strftime("%Y-%m-%d")
    period = {"period": "custom", "from": day, "to": day, "tz": "UTC"}
    page = text(signed_in("olga"), "/dashboards/recipients/abc-insurance/", **period)
    assert "Revenue 45.00 45.00 – 0.00" in page
    assert "Cost 15.00 15.00 – 15.00" in page
    assert "Margin 30.00 30.00 – −15.00" in page
    # Two deliveries a day are 60 in 30 days; a per cent of them at 45.00.
    assert "One more per cent of delivery rate would bring 27.00 a month" in page
    assert "60 deliveries in 30 days at this period’s volume × 1 % × 45.00" in page


def test_it_leaves_failures_of_test_leads_out(world: World):
    Endpoint.objects.create(recipient=world.abc, kind="sandbox", url="https://sandbox.example/x")
    failing = {"abc-insurance": [Outcome.REJECTED]}
    tested = world.lead(outcomes=failing, test=True)
    real = world.lead(outcomes=failing, email="b@example.com", phone_1="5125550002")
    known = {"abc-insurance": [Outcome.DUPLICATE]}
    last = world.lead(outcomes=known, test=True, email="c@example.com")
    page = signed_in("olga").get("/dashboards/recipients/abc-insurance/").content.decode()
    assert real in page
    assert tested not in page
    assert last not in page
    assert "Rejected" in row(signed_in("olga"), "Abc Insurance")
    assert "Duplicate" not in row(signed_in("olga"), "Abc Insurance")


def test_it_marks_test_leads_that_wait(world: World):
    sandbox = "https://sandbox.example/x"
    Endpoint.objects.create(
        recipient=world.abc,
        kind="sandbox",
        url=sandbox,
        paused_at=datetime.now(UTC),
        paused_reason="Down",
    )
    world.lead(test=True)
    page = text(signed_in("olga"), "/dashboards/recipients/abc-insurance/")
    assert re.search(r"…\w{8} test\b", page), page


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("open", "Breaker open production: 10 failures in a row"),
        ("ramping", "Recovering production: its breaker is ramping"),
    ],
)
def test_it_says_that_a_breaker_is_open(world: World, state: str, said: str):
    endpoint = Endpoint.objects.get(recipient__slug="abc-insurance")
    Breaker.objects.create(endpoint=endpoint, state=state, reason="10 failures in a row")
    assert said in text(signed_in("olga"), "/dashboards/recipients/abc-insurance/")


def test_it_says_that_an_endpoint_is_paused_and_what_waits(world: World):
    lead_id = world.lead(outcomes={"abc-insurance": [Outcome.UNAUTHORIZED]})
    waiting = factories.deliver_lead(world.flow, world.web, email="w@example.com")
    page = text(signed_in("olga"), "/dashboards/recipients/abc-insurance/")
    assert Endpoint.objects.filter(paused_at__isnull=False).exists()
    assert "Endpoint paused production: Paused: Unauthorized" in page
    assert "waiting" in page
    assert "when resumed" in page
    assert f"…{waiting[-8:]}" in page
    assert f"…{lead_id[-8:]}" in page  # among the failures


def test_it_shows_an_empty_recipient(world: World):
    page = text(signed_in("olga"), "/dashboards/recipients/abc-insurance/")
    for words in (
        "Nothing was counted in this period",
        "No attempt was made in this period",
        "No failure is recorded in this period",
        "Nothing is under way or waiting",
    ):
        assert words in page


def test_it_escapes_what_buyers_and_staff_wrote(world: World):
    world.abc.name = "<script>alert(1)</script>"
    world.abc.save()
    factories.count(
        datetime.now(UTC).replace(minute=0, second=0, microsecond=0),
        "attempt",
        outcome="rejected",
        category="business",
        reason="<img src=x onerror=alert(2)>",
        recipient_id=world.abc.id,
    )
    olga = signed_in("olga")
    for path in ("/dashboards/", "/dashboards/recipients/abc-insurance/"):
        page = olga.get(path).content.decode()
        assert "<script>alert(1)" not in page
        assert "<img src=x" not in page


# --- budgets


def test_the_overview_needs_the_same_queries_for_any_number_of_recipients(
    world: World, django_assert_max_num_queries: Any
):
    for n in range(6):
        make_recipient(f"buyer-{n}")
    world.lead()
    olga = signed_in("olga")
    with django_assert_max_num_queries(18):
        olga.get("/dashboards/")


def test_one_recipient_needs_few_queries(world: World, django_assert_max_num_queries: Any):
    for n in range(3):
        world.lead(email=f"p{n}@example.com", outcomes={"abc-insurance": [Outcome.REJECTED]})
    olga = signed_in("olga")
    with django_assert_max_num_queries(20):
        olga.get("/dashboards/recipients/abc-insurance/")
