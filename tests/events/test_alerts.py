"""Figures out of bounds are noticed, said once, and settled."""

from __future__ import annotations

import http.server
import json
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection

from events import tasks
from events.alerts import notices, windows
from events.alerts.evaluate import evaluate
from events.alerts.rules import Bound, State, judge
from events.metrics import Summary
from events.models import Alert, AlertThreshold, Channel, Event
from recipients.outcomes import Outcome
from tests.factories import count, deliver_lead, make_flow, make_recipient, make_source

# --- judging


def bound(metric="delivery_rate", *, below=None, above=None, minimum=10) -> Bound:
    limits = [None if each is None else Decimal(each) for each in (below, above)]
    return Bound(metric, metric.replace("_", " "), *limits, over=900.0, minimum=minimum)


@pytest.mark.parametrize(
    ("asked", "summary", "state"),
    [
        (bound(below="0.9"), Summary(attempts=10, accepted=8, rejected=2), State.CROSSED),
        (bound(below="0.9"), Summary(attempts=10, accepted=9, rejected=1), State.WITHIN),
        (bound(below="0.9"), Summary(attempts=9, rejected=9), State.SILENT),
        (bound(below="0.9"), Summary(attempts=10), State.SILENT),
        (bound("error_rate", above="0.25"), Summary(attempts=20, technical=6), State.CROSSED),
        (bound("error_rate", above="0.25"), Summary(attempts=20, technical=5), State.WITHIN),
        (bound("response_ms", above="500"), Summary(attempts=9, buckets={170: 9}), State.SILENT),
        (bound("response_ms", above="500"), Summary(attempts=10, buckets={170: 10}), State.CROSSED),
        (bound("response_ms", above="500"), Summary(attempts=10, buckets={20: 10}), State.WITHIN),
        (bound("revenue", below="1", minimum=0), Summary(), State.CROSSED),
        (bound("revenue", below="1"), Summary(attempts=10, revenue=Decimal(5)), State.WITHIN),
    ],
)
def test_it_judges_a_figure(asked, summary, state):
    assert judge(asked, summary, subject="ABC").state is state


def test_it_says_what_it_saw():
    summary = Summary(attempts=20, accepted=13, rejected=7)
    text = judge(bound(below="0.9"), summary, subject="ABC Insurance").text
    assert text == "ABC Insurance: delivery rate is 65.0 % over 15m, below 90.0 %"


# --- the world


@pytest.fixture
def market():
    source, good, bad = make_source(), make_recipient("good"), make_recipient("bad")
    return make_flow(source, good, bad, pattern="multi"), source, good, bad


def sell(market, bad: list[Outcome], *, test: bool = False) -> None:
    flow, source, *_ = market
    sell.number = getattr(sell, "number", 0) + 1
    deliver_lead(
        flow,
        source,
        outcomes={"bad": bad},
        test=test,
        email=f"{sell.number}@example.com",
        phone_1=f"512555{sell.number:04d}",
    )


def threshold(**fields) -> AlertThreshold:
    defaults = {
        "name": "Delivery rate low",
        "metric": "delivery_rate",
        "below": Decimal("0.5"),
        "over": 900.0,
        "minimum": 2,
    }
    return AlertThreshold.objects.create(**{**defaults, **fields})


def alert() -> Alert:
    """A threshold's; an endpoint that failed at every try raises another."""
    return Alert.objects.get(threshold__isnull=False)


@pytest.mark.django_db
def test_it_raises_an_alert_about_the_recipient_once(market):
    threshold()
    for _ in range(2):
        sell(market, [Outcome.REJECTED])
    assert evaluate() == 1
    assert evaluate() == 0
    assert alert().subject == market[3].id
    assert alert().text == "Bad: delivery rate is 0.0 % over 15m, below 50.0 %"
    event = Event.objects.get(type="alert.raised")
    assert (event.entity_id, event.reason) == (market[3].id, alert().text)


@pytest.mark.django_db
def test_it_resolves_when_the_figure_is_back(market):
    threshold()
    for _ in range(2):
        sell(market, [Outcome.REJECTED])
    evaluate()
    for _ in range(3):
        sell(market, [Outcome.ACCEPTED])
    evaluate()
    assert alert().resolved_at is not None
    assert Event.objects.filter(type="alert.resolved").count() == 1
    for _ in range(9):
        sell(market, [Outcome.REJECTED])
    assert evaluate() == 1
    assert Alert.objects.count() == 2


@pytest.mark.django_db
def test_it_stays_open_while_there_is_too_little_to_say(market):
    found = threshold()
    for _ in range(2):
        sell(market, [Outcome.REJECTED])
    evaluate()
    AlertThreshold.objects.filter(id=found.id).update(minimum=50)
    evaluate()
    assert alert().resolved_at is None


@pytest.mark.django_db
def test_it_never_counts_test_leads(market):
    threshold()
    for _ in range(3):
        sell(market, [Outcome.REJECTED], test=True)
    assert evaluate() == 0


@pytest.mark.django_db
def test_it_judges_all_together(market):
    threshold(scope="all", below=None, above=Decimal("0.4"), metric="error_rate")
    for _ in range(2):
        sell(market, [Outcome.SERVER_ERROR] * 4)
    assert evaluate() == 1
    assert alert().subject == "all"
    assert "80.0 %" in alert().text  # 8 of 10 attempts


@pytest.mark.django_db
def test_it_looks_back_only_so_far(market):
    threshold()
    for _ in range(2):
        sell(market, [Outcome.REJECTED])
    later = datetime.now(UTC) + timedelta(minutes=16)
    assert windows.counted(900.0, later) == {}


@pytest.mark.django_db
def test_it_reads_long_windows_from_the_figures():
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for back, n in ((1, 4), (23, 3), (40, 100)):
        at = hour - timedelta(hours=back)
        count(at, "attempt", recipient_id="rcp_1", outcome="server_error", n=n, bucket=100)
    summary = windows.counted(86_400.0, hour + timedelta(minutes=30))["rcp_1"].summary()
    assert (summary.attempts, summary.technical) == (7, 7)
    assert summary.p95 is not None


@pytest.mark.django_db
def test_it_agrees_with_the_figures_about_short_windows(market):
    """Counted from the events or from the figures: one definition."""
    sell(market, [Outcome.SERVER_ERROR, Outcome.SERVER_ERROR, Outcome.ACCEPTED])
    sell(market, [Outcome.REJECTED])
    sell(market, [Outcome.INVALID])
    now = datetime.now(UTC) + timedelta(seconds=1)
    from_events, from_figures = windows.counted(3600.0, now), windows.counted(7200.0, now)
    for recipient in market[2:]:
        short, long = from_events[recipient.id].summary(), from_figures[recipient.id].summary()
        for name in ("attempts", "technical", "accepted", "rejected", "failed", "revenue", "ms"):
            assert getattr(short, name) == getattr(long, name), name
        assert short.buckets == long.buckets


@pytest.mark.django_db
def test_it_does_not_let_a_broken_threshold_keep_the_others(market):
    threshold(name="A")
    AlertThreshold.objects.update(metric="no such")
    threshold(name="B")
    for _ in range(2):
        sell(market, [Outcome.REJECTED])
    tasks.alerts()
    assert alert().threshold.name == "B"


# --- telling


@pytest.fixture
def raised(market):
    channel = Channel.objects.create(slug="ops", url="mailto://ops@example.com")
    found = threshold(escalate_after=600.0)
    found.notify.add(channel)
    for _ in range(2):
        sell(market, [Outcome.REJECTED])
    evaluate()
    return channel


@pytest.mark.django_db
def test_it_tells_its_channels_once(raised):
    assert notices.tell() == 1
    assert notices.tell() == 0
    [letter] = mail.outbox
    assert letter.to == ["ops@example.com"]
    assert letter.subject.startswith("[LeadOps] raised: Bad: delivery rate is 0.0 %")


@pytest.mark.django_db
def test_it_escalates_what_stays_open(raised):
    notices.tell()
    Alert.objects.update(raised_at=datetime.now(UTC) - timedelta(minutes=11))
    assert notices.tell() == 1
    assert notices.tell() == 0
    assert mail.outbox[-1].subject.startswith("[LeadOps] escalated:")
    assert alert().escalated_at is not None
    assert Event.objects.filter(type="alert.escalated").count() == 1


@pytest.mark.django_db
def test_it_tells_that_it_is_over(raised):
    notices.tell()
    Alert.objects.update(resolved_at=datetime.now(UTC))
    assert (notices.tell(), notices.tell()) == (1, 0)
    assert mail.outbox[-1].subject.startswith("[LeadOps] resolved:")


@pytest.mark.django_db
def test_it_keeps_quiet_about_what_nobody_heard_of(raised):
    Alert.objects.update(resolved_at=datetime.now(UTC))
    assert notices.tell() == 0
    assert mail.outbox == []


class Listener(http.server.BaseHTTPRequestHandler):
    status = 200
    heard: list[dict] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append(json.loads(body))
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def listener():
    Listener.status, Listener.heard = 200, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.django_db
def test_it_posts_to_a_web_channel_until_it_is_taken(raised, listener):
    Channel.objects.update(url=f"http://127.0.0.1:{listener.server_port}/hook")
    Listener.status = 500
    assert notices.tell() == 0
    assert alert().told == ""
    Listener.status = 200
    assert notices.tell() == 1
    assert Listener.heard[-1]["state"] == "raised"
    assert Listener.heard[-1]["text"] == alert().text
    assert Listener.heard[-1]["threshold"] == "Delivery rate low"


@pytest.mark.django_db
def test_it_gives_up_on_old_news(raised):
    Alert.objects.update(raised_at=datetime.now(UTC) - timedelta(days=2))
    assert notices.tell() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("mailto://ops@example.com", True),
        ("mailto:ops@example.com", True),
        ("https://hooks.example.com/x", True),
        ("mailto://", False),
        ("mailto:a@b.com,c@d.com", False),
        ("ftp://example.com", False),
        ("https://", False),
        ("ops", False),
    ],
)
def test_it_takes_channels_that_it_can_reach(url, good):
    channel = Channel(slug="ops", url=url)
    if good:
        channel.full_clean()
    else:
        with pytest.raises(ValidationError):
            channel.full_clean()


@pytest.mark.django_db
def test_it_needs_no_look_at_other_months(market):
    """The window's query reads only the partitions of its time."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + windows.ALIKE, [windows.COUNTED, *[datetime.now(UTC)] * 2])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert plan.count("events_event_2") <= 2
