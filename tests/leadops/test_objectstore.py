from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadops.lib import objectstore
from leadops.lib.http import Door, HttpError, Reply, Request
from leadops.lib.objectstore import Bucket, SettingError, put, signed
from leadops.lib.storewords import Refused, refusal
from tests.leadops.http.servers import raw_server, read_request
from tests.objectstores import READ_ONLY, Store

LOOPBACK = [ip_network("127.0.0.0/8")]
AMAZON = Bucket.of({"bucket": "acme", "access_key": "AKIA1"}, secret="s3cret")


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    opened = Door(private_networks=LOOPBACK)
    yield opened
    opened.close()


def test_it_signs_as_amazon_documents_it() -> None:
    """The example of PUT Object in “Signature Calculations for the Authorization Header”."""
    bucket = Bucket.of(
        {
            "bucket": "examplebucket",
            "access_key": "AKIAIOSFODNN7EXAMPLE",
            "endpoint": "https://s3.amazonaws.com",
        },
        secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    )
    request = Request(
        "PUT",
        bucket.url("test$file.text"),
        {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
        b"Welcome to Amazon S3.",
    )
    made = signed(bucket, request, now=datetime(2013, 5, 24, tzinfo=UTC))
    assert made.url == "https://examplebucket.s3.amazonaws.com/test%24file.text"
    assert made.headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, "
        "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    )
    assert made.headers["x-amz-content-sha256"] == hashlib.sha256(made.body).hexdigest()


def test_it_puts_an_object_in_place_of_another(store: Store, door: Door) -> None:
    bucket = store.bucket(encryption="AES256", storage_class="STANDARD_IA")
    key = "exports/2026/Zoë & söhne (1)+~.csv"
    put(bucket, key, b"old", content_type="text/csv", door=door)
    stored = put(bucket, key, b"id\r\n1\r\n", content_type="text/csv; charset=utf-8", door=door)
    found = store.read(key)
    assert (found["Body"], stored.size) == (b"id\r\n1\r\n", 7)
    assert found["ETag"] == f'"{stored.etag}"'
    assert found["ContentType"] == "text/csv; charset=utf-8"
    assert (found["ServerSideEncryption"], found["StorageClass"]) == ("AES256", "STANDARD_IA")


def test_it_sends_a_large_file_in_parts(
    store: Store, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = 5 * 1024 * 1024  # no store takes less of a part that is not the last
    monkeypatch.setattr(objectstore, "PART", part)
    data = bytes(range(256)) * 45_000  # two parts and a bit
    stored = put(store.bucket(), "large", _Slow(data), content_type="x/y", door=door)
    assert store.read("large")["Body"] == data
    assert (stored.size, stored.etag[-2:]) == (len(data), "-3")
    put(store.bucket(), "even", io.BytesIO(data[: 2 * part]), content_type="x/y", door=door)
    assert len(store.read("even")["Body"]) == 2 * part


class _Slow(io.BytesIO):
    """Gives less than is asked for, as pipes do."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 1_000_000))


def test_it_leaves_no_parts_of_what_it_could_not_finish(
    store: Store, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objectstore, "PART", 5 * 1024 * 1024)
    file = _Broken(bytes(12 * 1024 * 1024))
    with pytest.raises(OSError, match="disk"):
        put(store.bucket(), "broken", file, content_type="x/y", door=door)
    assert "broken" not in store.listed()
    assert store.uploads() == []


class _Broken(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 10 * 1024 * 1024:
            raise OSError("disk is gone")
        return super().read(size)


@pytest.mark.parametrize(
    ("changed", "code", "says", "category"),
    [
        (
            {"secret": "wrong"},
            "SignatureDoesNotMatch",
            "not that of the access key",
            "authentication",
        ),
        ({"access_key": "AKIANOBODY"}, "InvalidAccessKeyId", "does not know", "authentication"),
        ({"bucket": READ_ONLY}, "AccessDenied", "may not write there", "authentication"),
    ],
)
def test_it_says_what_a_store_refuses(
    store: Store, door: Door, changed: dict[str, Any], code: str, says: str, category: str
) -> None:
    with pytest.raises(Refused) as caught:
        put(store.bucket(**changed), "a", b"a", content_type="x/y", door=door)
    assert code in caught.value.code
    assert says in str(caught.value)
    assert caught.value.category == category
    assert store.secret not in str(caught.value)


def test_it_tells_of_a_bucket_that_is_not_there(store: Store, door: Door) -> None:
    with store.open_to_all(), pytest.raises(Refused, match="no such bucket") as caught:
        put(store.bucket(bucket="nobodys"), "a", b"a", content_type="x/y", door=door)
    assert (caught.value.code, caught.value.category) == ("NoSuchBucket", "configuration")


@pytest.mark.parametrize(
    ("status", "body", "says", "category"),
    [
        (
            403,
            "<Error><Code>RequestTimeTooSkewed</Code><RequestTime>20260301T120000Z</RequestTime>"
            "<ServerTime>2026-03-01T12:20:05Z</ServerTime></Error>",
            "clock and the store's are too far apart: by 0:20:05",
            "configuration",
        ),
        (
            400,
            "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>",
            "The region is not the bucket's: eu-west-1",
            "configuration",
        ),
        (
            301,
            '<Error xmlns="x"><Code>PermanentRedirect</Code><Endpoint>a.s3.b</Endpoint></Error>',
            "another endpoint: a.s3.b",
            "configuration",
        ),
        (503, "<Error><Code>SlowDown</Code></Error>", "fewer requests", "rate_limit"),
        (500, "<Error><Code>InternalError</Code></Error>", "failed by itself", "system"),
        (400, "<Error><Code>Odd</Code><Message>So it is.</Message></Error>", "So it is", "config"),
        (502, "<html>Bad gateway", "answers 502", "system"),
        (403, "", "does not let this key", "authentication"),
        (
            400,
            '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><Error><Message>&e;</Message>'
            "</Error>",
            "answers 400",
            "configuration",
        ),
    ],
)
def test_it_reads_what_stores_say(status: int, body: str, says: str, category: str) -> None:
    found = refusal(Reply(status, {"retry-after": "7"}, body.encode()))
    assert says in str(found)
    assert found.category.startswith(category)
    assert found.retry_after == 7


@given(st.binary(max_size=300), st.integers(100, 599))
def test_it_reads_anything_as_a_refusal(body: bytes, status: int) -> None:
    assert str(refusal(Reply(status, {}, body)))


def test_it_repeats_a_part_that_was_lost(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objectstore, "PART", 5 * 1024 * 1024)
    door = _Losing(private_networks=LOOPBACK)
    put(store.bucket(), "lost", bytes(11 * 1024 * 1024), content_type="x/y", door=door)
    assert len(store.read("lost")["Body"]) == 11 * 1024 * 1024
    assert door.losses == 2


class _Losing(Door):
    """Whose answers are lost on the way, each part's first one."""

    losses = 0
    seen = ""

    def send(self, request: Request) -> Reply:
        number = re.search("partNumber=([12])&", request.url)
        reply = super().send(request)
        if number and number[1] not in self.seen:
            self.seen += number[1]
            self.losses += 1
            raise HttpError("gone", may_have_arrived=True)
        return reply


def test_an_error_may_come_after_its_200() -> None:
    """Of CompleteMultipartUpload, whose status goes out before the work is done."""
    reply = Reply(200, {}, b"<Error><Code>InternalError</Code></Error>")
    with pytest.raises(Refused, match="failed by itself"):
        objectstore._completed(reply, "a", 1)


def test_it_does_not_go_to_private_networks(store: Store) -> None:
    with pytest.raises(HttpError, match="private network") as caught:
        put(store.bucket(), "a", b"a", content_type="x/y", door=Door())
    assert not caught.value.may_have_arrived


def test_it_keeps_to_its_deadline() -> None:
    settings = {"bucket": "acme", "access_key": "A"}
    with raw_server(_hangs) as server:
        bucket = Bucket.of({**settings, "endpoint": server.url}, secret="x")
        door = Door(private_networks=LOOPBACK)
        with pytest.raises(HttpError) as caught:
            put(bucket, "a", b"a", content_type="x/y", door=door, timeout=0.3)
    assert caught.value.may_have_arrived


def _hangs(conn: Any) -> None:
    read_request(conn)
    conn.recv(1)


@pytest.mark.parametrize(
    ("style", "endpoint", "url"),
    [
        ("auto", "", "https://acme.s3.us-east-1.amazonaws.com/a"),
        ("auto", "https://minio.acme.com:9000", "https://minio.acme.com:9000/acme/a"),
        ("path", "", "https://s3.us-east-1.amazonaws.com/acme/a"),
        ("virtual", "https://storage.acme.com/", "https://acme.storage.acme.com/a"),
    ],
)
def test_a_bucket_stands_where_its_style_says(style: str, endpoint: str, url: str) -> None:
    settings = {"bucket": "acme", "access_key": "A", "style": style, "endpoint": endpoint}
    assert Bucket.of(settings, secret="x").url("a") == url


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"bucket": "Acme"}, "bucket"),
        ({"bucket": "10.0.0.1"}, "bucket"),
        ({"bucket": "a..b"}, "bucket"),
        ({"region": "eu/west"}, "region"),
        ({"endpoint": "ftp://a.com"}, "endpoint"),
        ({"endpoint": "https://a.com/path"}, "endpoint"),
        ({"access_key": "a b"}, "access_key"),
        ({"kms_key": "k"}, "kms_key"),
        ({"storage_class": "cold\r\nX: y"}, "storage_class"),
        ({"bucket": "a.b.c", "style": "virtual"}, "style"),
    ],
)
def test_it_names_the_setting_that_is_wrong(wrong: dict[str, str], name: str) -> None:
    with pytest.raises(SettingError) as caught:
        Bucket.of({"bucket": "acme", "access_key": "A", **wrong}, secret="x")
    assert caught.value.name == name


@given(st.text(max_size=40))
def test_a_key_is_one_or_is_refused(key: str) -> None:
    try:
        url = AMAZON.url(key)
    except ValueError:
        return
    assert url.startswith("https://acme.s3.us-east-1.amazonaws.com/")
    assert re.fullmatch(r"[A-Za-z0-9/%._~-]+", url.partition(".com/")[2])
    assert "/../" not in url + "/"


def test_secrets_do_not_show() -> None:
    bucket = Bucket.of(
        {"bucket": "acme", "access_key": "A", "session_token": "t0ken"}, secret="s3cret"
    )
    assert "s3cret" not in repr(bucket)
    assert "t0ken" not in repr(bucket)
    headers = signed(bucket, Request("PUT", bucket.url("a"))).headers
    assert headers["x-amz-security-token"] == "t0ken"
    assert "x-amz-security-token" in headers["Authorization"]
