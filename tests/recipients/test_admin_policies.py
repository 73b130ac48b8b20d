"""What a recipient's page shows of breakers and retries."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from events.models import Event
from flows.byhand import steering
from recipients.admin.policies import drafted_picture, panels, picture
from recipients.models import Breaker, Recipient
from recipients.outcomes import Outcome
from recipients.retry import DEFAULT_POLICY, RetryPolicy, RetryRule, timeline
from tests.factories import make_recipient, make_user
from tests.pages import page_of, sign_in, text_of

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def ops():
    return sign_in(make_user("olga"))


def breaker_of(recipient: Recipient, **state) -> Breaker:
    return Breaker.objects.create(endpoint=recipient.endpoints.get(), **state)


def test_it_shows_a_breaker_with_its_window_and_next_probe(ops):
    abc = make_recipient()
    until = timezone.now() + timedelta(seconds=90)
    breaker_of(
        abc, state="open", window="++-+---", wait=300, until=until, reason="4 of the last 7 failed"
    )
    page = ops.get(page_of(abc)).content.decode()
    strip = re.search(r'<svg class="leadops-strip".*?</svg>', page, re.DOTALL)
    assert strip is not None
    assert strip[0].count('class="good"') == 3
    assert strip[0].count('class="bad"') == 4
    text = text_of(ops.get(page_of(abc)))
    assert "Open: left alone" in text
    assert "4 of the last 7 failed (57%)" in text
    assert f"Next probe {until:%Y-%m-%d %H:%M}" in text
    assert "The production endpoint’s breaker is open (4 of the last 7 failed)." in text


def test_the_list_says_whose_breaker_is_open(ops):
    breaker_of(make_recipient(), state="open")
    assert "Breaker open" in text_of(ops.get("/admin/recipients/recipient/"))


def test_a_breaker_that_was_never_used_is_closed():
    (panel,) = panels(make_recipient(), NOON)
    assert (panel.said, panel.counted) == ("Closed: in use", "Nothing counted yet")


def test_staff_open_and_close_a_breaker_in_a_dialog(ops):
    abc = make_recipient()
    endpoint = abc.endpoints.get()
    address = page_of(abc).replace("change/", "")
    open_url = reverse("admin:recipients_recipient_open_breaker", args=[address.split("/")[-2]])
    posted = {"endpoint": endpoint.pk, "reason": "Moving", "wait": "2h", "_form_submitted": "True"}
    assert ops.post(open_url, posted).status_code == 200
    assert Breaker.objects.get().wait == 7200
    assert Event.objects.get(type="breaker.opened").reason == "By olga: Moving"
    close_url = open_url.replace("open_breaker", "close_breaker")
    ops.post(close_url, {"endpoint": endpoint.pk, "reason": "Moved", "_form_submitted": "True"})
    assert Breaker.objects.get().state == "closed"
    assert Event.objects.get(type="breaker.closed").data["by"] == "olga"


def test_who_may_not_change_a_recipient_opens_no_breaker():
    abc = make_recipient()
    address = page_of(abc).replace("change/", "").split("/")[-2]
    url = reverse("admin:recipients_recipient_open_breaker", args=[address])
    auditor = sign_in(make_user("aud", role="auditor"))
    assert auditor.post(url, {"reason": "x"}).status_code == 403
    assert auditor.post(reverse("admin:recipients_recipient_retry_picture")).status_code == 403
    steering.open_breaker(abc.endpoints.get(), by="olga", reason="x")
    assert "Open: left alone" in text_of(auditor.get(page_of(abc)))


def test_the_picture_shows_each_try_where_it_would_come(ops):
    lines = {line.outcome: line for line in picture(DEFAULT_POLICY, 10.0).lines}
    assert [bar.begins for bar in lines["server_error"].bars] == [
        "0 s",
        "0.8 s – 1 s",
        "2.4 s – 3 s",
        "5.6 s – 7 s",
    ]
    assert [bar.timeout for bar in lines["unknown"].bars] == ["10 s", "15 s", "22.5 s", "33.8 s"]
    assert "rejected" in picture(DEFAULT_POLICY, 10.0).silent
    assert "As a table" in text_of(ops.get(page_of(make_recipient())))


def test_the_picture_follows_what_stands_in_the_form(ops):
    posted = {
        "retry_timeout_growth": "2",
        "retry_max_age": "",
        "retry_rules-TOTAL_FORMS": "2",
        "retry_rules-0-outcome": "server_error",
        "retry_rules-0-times": "1",
        "retry_rules-0-backoff": "40s",
        "retry_rules-0-jitter": "0",
        "retry_rules-1-outcome": "unknown",
        "retry_rules-1-DELETE": "on",
        "endpoints-TOTAL_FORMS": "1",
        "endpoints-0-kind": "production",
        "endpoints-0-timeout": "8s",
    }
    found = {line.outcome: line for line in drafted_picture(posted).lines}
    assert [bar.begins for bar in found["server_error"].bars] == ["0 s", "40 s"]
    assert [bar.timeout for bar in found["server_error"].bars] == ["8 s", "16 s"]
    answer = ops.post(reverse("admin:recipients_recipient_retry_picture"), posted)
    assert "40 s" in text_of(answer)


@pytest.mark.parametrize(
    "wrong",
    [
        {"retry_timeout_growth": "much"},
        {"retry_max_age": "soon"},
        {
            "endpoints-TOTAL_FORMS": "1",
            "endpoints-0-kind": "production",
            "endpoints-0-timeout": "x",
        },
        {"retry_rules-TOTAL_FORMS": "1", "retry_rules-0-outcome": "nonsense"},
        {
            "retry_rules-TOTAL_FORMS": "1",
            "retry_rules-0-outcome": "unknown",
            "retry_rules-0-times": "-1",
        },
    ],
)
def test_the_picture_says_what_is_wrong_in_the_form(wrong):
    assert drafted_picture(wrong).problem


def test_the_tries_end_at_the_age_that_the_policy_allows():
    rules = {Outcome.SERVER_ERROR: RetryRule(times=10, backoff=60, jitter=0)}
    tries = timeline(RetryPolicy(rules, max_age=200), Outcome.SERVER_ERROR, base=10, held=False)
    assert [each.latest for each in tries] == [0, 60, 180]
