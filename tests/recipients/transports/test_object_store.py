from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadops.lib import ids
from leadops.lib.http import Door
from leadops.lib.objectstore import checked_key
from recipients import addresses
from recipients.deliver import Attempt, deliver
from recipients.integrations.base import FieldError
from recipients.integrations.stores import OBJECT_STORE, OPTIONS, check
from recipients.mapping import Row, compile_rows, compile_template
from recipients.options import compile_options
from recipients.outcomes import Category, Outcome
from recipients.plan import Auth, AuthKind, BodyFormat, EndpointPlan, RecipientPlan
from recipients.responses import compile_reader
from recipients.transports import Job, NotSendable
from recipients.transports.object_store import ObjectStoreTransport
from recipients.transports.parcels import Parcel
from tests.leadops.http.servers import answers, raw_server
from tests.objectstores import READ_ONLY, Store
from tests.recipients.transports.contract import AnyTransportContract

TRANSPORT = ObjectStoreTransport()
KEY = "dlv_1"
CONTEXT: dict[str, Any] = {
    "lead": {"id": "lead_1", "name": "Zoë"},
    "source": {},
    "flow": {"slug": "auto"},
    "recipient": {"folder": "in"},
    "now": datetime(2026, 3, 1, tzinfo=UTC),
}


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    opened = Door(private_networks=[ip_network("127.0.0.0/8")])
    yield opened
    opened.close()


def endpoint(url: str, store: str, **settings: Any) -> EndpointPlan:
    options = {"endpoint": store, "region": "eu-central-1", **settings.pop("options", {})}
    auth = Auth(
        settings.pop("auth", AuthKind.BASIC),
        username=settings.pop("access_key", "AKIA1"),
        secret=settings.pop("secret", "s3cret-key"),
    )
    return EndpointPlan(
        "ept_1",
        compile_template(url),
        integration="object_store",
        options=compile_options(OPTIONS, options),
        auth=auth,
        format=settings.pop("format", BodyFormat.JSON),
        **settings,
    )


def job(
    url: str = "s3://acme-leads/in/", store: str = "http://127.0.0.1:9", **settings: Any
) -> Job:
    payload = settings.pop("payload", {"name": "Zoë", "state": "TX"})
    context = {**CONTEXT, **settings.pop("context", {})}
    own = {"attempt", "idempotency_key", "timeout", "test"} & settings.keys()
    values: dict[str, Any] = {"attempt": 1, "idempotency_key": KEY, "timeout": 30.0}
    values |= {name: settings.pop(name) for name in own}
    return Job(payload, endpoint(url, store, **settings), context, **values)


def sent(store: Store, door: Door, url: str = "s3://acme-leads/in/", **settings: Any) -> Attempt:
    """One attempt of a whole delivery, read as the integration reads it."""
    known = {"access_key": store.access_key, "secret": store.secret, **settings}
    key = known.pop("key", KEY)
    at = endpoint(url, known.pop("at", store.url), **known)
    plan = RecipientPlan(
        "rcp_1",
        "acme",
        "Acme",
        mapping=compile_rows([Row("name", "{{lead.name}}")]),
        reader=compile_reader(OBJECT_STORE.reading),
    )
    return deliver(plan, at, CONTEXT, attempt=1, idempotency_key=key, test=False, door=door)


class TestContract(AnyTransportContract):
    transport = TRANSPORT

    def job_at(self, port: int, *, host: str = "127.0.0.1", **settings: object) -> Job:
        return job(store=f"http://{host}:{port}", **settings)


def test_it_puts_a_lead_and_tells_what_it_put(store: Store, door: Door) -> None:
    made = sent(store, door, options={"encryption": "AES256"})
    found = store.read("in/dlv_1.json")
    assert json.loads(found["Body"]) == {"name": "Zoë"}
    assert found["ContentType"] == "application/json"
    assert found["Metadata"] == {"delivery": KEY}
    assert found["ServerSideEncryption"] == "AES256"
    assert made.result.outcome is Outcome.ACCEPTED
    assert made.result.buyer_lead_id == "in/dlv_1.json"
    told = json.loads(made.reply.body)
    assert found["ETag"] == f'"{told["etag"]}"'
    assert (told["bucket"], told["size"]) == ("acme-leads", len(found["Body"]))
    assert store.secret not in str(made)
    assert made.request.url.endswith("/acme-leads/in/dlv_1.json")


def test_a_repeated_attempt_puts_the_same_object_on_any_day(store: Store, door: Door) -> None:
    at = datetime(2026, 2, 28, 23, 59, tzinfo=UTC)
    key = ids.new_id("dlv", at)
    url = 's3://acme-leads/{{format now "YYYY-MM-DD"}}/'
    for _ in range(2):
        assert sent(store, door, url, key=key).result.outcome is Outcome.ACCEPTED
    assert [each for each in store.listed() if key in each] == [f"2026-02-28/{key}.json"]


def test_a_batch_is_one_object() -> None:
    parcel = Parcel("leads-btc_1.csv", "text/csv", b"id\r\n1\r\n", 1)
    request = TRANSPORT.build(job(payload=parcel, format=BodyFormat.FORM))
    assert request.url.endswith("/acme-leads/in/leads-btc_1.csv")
    assert (request.body, request.headers["content-type"]) == (parcel.data, "text/csv")


@pytest.mark.parametrize(
    ("changed", "outcome", "says"),
    [
        ({"secret": "wr0ng-secret"}, Outcome.UNAUTHORIZED, "The signature does not match"),
        ({"url": f"s3://{READ_ONLY}/"}, Outcome.UNAUTHORIZED, "may not write there"),
    ],
)
def test_it_says_what_a_store_refuses(
    store: Store, door: Door, changed: dict[str, Any], outcome: Outcome, says: str
) -> None:
    made = sent(store, door, **changed)
    assert made.result.outcome is outcome
    assert says in made.result.reason
    assert "wr0ng-secret" not in str(made)
    assert made.reply.status == 403


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        ("503 Slow Down", "<Error><Code>SlowDown</Code></Error>", Outcome.RATE_LIMITED),
        ("503 Busy", "upstream is busy", Outcome.RATE_LIMITED),
        ("500 Error", "<Error><Code>InternalError</Code></Error>", Outcome.SERVER_ERROR),
        ("400 Bad", "<Error><Code>RequestTimeout</Code></Error>", Outcome.SERVER_ERROR),
        ("404 None", "<Error><Code>NoSuchBucket</Code></Error>", Outcome.INVALID),
        ("400 Bad", "<Error><Code>ExpiredToken</Code></Error>", Outcome.UNAUTHORIZED),
        ("403 Skew", "<Error><Code>RequestTimeTooSkewed</Code></Error>", Outcome.INVALID),
    ],
)
def test_it_reads_what_stores_say(
    store: Store, door: Door, status: str, body: str, outcome: Outcome
) -> None:
    reply = f"HTTP/1.1 {status}\r\nRetry-After: 7\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    with raw_server(answers(reply.encode())) as server:
        result = sent(store, door, at=server.url).result
    assert result.outcome is outcome
    if outcome is Outcome.RATE_LIMITED:
        assert result.retry_after == 7
    if outcome is Outcome.INVALID:
        assert result.category is Category.CONFIGURATION
        assert result.reason[0].isupper()


def test_it_knows_nothing_of_a_lost_answer(store: Store, door: Door) -> None:
    with raw_server(answers(b"HTTP/1.1 200 OK\r\nContent-Le")) as server:
        assert sent(store, door, at=server.url).result.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"auth": AuthKind.NONE}, "basic: access key and secret"),
        ({"format": BodyFormat.FORM}, "JSON, XML or CSV"),
        ({"url": "s3://Acme/"}, "3 to 63 small letters"),
        ({"options": {"kms_key": "k"}}, "aws:kms"),
    ],
)
def test_it_refuses_what_cannot_be_sent(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(NotSendable, match=says):
        TRANSPORT.build(job(**settings))


@given(st.text(max_size=60), st.text(min_size=1, max_size=30))
def test_values_of_a_lead_stay_in_the_name(value: str, key: str) -> None:
    made = job(
        options={"file_name": "{{lead.name}}"},
        context={"lead": {"name": value}},
        idempotency_key=f"d{key}",
    )
    path = TRANSPORT.build(made).url.partition("/acme-leads/")[2]
    assert path.startswith("in/")
    assert path.count("/") == 1
    assert checked_key(path)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s3://{{lead.bucket}}/in/", "may not choose"),
        ("s3://acme/{{lead.state}}/", "may not choose bucket or folder"),
        ("s3://acme/../other/", "without"),
        ("s3://key:secret@acme/", "credentials"),
    ],
)
def test_staff_choose_the_place(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        addresses.check(url)
    addresses.check('s3://acme/{{flow.slug}}/{{format now "YYYY"}}/')


class _Written:
    url = "s3://acme-leads/in/"
    format = "json"
    auth = "basic"
    auth_username = "AKIA1"
    auth_secret = "${S3_SECRET}"

    def __init__(self, **changed: str) -> None:
        vars(self).update(changed)


@pytest.mark.parametrize(
    ("changed", "options", "field"),
    [
        ({"format": "form"}, {}, "format"),
        ({"auth": "bearer"}, {}, "auth"),
        ({"url": "s3://Acme/"}, {}, "url"),
        ({"auth_username": "a b"}, {}, "auth_username"),
        ({}, {"kms_key": "k", "session_token": "${TOKEN}"}, "options"),
    ],
)
def test_it_says_at_save_which_field_is_wrong(
    changed: dict[str, str], options: dict[str, Any], field: str
) -> None:
    check(_Written(), compile_options(OPTIONS, {}))
    with pytest.raises(FieldError) as caught:
        check(_Written(**changed), compile_options(OPTIONS, options))
    assert caught.value.field == field
