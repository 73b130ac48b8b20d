"""Files taken to real servers on loopback."""

from __future__ import annotations

import base64
import io
import re
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.destinations import ways
from events.destinations.delivering import Sent, Undelivered, deliver, safe_name
from events.models import Destination
from leadops.lib import webhooks
from leadops.lib.http import Door
from recipients.models import Secret
from tests.leadops.http.servers import answers, free_port, raw_server, read_request
from tests.objectstores import READ_ONLY, Store
from tests.recipients.transports.file_servers import (
    PASSWORD,
    USER,
    FileServer,
    file_server,
    needs_sshd,
    new_key,
    sshd,
)
from tests.recipients.transports.mail_servers import mail_server

pytestmark = pytest.mark.django_db
LOOPBACK = [ip_network("127.0.0.0/8")]
KEY = "whsec_" + base64.b64encode(b"k" * 24).decode()
DATA = b"id,name\r\n1,Zo\xc3\xab\r\n"


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    opened = Door(private_networks=LOOPBACK)
    yield opened
    opened.close()


def made(kind: str, settings: dict[str, Any], **fields: Any) -> Destination:
    destination = Destination(slug="nightly", kind=kind, settings=settings, **fields)
    destination.full_clean()
    destination.save()
    return destination


def send(destination: Destination, door: Door, data: bytes = DATA, **more: Any) -> Sent:
    file = io.BytesIO(data)
    file.seek(3)  # wherever it stands
    return deliver(destination, "leads.csv", "text/csv", file, door=door, **more)


def refused(destination: Destination, door: Door, **more: Any) -> Undelivered:
    with pytest.raises(Undelivered) as caught:
        send(destination, door, **more)
    return caught.value


# --- e-mail


def test_it_mails_a_file(door: Door) -> None:
    with mail_server() as mailbox:
        settings = {
            "to": "ops@example.com, finance@example.com",
            "subject": 'Leads of {{format now "YYYY"}}',
            "host": "127.0.0.1",
            "port": mailbox.port,
            "security": "none",
        }
        sent = send(made("email", settings), door)
        (message,) = mailbox.messages
    (attachment,) = message.iter_attachments()
    assert attachment.get_filename() == "leads.csv"
    assert attachment.get_payload(decode=True) == DATA
    assert re.fullmatch(r"Leads of 20\d\d", message["Subject"])
    assert mailbox.envelopes[0].rcpt_tos == ["ops@example.com", "finance@example.com"]
    assert (sent.where, sent.linked) == ("ops@example.com, finance@example.com", False)


def test_a_large_file_is_a_link_in_mail_or_is_refused(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways, "MAX_ATTACHED", 10)
    with mail_server() as mailbox:
        settings = {"to": "ops@example.com", "host": "127.0.0.1", "port": mailbox.port}
        destination = made("email", {**settings, "security": "none"})
        assert "choose SFTP or an object store" in str(refused(destination, door))
        sent = send(destination, door, link="https://leadops.acme.com/files/x1")
        (message,) = mailbox.messages
    assert sent.linked
    assert not list(message.iter_attachments())
    assert "https://leadops.acme.com/files/x1" in message.get_body(("plain",)).get_content()


def test_it_says_that_a_mail_login_is_refused(door: Door) -> None:
    with mail_server(auth=True) as mailbox:
        settings = {"to": "a@example.com", "host": "127.0.0.1", "port": mailbox.port}
        destination = made(
            "email", {**settings, "security": "none", "username": USER}, secret="wr0ng-one"
        )
        failure = refused(destination, door)
    assert failure.category == "authentication"
    assert not failure.may_pass
    assert "wr0ng-one" not in str(failure)


# --- SFTP


@needs_sshd
def test_it_leaves_a_file_on_a_server(tmp_path: Path, door: Door) -> None:
    client = new_key()
    inbox = tmp_path / "in"
    inbox.mkdir()
    with sshd(tmp_path, client) as server:
        settings = {
            "url": f"sftp://127.0.0.1:{server.port}{inbox}/",
            "host_key": server.host_keys[1].public,
            "username": server.user,
        }
        destination = made("sftp", settings, secret=client.private)
        large = bytes(3_000_000)
        sent = send(destination, door, data=large)
        assert send(destination, door, data=DATA).where == sent.where
    assert [each.name for each in inbox.iterdir()] == ["leads.csv"]
    assert (inbox / "leads.csv").read_bytes() == DATA
    assert sent.size == len(large)


def test_it_tries_the_second_value_of_a_secret(tmp_path: Path, door: Door) -> None:
    kept = Secret.objects.create(name="FILES", value="0ld-one", second_value=PASSWORD)
    with file_server(tmp_path) as server:
        settings = _files(server, server.host_key.public)
        destination = made("sftp", settings, secret="${FILES}")
        send(destination, door)
    kept.refresh_from_db()
    assert (tmp_path / "leads.csv").read_bytes() == DATA
    assert kept.serves_second


def test_it_does_not_believe_another_server(tmp_path: Path, door: Door) -> None:
    with file_server(tmp_path) as server:
        destination = made("sftp", _files(server, new_key().public), secret=PASSWORD)
        failure = refused(destination, door)
    assert (failure.reason, failure.category) == ("Unknown host key", "security")
    assert not list(tmp_path.glob("leads*"))


def _files(server: FileServer, host_key: str) -> dict[str, Any]:
    return {"url": f"sftp://127.0.0.1:{server.port}/", "host_key": host_key, "username": USER}


# --- object stores


def test_it_puts_an_object(store: Store, door: Door) -> None:
    settings = store.settings(prefix='exports/{{format now "YYYY"}}/')
    destination = made("object_store", settings, secret=store.secret)
    sent = send(destination, door)
    send(destination, door)
    key = sent.where.removeprefix("s3://acme-leads/")
    assert re.fullmatch(r"exports/20\d\d/leads\.csv", key)
    assert store.read(key)["Body"] == DATA
    assert len([name for name in store.listed() if name.startswith("exports/20")]) == 1


def test_it_says_what_the_store_said(store: Store, door: Door) -> None:
    settings = store.settings(bucket=READ_ONLY)
    failure = refused(made("object_store", settings, secret=store.secret), door)
    assert "may not write there" in str(failure)
    assert failure.category == "authentication"


# --- HTTP


def test_it_posts_a_file_signed(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILES_TOKEN", "t0ken")
    with raw_server(_taking) as server:
        settings = {
            "url": server.url + "in?x=1",
            "method": "PUT",
            "headers": {"Authorization": "Bearer ${FILES_TOKEN}"},
        }
        destination = made("http", settings, secret=KEY)
        sent = send(destination, door, key="exp_1")
        send(destination, door, key="exp_1")
    heads = [_parsed(request) for request in TAKEN]
    headers, body = heads[-1]
    webhooks.verify([KEY], headers, body, now=time.time())
    assert body == DATA
    assert headers["authorization"] == "Bearer t0ken"
    assert headers["webhook-id"] == headers["idempotency-key"] == "exp_1"
    assert heads[-2][0]["webhook-id"] == "exp_1"
    assert 'filename="leads.csv"' in headers["content-disposition"]
    assert "?" not in sent.where


def test_it_signs_with_both_values_of_a_secret(door: Door) -> None:
    other = "whsec_" + base64.b64encode(b"n" * 24).decode()
    Secret.objects.create(name="SIGNING", value=KEY, second_value=other)
    with raw_server(_taking) as server:
        send(made("http", {"url": server.url}, secret="${SIGNING}"), door)
    headers, body = _parsed(TAKEN[-1])
    for one in (KEY, other):
        webhooks.verify([one], headers, body, now=time.time())


TAKEN: list[bytes] = []


def _taking(conn: Any) -> None:
    while request := read_request(conn):
        TAKEN.append(request)
        conn.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")


def _parsed(request: bytes) -> tuple[dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line.decode().partition(": ") for line in head.split(b"\r\n")[1:]]
    return {name.lower(): value for name, _, value in lines}, body


def test_the_same_file_has_the_same_key_without_one(door: Door) -> None:
    with raw_server(_taking) as server:
        destination = made("http", {"url": server.url})
        for data in (DATA, DATA, DATA + b"2\r\n"):
            send(destination, door, data=data)
    first, again, other = [_parsed(each)[0]["idempotency-key"] for each in TAKEN[-3:]]
    assert first == again != other


def test_it_tells_what_may_pass_from_what_needs_somebody(door: Door) -> None:
    busy = b"HTTP/1.1 429 Slow\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"
    wrong = b"HTTP/1.1 422 No\r\nContent-Length: 8\r\n\r\nno PDFs!"
    with raw_server(answers(busy, wrong)) as server:
        destination = made("http", {"url": server.url})
        failure = refused(destination, door)
        assert (failure.may_pass, failure.retry_after) == (True, 30)
        failure = refused(destination, door)
    assert str(failure) == "Server answers 422: no PDFs!"
    assert not failure.may_pass


# --- folders


def test_it_writes_into_a_folder(tmp_path: Path, door: Door, settings: Any) -> None:
    settings.LEADOPS_HOME = tmp_path
    destination = made("file", {"folder": "exports/daily"})
    assert send(destination, door).where == "outbox/exports/daily/leads.csv"
    send(destination, door, data=b"new")
    folder = tmp_path / "outbox/exports/daily"
    assert [each.name for each in folder.iterdir()] == ["leads.csv"]
    assert (folder / "leads.csv").read_bytes() == b"new"


def test_a_folder_does_not_lead_out_of_the_outbox(
    tmp_path: Path, door: Door, settings: Any
) -> None:
    settings.LEADOPS_HOME = tmp_path
    (tmp_path / "outbox").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "outbox/exports").symlink_to(tmp_path / "elsewhere")
    failure = refused(made("file", {"folder": "exports"}), door)
    assert failure.reason == "Folder leads elsewhere"
    assert not list((tmp_path / "elsewhere").iterdir())


# --- all of them


def test_it_notes_how_it_went(door: Door) -> None:
    destination = made("http", {"url": f"http://127.0.0.1:{free_port()}/"})
    failure = refused(destination, door)
    assert failure.may_pass
    assert not failure.may_have_arrived
    destination.refresh_from_db()
    assert destination.failed_reason.startswith("Connection refused")
    with raw_server(_taking) as server:
        destination.settings = {"url": server.url}
        destination.save()
        send(destination, door)
    destination.refresh_from_db()
    assert (destination.failed_at, destination.failed_reason) == (None, "")
    assert destination.delivered_at is not None


def test_it_does_not_go_to_private_networks() -> None:
    with raw_server(_taking) as server:
        failure = refused(made("http", {"url": server.url}), Door())
        assert failure.category == "security"
        assert server.connections == 0


def test_it_sends_nothing_where_it_is_off_or_a_secret_is_missing(door: Door) -> None:
    destination = made("http", {"url": "http://127.0.0.1:9/"}, secret="${NOWHERE}")
    assert "NOWHERE" in str(refused(destination, door))
    destination.active = False
    assert "switched off" in str(refused(destination, door))


@given(st.text(max_size=300))
def test_a_name_is_bare(name: str) -> None:
    try:
        bare = safe_name(name)
    except ValueError:
        return
    assert re.fullmatch(r"[\w@+=,-][\w.@+=,-]*", bare)
    assert len(bare) <= 150
    assert safe_name(bare) == bare


def test_a_name_keeps_its_ending() -> None:
    assert safe_name("../Leads of Zoë (1).csv") == "Leads-of-Zoë-1-.csv"
    assert safe_name("x" * 200 + ".csv").endswith("x.csv")
