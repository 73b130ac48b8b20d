from __future__ import annotations

import gzip
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from leadops.buyers import Buyers, running_buyers
from leadops.buyers.behaviours import BEHAVIOURS
from leadops.lib.http import Door, Reply, Request, errors


@pytest.fixture(scope="module")
def buyers() -> Iterator[Buyers]:
    with running_buyers() as running:
        yield running


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    door = Door(private_networks=[ip_network("127.0.0.0/8")])
    yield door
    door.close()


@pytest.fixture
def post(buyers: Buyers, door: Door):  # type: ignore[no-untyped-def]
    def send(path: str, *, key: str = "", timeout: float = 5.0, body: bytes = b"{}") -> Reply:
        headers = {"Idempotency-Key": key} if key else {}
        return door.send(Request("POST", buyers.url + path, headers, body, timeout))

    return send


def test_it_accepts_as_the_documents_show(post) -> None:  # type: ignore[no-untyped-def]
    reply = post("/accept?price=52.50")
    value = json.loads(reply.body)
    assert reply.status == 200
    assert value["status"] == value["result"] == "accepted"
    assert value["price"] == value["payout"] == 52.5
    assert b'"price":52.50' in reply.body
    assert value["leadId"] == value["lead_id"]
    assert value["leadId"] != json.loads(post("/accept").body)["leadId"]


def test_it_calls_it_success(post) -> None:  # type: ignore[no-untyped-def]
    value = json.loads(post("/success?price=52.50").body)
    assert (value["status"], value["price"], value["message"]) == ("success", 52.5, "Lead accepted")


def test_it_accepts_in_xml(post) -> None:  # type: ignore[no-untyped-def]
    body = post("/accept.xml").body
    assert body.startswith(b"<response><result>accepted</result><id>")
    assert body.endswith(b"<amount>45.00</amount></response>")


@pytest.mark.parametrize(
    ("path", "status", "part"),
    [
        ("/accept.txt", 200, b"OK"),
        ("/reject?reason=Too%20old", 200, b'"reason": "Too old"'),
        ("/reject.xml?reason=a%3Cb", 200, b"a&lt;b"),
        ("/duplicate", 409, b"uplicate"),
        ("/duplicate200", 200, b"DUP"),
        ("/invalid", 400, b"Missing field: phone"),
        ("/invalid?status=422&field=zip", 422, b"Missing field: zip"),
        ("/unauthorized", 401, b"expired"),
        ("/forbidden", 403, b""),
        ("/ratelimit", 429, b""),
        ("/error", 500, b""),
        ("/error?status=503", 503, b""),
        ("/empty", 200, b""),
        ("/garbage?in=body", 200, b"\xff\xfe"),
        ("/sandbox/abc", 200, b"SANDBOX"),
        ("/bid?price=12", 200, b'"bid":12,'),
        ("/nowhere", 404, b""),
    ],
)
def test_it_behaves_by_path(post, path: str, status: int, part: bytes) -> None:  # type: ignore[no-untyped-def]
    for prefix in ("", "/b/abc-insurance"):
        reply = post(prefix + path)
        assert reply.status == status
        assert part in reply.body


def test_it_bids_more_or_less_and_sometimes_not(post) -> None:  # type: ignore[no-untyped-def]
    replies = [
        json.loads(post("/b/bidder/bid?price=50&spread=10&decline=0.3&seed=7").body)
        for _ in range(40)
    ]
    bids = [each["bid"] for each in replies if each["status"] == "bid"]
    declined = [each for each in replies if each["status"] == "no_bid"]
    assert len(bids) + len(declined) == 40
    assert bids
    assert declined
    assert len(set(bids)) > 1
    assert all(40 <= each <= 60 for each in bids)
    assert declined[0]["reason"]


def test_it_packs_its_answer_for_who_takes_gzip(buyers: Buyers) -> None:
    with socket.create_connection(("127.0.0.1", buyers.port), timeout=10) as client:
        client.sendall(b"GET /accept.gz HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n")
        head, _, body = client.recv(65536).partition(b"\r\n\r\n")
        assert b"Content-Encoding: gzip" in head
        assert json.loads(gzip.decompress(body))["status"] == "accepted"
        client.sendall(b"GET /accept.gz HTTP/1.1\r\n\r\n")
        head, _, body = client.recv(65536).partition(b"\r\n\r\n")
        assert b"Content-Encoding" not in head
        assert json.loads(body)["status"] == "accepted"


def test_it_answers_as_it_is_told(post) -> None:  # type: ignore[no-untyped-def]
    reply = post("/reply?status=202&type=text/plain&body=OK+then")
    assert (reply.status, reply.headers["content-type"], reply.body) == (
        202,
        "text/plain",
        b"OK then",
    )


def test_it_names_every_field_that_is_wrong(post) -> None:  # type: ignore[no-untyped-def]
    bad = post("/validate", body=b'{"email": "invalid-email", "phone_1": "123", "state": "XX"}')
    assert bad.status == 400
    assert set(json.loads(bad.body)["errors"]) == {"email", "phone_1", "state"}
    assert post("/validate", body=b"not JSON").status == 400
    good = b'{"email": "test@example.com", "phone_1": "5555551234", "state": "CA"}'
    assert post("/validate", body=good).status == 200


def test_it_names_the_time_to_wait(post) -> None:  # type: ignore[no-untyped-def]
    assert post("/ratelimit?after=7").headers["retry-after"] == "7"
    assert "retry-after" not in post("/ratelimit?after=").headers


def test_it_redirects_where_it_is_told(post) -> None:  # type: ignore[no-untyped-def]
    reply = post("/redirect?to=http://169.254.169.254/")
    assert (reply.status, reply.headers["location"]) == (302, "http://169.254.169.254/")


def test_it_answers_late(post) -> None:  # type: ignore[no-untyped-def]
    assert post("/slow?ms=150").seconds >= 0.15
    assert post("/accept?delay=0.1").seconds >= 0.1


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/hang", errors.DeadlineExceeded),
        ("/dribble", errors.DeadlineExceeded),
        ("/dribble?in=header", errors.DeadlineExceeded),
        ("/reset", errors.ConnectionLost),
        ("/reset?when=in", errors.ConnectionLost),
        ("/close", errors.ConnectionLost),
        ("/garbage", errors.MalformedReply),
        ("/endless", errors.ReplyTooLarge),
        ("/gzip-bomb", errors.ReplyTooLarge),
    ],
)
def test_it_misbehaves_by_path(post, path: str, error: type[Exception]) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error):
        post(path, timeout=0.4 if error is errors.DeadlineExceeded else 30)


def test_it_fails_a_key_at_first_and_accepts_it_later(post, buyers: Buyers) -> None:  # type: ignore[no-untyped-def]
    statuses = [post("/flaky?fail=2", key="flaky-1").status for _ in range(3)]
    assert statuses == [500, 500, 200]
    assert [entry["repeat"] for entry in buyers.log(idempotency_key="flaky-1")] == [0, 1, 2]


def test_it_mixes_behaviours_the_same_way_for_the_same_seed(buyers: Buyers, post) -> None:  # type: ignore[no-untyped-def]
    def draw(name: str) -> list[bytes]:
        path = f"/b/{name}/chance?accept=0.5&reject=0.3&error=0.2&seed=7"
        return [post(path).body[:22] for _ in range(60)]

    first = draw("one")
    assert first == draw("two")
    assert len(set(first)) == 3


def test_it_looks_phones_up(post) -> None:  # type: ignore[no-untyped-def]
    by_body = json.loads(post("/lookup", body=b'{"phone": "+1 512 555 1234"}').body)
    by_form = json.loads(post("/lookup", body=b"phone=15125551234&x=1").body)
    by_query = json.loads(post("/lookup?phone=15125551234").body)
    assert by_body == by_form == by_query
    assert {"carrier", "type"} <= by_body.keys()
    assert post("/lookup").status == 422


def test_it_logs_what_it_received(post, buyers: Buyers, door: Door) -> None:  # type: ignore[no-untyped-def]
    packed = gzip.compress(b'{"name": "Zo\xc3\xab"}')
    headers = {"Content-Encoding": "gzip", "X-Attempt": "1", "Idempotency-Key": "log-1"}
    door.send(Request("POST", f"{buyers.url}/b/log/accept?a=1", headers, packed))
    with urllib.request.urlopen(f"{buyers.url}/log?path=/b/log&limit=5") as reply:  # noqa: S310
        (entry,) = json.load(reply)["entries"]
    assert entry["method"] == "POST"
    assert entry["path"] == "/b/log/accept"
    assert entry["query"] == {"a": "1"}
    assert entry["headers"]["X-Attempt"] == "1"
    assert entry["body"] == '{"name": "Zoë"}'
    assert entry["idempotency_key"] == "log-1"
    assert entry["status"] == 200
    assert buyers.log(contains="Zoë") == [entry]
    assert buyers.log(path="/b/log", after=str(entry["number"])) == []


def test_it_counts_and_forgets() -> None:
    with running_buyers(log_size=2) as buyers:
        door = Door(private_networks=[ip_network("127.0.0.0/8")])
        for key in ("a", "a", "b"):
            door.send(Request("POST", f"{buyers.url}/accept", {"Idempotency-Key": key}))
        stats = json.loads(door.send(Request("GET", f"{buyers.url}/stats")).body)
        assert (stats["total"], stats["idempotency_keys"], stats["repeats"]) == (3, 2, 1)
        assert stats["paths"] == {"/accept": 3}
        assert len(buyers.log()) == 2
        assert door.send(Request("DELETE", f"{buyers.url}/log")).status == 204
        assert buyers.stats()["total"] == 0
        door.close()


def test_it_counts_connections() -> None:
    with running_buyers() as buyers:
        for _ in range(3):
            with urllib.request.urlopen(f"{buyers.url}/accept") as answer:  # noqa: S310
                assert answer.status == 200
        assert buyers.stats()["connections"] == 3


def test_it_lists_every_behaviour_on_the_help_page(door: Door, buyers: Buyers) -> None:
    page = door.send(Request("GET", f"{buyers.url}/")).body.decode()
    assert all(f"{path} " in page for path in BEHAVIOURS)
    assert all(function.__doc__ for function in BEHAVIOURS.values())


def test_it_answers_pipelined_requests_in_order(buyers: Buyers) -> None:
    slow = b"POST /slow?ms=100 HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
    quick = b"GET /accept.txt HTTP/1.1\r\n\r\n"
    with socket.create_connection(("127.0.0.1", buyers.port), timeout=5) as client:
        client.sendall(slow + quick)
        data = b""
        while not data.endswith(b"OK"):
            data += client.recv(65536)
    assert data.index(b"accepted") < data.index(b"text/plain")


def test_it_takes_a_request_in_small_pieces(buyers: Buyers) -> None:
    request = b"POST /accept HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    with socket.create_connection(("127.0.0.1", buyers.port), timeout=5) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(request)):
            client.sendall(request[at : at + 1])
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -4\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"X" * 70_000,
    ],
)
def test_it_refuses_what_is_not_http(buyers: Buyers, request_bytes: bytes) -> None:
    with socket.create_connection(("127.0.0.1", buyers.port), timeout=5) as client:
        client.sendall(request_bytes)
        assert client.recv(65536).startswith(b"HTTP/1.1 4")


def test_it_runs_as_a_command_and_stops_on_sigterm() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "django", "buyers", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={
            "DJANGO_SETTINGS_MODULE": "leadops.settings",
            "PYTHONPATH": ".",
            "PATH": "/usr/bin:/bin",
        },
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready http://127.0.0.1:")
        with urllib.request.urlopen(line.split()[1] + "/accept") as reply:  # noqa: S310
            assert reply.status == 200
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - started < 5
    finally:
        process.kill()
        process.wait()


def test_it_answers_each_lead_of_a_batch(post) -> None:  # type: ignore[no-untyped-def]
    leads = b'{"leads": [{"id": "a"}, {"id": "b"}, {"id": "c"}]}'
    said = json.loads(post("/batch?price=4", body=leads).body)["results"]
    assert [(each["id"], each["row"], each["status"]) for each in said] == [
        ("a", 1, "accepted"),
        ("b", 2, "accepted"),
        ("c", 3, "accepted"),
    ]
    said = json.loads(post("/batch?reject=1", body=b"id,email\r\na,x@y.co\r\n").body)["results"]
    assert [each["status"] for each in said] == ["rejected"]
    assert json.loads(post("/batch?silent=1", body=leads).body)["results"] == []
