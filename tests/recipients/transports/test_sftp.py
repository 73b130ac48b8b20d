from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paramiko
import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from leadops.lib.http import Door, Reply
from leadops.lib.ssh_keys import host_keys
from recipients.deliver import deliver
from recipients.integrations.files import OPTIONS
from recipients.mapping import Row, compile_rows, compile_template
from recipients.options import compile_options
from recipients.outcomes import Category, Outcome
from recipients.plan import Auth, AuthKind, BodyFormat, EndpointPlan, RecipientPlan
from recipients.responses import ReaderSpec, compile_reader
from recipients.transports import Job, NotSendable
from recipients.transports.sftp import SftpTransport
from tests.leadops.http.servers import raw_server
from tests.recipients.transports.contract import AnyTransportContract
from tests.recipients.transports.file_servers import (
    PASSWORD,
    USER,
    Faults,
    FileServer,
    Key,
    Sshd,
    file_server,
    needs_sshd,
    new_key,
    sshd,
)

TRANSPORT = SftpTransport()
SOME_KEY = new_key().public
CONTEXT: dict[str, Any] = {
    "lead": {"id": "lead_1", "name": "Zoë"},
    "source": {},
    "flow": {"slug": "auto"},
    "recipient": {"folder": "in"},
    "now": datetime(2026, 3, 1, tzinfo=UTC),
}


def job(url: str, *, host_key: str = SOME_KEY, **settings: Any) -> Job:
    options = compile_options(OPTIONS, {"host_key": host_key, **settings.pop("options", {})})
    auth = Auth(
        settings.pop("auth", AuthKind.BASIC),
        username=settings.pop("user", USER),
        secret=settings.pop("secret", PASSWORD),
    )
    at = EndpointPlan(
        "ept_1",
        compile_template(url),
        integration="sftp",
        options=options,
        auth=auth,
        format=settings.pop("format", BodyFormat.JSON),
    )
    payload = settings.pop("payload", {"name": "Zoë", "state": "TX"})
    context = {**CONTEXT, **settings.pop("context", {})}
    values: dict[str, Any] = {"attempt": 1, "idempotency_key": "dlv_1", "timeout": 30.0}
    return Job(payload, at, context, **{**values, **settings})


def send(made: Job, door: Door) -> Reply:
    return TRANSPORT.send(TRANSPORT.build(made), job=made, door=door)


def outcome_of(reply: Reply) -> Outcome:
    return compile_reader(ReaderSpec()).read(reply).outcome


class TestSftp(AnyTransportContract):
    transport = TRANSPORT

    def job_at(self, port: int, *, host: str = "127.0.0.1", **settings: object) -> Job:
        return job(f"sftp://{host}:{port}/in/", **settings)


CONTRACT = TestSftp()


# OpenSSH's own server


@pytest.fixture(scope="module")
def client_key() -> Key:
    return new_key()


@pytest.fixture(scope="module")
def openssh(tmp_path_factory: pytest.TempPathFactory, client_key: Key) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd"), client_key) as running:
        yield running


@pytest.fixture
def at(openssh: Sshd, client_key: Key, tmp_path: Path) -> Any:
    def at(folder: str = "", **settings: Any) -> Job:
        values: dict[str, Any] = {
            "host_key": openssh.host_keys[1].public,
            "user": openssh.user,
            "secret": client_key.private,
            **settings,
        }
        return job(f"sftp://127.0.0.1:{openssh.port}{tmp_path}{folder}/", **values)

    return at


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@needs_sshd
def test_it_leaves_a_file_for_each_lead(at: Any, door: Door, tmp_path: Path) -> None:
    reply = send(at(), door)
    assert (reply.status, reply.protocol) == (201, "SFTP")
    assert outcome_of(reply) is Outcome.ACCEPTED
    send(at(idempotency_key="dlv_2", format=BodyFormat.CSV), door)
    send(at(idempotency_key="dlv_3", format=BodyFormat.XML), door)
    assert names(tmp_path) == ["dlv_1.json", "dlv_2.csv", "dlv_3.xml"]
    assert json.loads((tmp_path / "dlv_1.json").read_text()) == {"name": "Zoë", "state": "TX"}
    assert (tmp_path / "dlv_2.csv").read_bytes() == "name,state\r\nZoë,TX\r\n".encode()


@needs_sshd
def test_it_changes_nothing_by_a_repeated_attempt(at: Any, door: Door, tmp_path: Path) -> None:
    for attempt in (1, 2):
        assert send(at(attempt=attempt), door).status == 201
    assert names(tmp_path) == ["dlv_1.json"]


@needs_sshd
def test_it_names_files_by_template(at: Any, door: Door, tmp_path: Path) -> None:
    options = {"file_name": "{{flow.slug}} {{lead.name}}"}
    send(at(options=options), door)
    send(at(options=options, test=True), door)
    send(
        at(options={"file_name": "x-{{delivery.id}}.json"}, context={"delivery": {"id": "dlv_1"}}),
        door,
    )
    assert names(tmp_path) == [
        "auto Zoë-dlv_1.json".replace(" ", "-"),
        "test-auto-Zoë-dlv_1.json",
        "x-dlv_1.json",
    ]


@needs_sshd
def test_it_adds_rows_once_under_columns_that_stay(at: Any, door: Door, tmp_path: Path) -> None:
    def row(key: str, payload: dict[str, Any], **settings: Any) -> Reply:
        options = {"mode": "append", "csv_columns": "name, state", "file_name": "leads"}
        made = at(
            format=BodyFormat.CSV, options=options, payload=payload, idempotency_key=key, **settings
        )
        return send(made, door)

    row("dlv_1", {"name": "Zoë"})
    row("dlv_2", {"state": "TX", "name": "a,b\nc"})
    for attempt in (1, 2):
        assert row("dlv_1", {"name": "Zoë"}, attempt=attempt).status == 201
    with (tmp_path / "leads.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["delivery_id", "name", "state"],
            ["dlv_1", "Zoë", ""],
            ["dlv_2", "a,b\nc", "TX"],
        ]
    assert names(tmp_path) == ["leads.csv"]


@needs_sshd
def test_it_adds_lines_of_json(at: Any, door: Door, tmp_path: Path) -> None:
    for key in ("dlv_1", "dlv_2", "dlv_1"):
        send(at(options={"mode": "append"}, idempotency_key=key), door)
    lines = [json.loads(line) for line in (tmp_path / "leads.json").read_text().splitlines()]
    assert [line["delivery_id"] for line in lines] == ["dlv_1", "dlv_2"]
    assert lines[0]["name"] == "Zoë"


@needs_sshd
def test_it_loses_no_row_of_many_at_once(at: Any, door: Door, tmp_path: Path) -> None:
    options = {"mode": "append", "csv_columns": "name,state"}
    keys = [f"dlv_{number}" for number in range(6)]
    made = [at(format=BodyFormat.CSV, options=options, idempotency_key=key) for key in keys]
    threads = [threading.Thread(target=send, args=(one, door)) for one in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    rows = list(csv.reader((tmp_path / "leads.csv").read_text().splitlines()))
    assert rows[0] == ["delivery_id", "name", "state"]
    assert sorted(row[0] for row in rows[1:]) == keys


@needs_sshd
def test_it_ends_a_line_that_somebody_left_open(at: Any, door: Door, tmp_path: Path) -> None:
    (tmp_path / "leads.json").write_text('{"delivery_id":"other"')
    send(at(options={"mode": "append"}), door)
    first, second = (tmp_path / "leads.json").read_text().splitlines()
    assert first == '{"delivery_id":"other"'
    assert json.loads(second)["delivery_id"] == "dlv_1"


@needs_sshd
def test_it_does_not_add_to_other_columns(at: Any, door: Door, tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("phone\r\n1\r\n")
    options = {"mode": "append", "csv_columns": "name,state"}
    reply = send(at(format=BodyFormat.CSV, options=options), door)
    assert outcome_of(reply) is Outcome.INVALID
    assert (tmp_path / "leads.csv").read_text() == "phone\n1\n"


@needs_sshd
def test_it_says_that_there_is_no_such_folder(at: Any, door: Door) -> None:
    reply = send(at("/nowhere"), door)
    assert outcome_of(reply) is Outcome.INVALID
    assert b"no such folder" in reply.body


@needs_sshd
def test_it_stops_where_it_may_not_write(
    client_key: Key, door: Door, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("readonly")
    with sshd(folder, client_key, read_only=True) as running:
        made = job(
            f"sftp://127.0.0.1:{running.port}{tmp_path}/",
            host_key=running.host_keys[1].public,
            user=running.user,
            secret=client_key.private,
        )
        reply = send(made, door)
    assert outcome_of(reply) is Outcome.UNAUTHORIZED
    assert b"permission denied" in reply.body
    assert names(tmp_path) == []


@needs_sshd
def test_it_takes_host_keys_of_any_kind(at: Any, openssh: Sshd, door: Door) -> None:
    for key in openssh.host_keys:
        assert send(at(host_key=key.public), door).status == 201
        assert send(at(host_key=f"[127.0.0.1]:{openssh.port} {key.public}"), door).status == 201
    # While the buyer changes it there are two.
    both = f"{SOME_KEY}, {openssh.host_keys[1].public}"
    assert send(at(host_key=both), door).status == 201


@needs_sshd
def test_it_goes_to_no_server_with_another_key(
    at: Any, openssh: Sshd, door: Door, tmp_path: Path
) -> None:
    failure = CONTRACT.failure(at(host_key=SOME_KEY), door)
    assert failure.category is Category.SECURITY
    assert not failure.may_have_arrived
    (shown,) = host_keys(openssh.host_keys[1].public)
    assert shown in failure.details
    assert names(tmp_path) == []
    # What it showed is what staff may take over.
    assert send(at(host_key=shown.split()[1]), door).status == 201


@needs_sshd
def test_it_logs_in_with_keys_of_any_kind(
    at: Any, door: Door, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    for key in (
        new_key("rsa"),
        new_key("rsa", format=PrivateFormat.PKCS8),
        new_key(format=PrivateFormat.PKCS8),
    ):
        with sshd(tmp_path_factory.mktemp("keys"), key) as running:
            made = job(
                f"sftp://127.0.0.1:{running.port}{tmp_path}/",
                host_key=running.host_keys[1].public,
                user=running.user,
                secret=key.private,
            )
            assert send(made, door).status == 201


@needs_sshd
def test_it_tells_a_refused_login(at: Any, door: Door) -> None:
    failure = CONTRACT.failure(at(secret=new_key().private), door)
    assert failure.category is Category.AUTHENTICATION
    assert not failure.may_have_arrived


# A server that fails


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    (tmp_path / "in").mkdir()
    with file_server(tmp_path) as running:
        yield running


def to(server: FileServer, **settings: Any) -> Job:
    settings.setdefault("host_key", server.host_key.public)
    return job(f"sftp://127.0.0.1:{server.port}/in", **settings)


def test_it_logs_in_with_a_password(server: FileServer, door: Door) -> None:
    assert send(to(server), door).status == 201
    assert names(server.root / "in") == ["dlv_1.json"]
    failure = CONTRACT.failure(to(server, secret="wrong"), door)
    assert failure.category is Category.AUTHENTICATION
    assert "wrong" not in failure.details


def test_it_manages_without_the_extension_for_renaming(server: FileServer, door: Door) -> None:
    server.faults.lacks_posix_rename = True
    for _ in range(2):
        assert send(to(server), door).status == 201
    assert names(server.root / "in") == ["dlv_1.json"]


@pytest.mark.parametrize("at", ["write", "rename"])
def test_it_leaves_nothing_on_a_full_disk(server: FileServer, door: Door, at: str) -> None:
    server.faults = Faults(at=at, how=paramiko.SFTP_FAILURE)
    reply = send(to(server), door)
    assert outcome_of(reply) is Outcome.SERVER_ERROR
    assert names(server.root / "in") == []


def test_it_does_not_show_a_file_of_which_a_part_is_missing(server: FileServer, door: Door) -> None:
    server.faults.keeps = 5
    assert outcome_of(send(to(server), door)) is Outcome.SERVER_ERROR
    assert names(server.root / "in") == []


@pytest.mark.parametrize(("at", "arrived"), [("open", False), ("write", False), ("rename", True)])
@pytest.mark.parametrize("how", ["drop", "hang"])
def test_it_knows_how_far_it_came(
    server: FileServer, door: Door, at: str, how: str, arrived: bool
) -> None:
    server.faults = Faults(at=at, how=how)
    timeout = 3.0 if how == "hang" else 30.0
    failure = CONTRACT.failure(to(server, timeout=timeout), door)
    assert failure.may_have_arrived is arrived
    assert failure.category is Category.NETWORK
    assert "dlv_1.json" not in names(server.root / "in")


def test_it_leaves_open_whether_a_row_arrived(server: FileServer, door: Door) -> None:
    made = to(server, options={"mode": "append"})
    send(made, door)
    server.faults = Faults(at="write", how="drop")
    again = to(server, options={"mode": "append"}, idempotency_key="dlv_2")
    assert CONTRACT.failure(again, door).may_have_arrived


def test_it_tells_a_server_that_speaks_something_else(door: Door) -> None:
    with raw_server(lambda conn: conn.sendall(b"220 mail.example\r\n" * 200)) as server:
        failure = CONTRACT.failure(job(f"sftp://127.0.0.1:{server.port}/in/"), door)
    assert not failure.may_have_arrived


# Messages


@given(st.text(max_size=30))
def test_it_lets_no_value_choose_the_folder(value: str) -> None:
    made = job(
        "sftp://files.example/in/",
        options={"file_name": "{{lead.x}}"},
        context={"lead": {"x": value}},
    )
    url = TRANSPORT.build(made).url
    folder, _, name = url.rpartition("/")
    assert folder == "sftp://files.example/in"
    assert name.endswith("dlv_1.json")
    assert not name.startswith(".")


def test_it_fills_in_folders_from_what_is_staffs() -> None:
    made = job("sftp://files.example/{{recipient.folder}}/{{flow.slug}}/")
    assert TRANSPORT.build(made).url == "sftp://files.example/in/auto/dlv_1.json"


@pytest.mark.parametrize(
    "settings",
    [
        {"format": BodyFormat.FORM},
        {"auth": AuthKind.BEARER},
        {"options": {"mode": "append"}, "format": BodyFormat.XML},
        {
            "options": {"mode": "append", "csv_columns": "name"},
            "format": BodyFormat.CSV,
        },
    ],
)
def test_it_says_what_it_cannot_write(settings: dict[str, Any]) -> None:
    with pytest.raises(NotSendable):
        TRANSPORT.build(job("sftp://files.example/in/", **settings))


def test_it_marks_test_leads() -> None:
    assert TRANSPORT.build(job("sftp://f.example/in/", test=True)).headers["X-LeadOps-Test"] == "1"


@pytest.mark.parametrize("text", ["", "ssh-ed25519", "ssh-ed25519 !!", "SHA256:short", "any"])
def test_it_refuses_what_is_no_host_key(text: str) -> None:
    with pytest.raises(ValueError):
        host_keys(text)


# As attempts of a recipient


def test_it_comes_to_an_outcome(server: FileServer, door: Door) -> None:
    recipient = RecipientPlan(
        "rcp_1",
        "abc",
        "ABC",
        mapping=compile_rows([Row("name", "{{lead.name}}")]),
        reader=compile_reader(ReaderSpec()),
        integration="sftp",
    )

    def outcome(**settings: Any) -> Outcome:
        made = to(server, **settings)
        return deliver(
            recipient,
            made.endpoint,
            CONTEXT,
            attempt=1,
            idempotency_key="dlv_1",
            test=False,
            door=door,
        ).result.outcome

    assert outcome() is Outcome.ACCEPTED
    assert json.loads((server.root / "in" / "dlv_1.json").read_text()) == {"name": "Zoë"}
    assert outcome(secret="wrong") is Outcome.UNAUTHORIZED
    assert outcome(host_key=SOME_KEY) is Outcome.UNAVAILABLE
    server.faults = Faults(at="rename", how="drop")
    assert outcome() is Outcome.UNKNOWN
