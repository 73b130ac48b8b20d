"""The demo: a configuration that loads, a past that verifies, a stream that outlives faults."""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime, timedelta
from random import Random
from urllib.parse import urlsplit

import pytest
import requests
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from events import verify
from events.models import Delivery, Event, Feedback, Lead
from flows import fields
from flows.models import DuplicateClaim, Flow, Work
from leadops.accounts.models import User
from leadops.demo import calendar, history, market, people, setting
from leadops.demo.stream import Stream
from leadops.lib import smtp
from leadops.lib.http import Request
from leadops.lib.http.errors import ConnectionRefused, DeadlineExceeded
from recipients.models import Recipient, Secret

TODAY = date(2026, 11, 20)
DAYS = st.dates(date(2020, 1, 1), date(2040, 1, 1))


# --- people


@given(st.integers(0, 10**15))
def test_it_makes_people_whose_fields_are_valid(number):
    wanted = [(kind, kind) for kind in fields.field_types()]
    values = people.person(number, wanted, today=TODAY)
    if not people.is_flawed(number):
        for kind, value in values.items():
            assert fields.parse(kind, value).valid, (kind, value)


def test_it_makes_the_same_person_of_the_same_number():
    wanted = [("email", "email"), ("score", "number")]
    first, again = (people.person(17, wanted, today=TODAY) for _ in range(2))
    assert first == again


def test_it_gives_neighbours_phones_and_mail_of_their_own():
    wanted = [("email", "email"), ("phone_1", "phone")]
    numbers = [n for n in range(740_000 * 100_000, 740_000 * 100_000 + 5000)]
    made = [people.person(n, wanted, today=TODAY) for n in numbers if not people.is_flawed(n)]
    assert len({each["email"] for each in made}) == len(made)
    assert len({each["phone_1"][-8:] for each in made}) == len(made)


# --- when they come


@given(DAYS, st.integers(1, 2000))
def test_it_lets_leads_come_in_order_on_their_day(day, volume):
    found = calendar.arrivals(day, volume)
    assert found == sorted(found, key=lambda each: each.at)
    assert {each.at.date() for each in found} <= {day, day + timedelta(days=1)}
    firsts = [each.person for each in found if each.repeats is None]
    assert len(set(firsts)) == len(firsts)
    assert all(each.repeats < each.at for each in found if each.repeats)


def test_it_lets_fewer_come_at_weekends():
    wednesday = calendar.firsts(date(2026, 11, 18), 500)
    sunday = calendar.firsts(date(2026, 11, 22), 500)
    assert len(sunday) < 0.75 * len(wednesday)


# --- buyers of the past


def door(**bad) -> market.PastDoor:
    days = [market.BadDay("rcp_1", datetime(2026, 1, 1, tzinfo=UTC), END, **bad)] if bad else []
    return market.PastDoor(days, Random(3), noise=())


END = datetime(2026, 1, 2, tzinfo=UTC)
SOMETIME = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ask(asked: market.PastDoor, path: str, *, at: datetime = SOMETIME, timeout: float = 60.0):
    url = f"http://127.0.0.1:9100{path}"
    request = Request("POST", url, {}, b"{}", timeout=timeout)
    return asked.about("rcp_1", at=at, attempt=1).send(request)


def test_it_answers_as_the_simulated_buyer_would():
    asked = door()
    reply = ask(asked, "/b/abc/accept?price=12.50")
    assert (reply.status, json.loads(reply.body)["price"]) == (200, 12.5)
    assert 0.01 < asked.seconds < 10


def test_it_takes_as_long_as_a_slow_buyer_says():
    asked = door()
    ask(asked, "/slow?ms=4000")
    assert 1 < asked.seconds < 20
    with pytest.raises(DeadlineExceeded):
        ask(asked, "/slow?ms=90000", timeout=1.0)
    with pytest.raises(DeadlineExceeded):
        ask(asked, "/hang", timeout=1.0)


def test_it_shows_buyers_the_headers_and_gets_plain_answers():
    url = "http://127.0.0.1:9100/b/past-crm/hubspot/crm/v3/objects/contacts/batch/upsert"
    asked = door().about("rcp_1", at=SOMETIME, attempt=1)
    known = {"Authorization": "Bearer pat", "Content-Type": "application/json"}
    assert asked.send(Request("POST", url, {}, b"{}", timeout=60.0)).status == 401
    assert asked.send(Request("POST", url, known, b"{}", timeout=60.0)).status != 401
    packed = Request(
        "POST", "http://127.0.0.1:9100/accept.gz", {"Accept-Encoding": "gzip"}, b"{}", timeout=60.0
    )
    assert json.loads(asked.send(packed).body)["status"] == "accepted"


def test_it_takes_e_mails_without_a_network():
    asked = door()
    answer = smtp.send(
        smtp.Server("mail.example", 25, security=smtp.Security.NONE),
        b"Subject: A lead\r\n\r\nAnn",
        sender="leads@us.example",
        recipients=["leads@buyer.example"],
        door=asked,
        timeout=5.0,
    )
    assert answer.code == 250
    assert asked.seconds > 0.01


def test_it_is_away_on_its_bad_day():
    asked, fates = door(slower=0.0), set()
    for _ in range(50):
        try:
            fates.add(ask(asked, "/accept").status)
        except ConnectionRefused:
            fates.add("refused")
    assert fates == {503, "refused"}
    assert market.BadDay("rcp_1", SOMETIME, END).covers("rcp_1", END) is False


# --- configuration


@pytest.mark.django_db
def test_it_loads_its_configuration_once_and_keeps_the_passwords():
    first = setting.load()
    assert len(first.logins) == 4
    assert {flow for flow, _ in first.routes} == set(Flow.objects.values_list("slug", flat=True))
    for login in first.logins:
        assert User.objects.get(username=login.username).check_password(login.password)
    assert set(first.partner_keys) <= set(Recipient.objects.values_list("slug", flat=True))
    Recipient.objects.update(notes="changed by staff")
    assert setting.load() == first
    assert set(Recipient.objects.values_list("notes", flat=True)) == {"changed by staff"}


@pytest.mark.django_db
def test_it_makes_credentials_that_nobody_can_guess(monkeypatch):
    monkeypatch.setenv("DEMO_SUNRISE_KEY", "given")
    setting.load()
    kept = dict(Secret.objects.values_list("name", "value"))
    assert kept.pop("DEMO_SUNRISE_KEY") == "given"  # for workers, which lack the variable
    assert len(set(kept.values())) == len(kept)
    assert all(len(value) >= 13 for value in kept.values())


# --- the past


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.mark.django_db
def test_it_makes_a_past_that_agrees_with_its_record(said):
    setting.load()
    made = history.make(said.append, days=9, volume=40)
    assert made == Lead.objects.count() > 150
    assert {check.name: check.problems for check in verify.run() if check.problems} == {}
    assert set(Lead.objects.values_list("demo", flat=True)) == {True}
    assert not Work.objects.exists()
    taken = Delivery.objects.filter(state="accepted")
    assert set(taken.values_list("recipient__slug", flat=True)) >= {
        "salesforce-production",
        "hubspot-marketing",
        "five9-dialer",
        "five9-campaigns",
        "western-mutual",
        "lakeside-remodeling",
        "prime-lending",
        "harbor-loans",
    }
    assert Event.objects.filter(type="auction.decided", outcome="accepted").exists()
    assert not Lead.objects.exclude(inquiry="").exists()
    assert {"sold", "stopped", ""} <= set(Lead.objects.values_list("result", flat=True))
    assert {"conversion", "return"} <= set(Feedback.objects.values_list("kind", flat=True))
    oldest = Lead.objects.earliest("created_at")
    assert oldest.created_at < datetime.now(UTC) - timedelta(days=8)
    events = Event.objects.filter(lead_id=oldest.id).order_by("seq")
    moments = [event.timestamp for event in events]
    assert moments == sorted(moments)
    assert [event.id for event in events] == sorted(event.id for event in events)
    assert said


@pytest.mark.django_db
def test_it_makes_the_past_once_and_fills_gaps(said):
    setting.load()
    history.make(said.append, days=2, volume=20)
    before = Lead.objects.count()
    assert history.make(said.append, days=2, volume=20) == 0
    more = history.make(said.append, days=4, volume=20)
    assert Lead.objects.count() == before + more
    assert more > 0
    assert verify.figures().problems == []


@pytest.mark.django_db
def test_it_lets_todays_leads_meet_yesterdays_as_duplicates(said):
    setting.load()
    history.make(said.append, days=7, volume=60)
    assert DuplicateClaim.objects.exists()
    assert Event.objects.filter(
        type="source.rejected", reason__startswith="Duplicate: Previously submitted"
    ).exists()


@pytest.mark.django_db
def test_it_says_so_without_a_flow(said):
    assert history.make(said.append, days=1, volume=5) == 0
    assert "No flow" in said[0]


@pytest.mark.django_db
def test_it_runs_as_a_command(capsys):
    call_command("demo", days=1, volume=10, rate=0.0, url="http://127.0.0.1:8000")
    out = capsys.readouterr().out
    assert "LeadOps demo: http://127.0.0.1:8000/admin/" in out
    for login in setting.load().logins:
        assert login.password in out
    assert "Past traffic is there" in out


# --- the stream


class ThroughTheClient(requests.Session):
    """Takes the stream's posts to Django without a network."""

    def __init__(self, client) -> None:
        super().__init__()
        self.client = client

    def request(self, method, url, **options):  # type: ignore[override]
        reply = self.client.generic(
            method,
            urlsplit(url).path,
            json.dumps(options.get("json")),
            content_type="application/json",
            headers=dict(options.get("headers") or {}),
        )
        answer = requests.Response()
        answer.status_code, answer._content = reply.status_code, reply.content
        return answer


@pytest.fixture
def stream(client) -> Stream:
    made = Stream(setting.load(), "http://127.0.0.1:8000", threading.Event(), rate=1000)
    made.session = ThroughTheClient(client)
    return made


@pytest.mark.django_db
def test_it_posts_leads_that_are_taken(stream):
    assert {stream.post_lead() for _ in range(30)} == {201}
    assert Lead.objects.filter(status="working").count() > 10
    assert not Lead.objects.filter(demo=True).exists()


@pytest.mark.django_db
def test_it_posts_feedback_as_the_buyer(stream):
    assert stream.post_feedback() == 0
    history.make(lambda _: None, days=1, volume=20)
    sell_now(stream)
    assert stream.post_feedback() == 201
    assert Feedback.objects.filter(key__startswith="sha256:").count() == 1


def sell_now(stream: Stream) -> None:
    """Let a buyer with a key have bought something just now."""
    slug = next(iter(stream.setting.partner_keys))
    buyer = Recipient.objects.get(slug=slug)
    lead = Lead.objects.filter(test=False).first()
    Delivery.objects.create(
        lead=lead,
        recipient=buyer,
        flow_id=lead.flow_id,
        step=9,
        state="accepted",
        outcome="accepted",
        finished_at=datetime.now(UTC),
        buyer_lead_id="B-9",
    )


@pytest.mark.django_db
def test_it_outlives_a_server_that_is_away(stream, monkeypatch):
    calls = []

    def fail(*args, **options):
        calls.append(args)
        if len(calls) == 3:
            stream.stopping.set()
        raise requests.ConnectionError("away")

    monkeypatch.setattr(stream, "wait_until_ready", lambda: None)
    monkeypatch.setattr(stream.stopping, "wait", lambda _=None: stream.stopping.is_set())
    monkeypatch.setattr(stream, "post_lead", fail)
    stream.run()
    assert len(calls) == 3
