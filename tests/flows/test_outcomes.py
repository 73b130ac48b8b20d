"""Every row of the outcomes' table, reached over real HTTP against the simulated buyers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from events.models import Alert, Delivery, Event, Exchange
from flows.models import Work
from flows.turns.pump import Pump
from leadops.buyers import running_buyers
from recipients.models import Endpoint, Recipient, ResponseRule, RetryRule
from tests.flows.scene import recipient, scene

# path → (outcome, state of the delivery, tries made with one retry allowed)
ROWS = {
    "accept": ("/accept?price=41.00", "accepted", "accepted", 1),
    "accept-xml": ("/accept.xml?price=42.00", "accepted", "accepted", 1),
    "reject": ("/reject?reason=Too+young", "rejected", "declined", 1),
    "duplicate": ("/duplicate", "duplicate", "declined", 1),
    "duplicate200": ("/duplicate200", "duplicate", "declined", 1),
    "invalid": ("/invalid", "invalid", "declined", 1),
    "invalid422": ("/invalid?status=422", "invalid", "declined", 1),
    "unauthorized": ("/unauthorized", "unauthorized", "failed", 1),
    "forbidden": ("/forbidden", "unauthorized", "failed", 1),
    "ratelimit": ("/ratelimit?after=0", "rate_limited", "failed", 2),
    "error": ("/error", "server_error", "failed", 2),
    "error503": ("/error?status=503", "server_error", "failed", 2),
    "flaky": ("/flaky?fail=1", "accepted", "accepted", 2),
    "garbage": ("/garbage", "unreadable", "review", 1),
    "redirect": ("/redirect?to=http://127.0.0.1:1/", "unreadable", "review", 1),
    "empty": ("/empty", "unreadable", "review", 1),
    "endless": ("/endless", "unreadable", "review", 1),
    "bomb": ("/gzip-bomb", "unreadable", "review", 1),
    "hang": ("/hang", "unknown", "failed", 2),
    "dribble": ("/dribble", "unknown", "failed", 2),
    "reset-before": ("/reset", "unknown", "failed", 2),
    "reset-in": ("/reset?when=in", "unknown", "failed", 2),
    "slow": ("/slow?ms=100", "accepted", "accepted", 1),
    "refused": (None, "unavailable", "failed", 2),
    "private": ("http://10.1.2.3/leads", "unavailable", "failed", 2),
    "nowhere": ("http://no-such-host.invalid/leads", "unavailable", "failed", 2),
}
RETRIED = ("server_error", "unknown", "unavailable", "rate_limited")
SILENT = ("hang", "dribble")
PLAIN_TEXT = ("duplicate200",)


def buyer(slug: str, path: str | None, url: str) -> Recipient:
    made = recipient(slug)
    if path is None:
        address = "http://127.0.0.1:1/refused"
    else:
        address = path if path.startswith("http") else url + path
    # Short where it is waited for; the others have a slow machine's time.
    timeout = 1.5 if slug in SILENT else 30.0
    Endpoint.objects.filter(recipient=made).update(url=address, timeout=timeout)
    for outcome in RETRIED:
        RetryRule.objects.create(recipient=made, outcome=outcome, times=1, backoff=0.05)
    Recipient.objects.filter(pk=made.pk).update(reason_path="reason")
    if slug == "accept-xml":
        Recipient.objects.filter(pk=made.pk).update(
            success='//result = "accepted"', lead_id_path="//id", price_path="//amount"
        )
    if slug in PLAIN_TEXT:
        ResponseRule.objects.create(recipient=made, contains="DUP", outcome="duplicate")
    return made


@pytest.mark.django_db(transaction=True)
def test_every_row_of_the_table_can_be_reached():
    with running_buyers() as buyers:
        made = [buyer(slug, row[0], buyers.url) for slug, row in ROWS.items()]
        play = scene(*made, pattern="multi")
        answer = play.post()
        Pump(stopping=lambda: not Work.objects.exists(), size=64).run(60)

    found = {d.recipient.slug: d for d in Delivery.objects.select_related("recipient")}
    seen = {slug: (d.outcome, d.state, d.attempts) for slug, d in found.items()}
    assert seen == {slug: row[1:] for slug, row in ROWS.items()}

    assert found["accept"].revenue == Decimal("41.00")
    assert found["accept-xml"].revenue == Decimal("42.00")
    assert found["reject"].reason == "Too young"
    assert found["private"].category == "security"
    terminal = Event.objects.filter(
        type__in=["recipient.delivered", "recipient.failed", "recipient.skipped"]
    )
    assert terminal.count() == len(ROWS)
    alarmed = Event.objects.filter(type="alert.raised").values_list("entity_id", flat=True)
    assert Alert.objects.count() == len(alarmed)
    names = set(Recipient.objects.filter(pk__in=alarmed).values_list("slug", flat=True))
    assert names == {"unauthorized", "forbidden", "error", "error503"}
    paused = Endpoint.objects.filter(paused_at__isnull=False)
    assert {e.recipient.slug for e in paused} == {"unauthorized", "forbidden"}
    assert play.lead(answer).sales == 4
    sizes = [len(exchange.reply_body) for exchange in Exchange.objects.all()]
    assert max(sizes) <= 65_536


@pytest.mark.django_db(transaction=True)
def test_a_retry_repeats_the_idempotency_key_and_counts_the_attempt():
    with running_buyers() as buyers:
        made = buyer("flaky", "/flaky?fail=2", buyers.url)
        RetryRule.objects.filter(recipient=made).update(times=3)
        play = scene(made)
        play.post()
        Pump(stopping=lambda: not Work.objects.exists(), size=4).run(30)
        log = buyers.log()
    assert len({entry["idempotency_key"] for entry in log}) == 1
    assert [entry["headers"]["X-Attempt"] for entry in log] == ["1", "2", "3"]


@pytest.mark.django_db(transaction=True)
def test_it_tells_the_attempts_number_to_the_backup_as_well():
    with running_buyers() as buyers:
        made = buyer("error", "/error", buyers.url)
        Endpoint.objects.create(recipient=made, kind="backup", url=f"{buyers.url}/accept")
        scene(made).post()
        Pump(stopping=lambda: not Work.objects.exists(), size=4).run(30)
        log = buyers.log()
    assert [entry["headers"]["X-Attempt"] for entry in log] == ["1", "2", "3"]


@pytest.mark.django_db(transaction=True)
def test_the_last_failure_shows_its_exchange_and_what_may_be_retried():
    with running_buyers() as buyers:
        play = scene(
            buyer("error", "/error", buyers.url),
            buyer("unauthorized", "/unauthorized", buyers.url),
            pattern="multi",
        )
        play.post()
        Pump(stopping=lambda: not Work.objects.exists(), size=4).run(30)
    ends = Event.objects.filter(type="recipient.failed")
    assert {e.outcome: e.data["failure"]["retry_eligible"] for e in ends} == {
        "server_error": True,
        "unauthorized": False,
    }
    for end in ends:
        error = Event.objects.filter(type="recipient.error", entity_id=end.entity_id).latest("seq")
        assert end.exchange_id == error.exchange_id != ""
        assert end.data["metadata"]["total_attempts"] == end.data["metadata"]["attempt_number"]
