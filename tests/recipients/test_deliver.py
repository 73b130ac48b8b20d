from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from leadops.buyers import Buyers
from leadops.lib.http import Door, Reply
from leadops.lib.http.errors import ReplyTooLarge
from leadops.lib.redact import MASK, Redactor
from recipients.deliver import MAX_RECORDED, Attempt, deliver
from recipients.mapping import RenderError, compile_template
from recipients.outcomes import Category, Outcome, Result
from recipients.plan import Auth, AuthKind, EndpointPlan, RecipientPlan
from recipients.responses import ReaderSpec, RuleSpec, compile_reader
from tests.leadops.http.servers import free_port, full_backlog

SECRET = "s3cret-t0ken"

READER = compile_reader(
    ReaderSpec(
        success='status = "accepted"',
        lead_id="leadId",
        price="price",
        message="message",
        rules=(RuleSpec(outcome="duplicate", status="200", contains="DUP"),),
    )
)


class Fixed:
    """A mapping that gives, or raises, always the same."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def render(self, context: Any) -> Any:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Broken:
    value = "john@example.com"

    def read(self, reply: Reply) -> Result:
        raise KeyError(self.value)


Deliver = Callable[..., Attempt]


@pytest.fixture
def send(buyers: Buyers, door: Door) -> Deliver:
    def send(
        path: str, *, payload: Any = None, url: str = "", attempt: int = 1, **plan: Any
    ) -> Attempt:
        through = plan.pop("door", door)
        endpoint = EndpointPlan(
            "ept_1",
            compile_template(url or buyers.url + path),
            timeout=plan.pop("timeout", 5.0),
            auth=plan.pop("auth", Auth(AuthKind.BEARER, secret=SECRET)),
            compress=plan.pop("compress", False),
        )
        values: dict[str, Any] = {
            "mapping": Fixed({"email": "a@example.com"} if payload is None else payload),
            "reader": READER,
            "redactor": Redactor([SECRET]),
            **plan,
        }
        recipient = RecipientPlan("rcp_1", "abc", "ABC", **values)
        return deliver(
            recipient,
            endpoint,
            {"lead": {}, "source": {}, "flow": {}, "recipient": {}},
            attempt=attempt,
            idempotency_key="dlv_1",
            test=False,
            door=through,
        )

    return send


def test_it_delivers_and_reads_the_price(send: Deliver) -> None:
    attempt = send("/accept?price=52.50")
    assert attempt.result.outcome is Outcome.ACCEPTED
    assert attempt.result.price == Decimal("52.50")
    assert attempt.result.buyer_lead_id.startswith("ABC")
    assert attempt.request is not None
    assert attempt.reply is not None
    assert attempt.request.body == '{"email":"a@example.com"}'
    assert attempt.reply.status == 200
    assert 0 < attempt.seconds < 5
    assert attempt.started.tzinfo is not None


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        ("/accept", Outcome.ACCEPTED),
        ("/reject", Outcome.REJECTED),
        ("/duplicate", Outcome.DUPLICATE),
        ("/duplicate200", Outcome.DUPLICATE),
        ("/invalid", Outcome.INVALID),
        ("/invalid?status=422", Outcome.INVALID),
        ("/unauthorized", Outcome.UNAUTHORIZED),
        ("/forbidden", Outcome.UNAUTHORIZED),
        ("/ratelimit?after=7", Outcome.RATE_LIMITED),
        ("/error", Outcome.SERVER_ERROR),
        ("/error?status=503", Outcome.SERVER_ERROR),
        ("/garbage?in=body", Outcome.UNREADABLE),
        ("/empty", Outcome.UNREADABLE),
        ("/garbage", Outcome.UNREADABLE),
        ("/endless", Outcome.UNREADABLE),
        ("/gzip-bomb", Outcome.UNREADABLE),
        ("/hang", Outcome.UNKNOWN),
        ("/dribble", Outcome.UNKNOWN),
        ("/reset", Outcome.UNKNOWN),
        ("/reset?when=in", Outcome.UNKNOWN),
        ("/close", Outcome.UNKNOWN),
    ],
)
def test_it_reaches_every_row_of_the_table(send: Deliver, path: str, outcome: Outcome) -> None:
    timeout = 0.4 if path in ("/hang", "/dribble") else 30.0
    assert send(path, timeout=timeout).result.outcome is outcome


def test_it_never_takes_a_redirect_for_success(send: Deliver) -> None:
    assert send("/redirect?to=/accept").result.outcome is not Outcome.ACCEPTED


def test_it_names_a_timeout_as_the_documents_do(send: Deliver) -> None:
    result = send("/hang", timeout=0.3).result
    assert result.reason == "Timeout"
    assert result.details == "No answer within 0.3 s"
    assert result.category is Category.NETWORK


def test_it_tells_what_surely_did_not_arrive(send: Deliver) -> None:
    refused = send("", url=f"http://127.0.0.1:{free_port()}/").result
    assert (refused.outcome, refused.reason) == (Outcome.UNAVAILABLE, "Connection refused")
    nameless = send("", url="http://buyer.invalid/").result
    assert (nameless.outcome, nameless.category) == (Outcome.UNAVAILABLE, Category.NETWORK)
    with full_backlog() as port:
        late = send("", url=f"http://127.0.0.1:{port}/", timeout=0.2).result
    assert (late.outcome, late.reason) == (Outcome.UNAVAILABLE, "Connection timeout")
    private = send("", url="http://10.0.0.1/").result
    assert (private.outcome, private.category) == (Outcome.UNAVAILABLE, Category.SECURITY)


def test_it_gives_later_tries_more_time(send: Deliver) -> None:
    assert send("/slow?ms=400", timeout=0.3).result.outcome is Outcome.UNKNOWN
    assert send("/slow?ms=400", timeout=0.3, attempt=3).result.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"payload": RenderError("Too long", "applicant.name")}, "Mapping failed"),
        ({"url": "ftp://buyer.example/"}, "Request cannot be sent"),
    ],
)
def test_it_blames_the_configuration_for_what_cannot_be_sent(
    send: Deliver, settings: dict[str, Any], reason: str
) -> None:
    attempt = send("/accept", **settings)
    assert attempt.result.outcome is Outcome.INVALID
    assert attempt.result.category is Category.CONFIGURATION
    assert attempt.result.reason == reason
    assert attempt.reply is None


def test_it_survives_a_bug_before_sending(send: Deliver, buyers: Buyers) -> None:
    before = buyers.stats()["total"]
    attempt = send("/accept", payload=ZeroDivisionError("john@example.com"))
    assert attempt.result.outcome is Outcome.UNAVAILABLE
    assert attempt.result.category is Category.SYSTEM
    assert "john" not in repr(attempt)
    assert buyers.stats()["total"] == before


def test_it_survives_a_bug_after_the_answer(
    send: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    attempt = send("/accept", reader=Broken())
    assert attempt.result.outcome is Outcome.UNREADABLE
    assert attempt.reply is not None
    assert "KeyError" in caplog.text
    assert "john" not in caplog.text


def test_it_survives_a_bug_while_sending(send: Deliver) -> None:
    class BrokenDoor:
        def send(self, request: object) -> Reply:
            raise KeyError("x")

    assert send("/accept", door=BrokenDoor()).result.outcome is Outcome.UNKNOWN


def test_it_records_no_secret_even_when_the_buyer_echoes_it(send: Deliver) -> None:
    attempt = send("/echo", payload={"note": f"token is {SECRET}", "card": "4111 1111 1111 1111"})
    assert attempt.request is not None
    assert attempt.reply is not None
    assert SECRET not in repr(attempt)
    assert "4111" not in repr(attempt)
    assert attempt.request.headers["Authorization"] == MASK
    assert MASK in attempt.reply.body


def test_it_records_a_key_in_the_address_masked(send: Deliver) -> None:
    auth = Auth(AuthKind.API_KEY, name="k", secret=SECRET, place="query")
    attempt = send("/accept", auth=auth)
    assert attempt.request is not None
    assert attempt.request.url.endswith(f"/accept?k={MASK}")


def test_it_records_compressed_bodies_as_text(send: Deliver) -> None:
    attempt = send("/accept", payload={"a": "b"}, compress=True)
    assert attempt.request is not None
    assert attempt.request.body == '{"a":"b"}'


def test_it_bounds_what_it_records(send: Deliver) -> None:
    noise = os.urandom(200_000).hex()
    for compress in (False, True):
        attempt = send("/accept", payload={"a": noise}, compress=compress)
        assert attempt.request is not None
        assert len(attempt.request.body) == MAX_RECORDED


def test_it_records_what_a_database_can_hold(send: Deliver) -> None:
    attempt = send("/echo", payload={"a": "\0"})
    assert attempt.request is not None
    assert "\0" not in repr(attempt)


def test_it_reads_the_status_of_an_error_page_too_long_to_read(send: Deliver) -> None:
    class LongPage:
        def send(self, request: object) -> Reply:
            raise ReplyTooLarge("too long", status=503, headers={}, body=b"<html>")

    attempt = send("/accept", door=LongPage())
    assert attempt.result.outcome is Outcome.SERVER_ERROR
    assert attempt.reply is not None
    assert attempt.reply.status == 503
