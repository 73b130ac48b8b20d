"""A buyer's mailbox as the last resort: what becomes of a lead by what the mail server says."""

from __future__ import annotations

import pytest

from events.models import Event
from flows.models import Work
from flows.turns.pump import Pump
from recipients.models import Endpoint, Recipient, RetryRule
from tests.flows.scene import Scene, recipient, scene
from tests.leadops.http.servers import free_port
from tests.recipients.transports.mail_servers import mail_server

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "leads@abc.example"
REFUSES = "http://127.0.0.1:1/refused"


def buyer(port: int, *, retries: int = 0) -> Recipient:
    """An address that nobody listens at, then a mailbox; what fails everywhere is held."""
    made = recipient("abc")
    Recipient.objects.filter(pk=made.pk).update(breaker_enabled=False)
    Endpoint.objects.filter(recipient=made).update(url=REFUSES, timeout=5)
    Endpoint.objects.create(
        recipient=made,
        kind="fallback",
        integration="email",
        url=f"mailto:{ADDRESS}",
        timeout=30,
        options={"host": "127.0.0.1", "port": port, "security": "none", "from": "us@example.com"},
    )
    for outcome in ("unavailable", "server_error", "rate_limited"):
        RetryRule.objects.create(
            recipient=made, outcome=outcome, times=retries, backoff=0.05, jitter=0, then="hold"
        )
    return made


def sent(made: Recipient) -> tuple[Scene, list[tuple[str, str]]]:
    """One lead taken to its end; the outcome of each try with the endpoint that it was of."""
    play = scene(made)
    play.post()
    Pump(stopping=lambda: not Work.objects.exists(), size=4).run(60)
    told = Event.objects.filter(type__startswith="recipient.").exclude(outcome="").order_by("seq")
    tries = [
        (event.data["metadata"]["endpoint"], event.outcome)
        for event in told
        if event.data.get("metadata", {}).get("attempt_number")
    ]
    return play, tries


def test_what_the_address_does_not_take_goes_to_the_mailbox():
    with mail_server() as mailbox:
        play, tries = sent(buyer(mailbox.port))
    delivery = play.delivery("abc")
    assert (delivery.state, delivery.endpoint) == ("accepted", "fallback")
    assert tries == [("production", "unavailable"), ("fallback", "accepted")]
    assert len(mailbox.messages) == 1
    assert "ann@example.com" in mailbox.messages[0].as_string()


def test_a_mail_server_that_is_down_is_tried_again_and_leaves_the_lead_to_a_person():
    play, tries = sent(buyer(free_port(), retries=2))
    delivery = play.delivery("abc")
    assert (delivery.state, delivery.endpoint) == ("review", "fallback")
    assert {outcome for _, outcome in tries} == {"unavailable"}
    assert [endpoint for endpoint, _ in tries].count("fallback") > 1


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ("550 5.1.1 User unknown", "invalid"),  # the address is wrong, not the lead unwanted
        ("550 5.7.1 Blocked by policy", "rejected"),
        ("554 5.7.1 Refused", "rejected"),
    ],
)
def test_a_mailbox_that_is_refused_ends_it(words: str, outcome: str):
    with mail_server() as mailbox:
        mailbox.refuse[ADDRESS] = words
        play, tries = sent(buyer(mailbox.port, retries=2))
    delivery = play.delivery("abc")
    assert tries[-1] == ("fallback", outcome)
    assert [endpoint for endpoint, _ in tries].count("fallback") == 1
    assert delivery.outcome == outcome
    assert words.split(" ", 2)[2] in Event.objects.filter(outcome=outcome).latest("seq").reason
    assert mailbox.messages == []


def test_greylisting_only_delays():
    with mail_server() as mailbox:
        mailbox.once[ADDRESS] = "451 4.7.1 Greylisted, try again later"
        play, tries = sent(buyer(mailbox.port, retries=2))
    delivery = play.delivery("abc")
    assert (delivery.state, delivery.endpoint) == ("accepted", "fallback")
    assert tries[-2:] == [("fallback", "server_error"), ("fallback", "accepted")]
    assert len(mailbox.messages) == 1
