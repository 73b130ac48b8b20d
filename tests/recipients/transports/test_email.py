from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadops.lib.http import Door, Reply
from leadops.lib.http.tls import Tls
from leadops.lib.redact import Redactor
from recipients.deliver import deliver
from recipients.integrations.mail import OPTIONS, READING
from recipients.mapping import Row, compile_rows, compile_template
from recipients.options import compile_options
from recipients.outcomes import Outcome
from recipients.plan import EndpointPlan, Pool, RecipientPlan
from recipients.responses import ReaderSpec, compile_reader
from recipients.transports import Job, NotSendable
from recipients.transports.email import ENVELOPE, EmailTransport
from tests.leadops.http.certificates import authority_and_server
from tests.leadops.http.servers import raw_server
from tests.recipients.transports.contract import AnyTransportContract
from tests.recipients.transports.mail_servers import (
    PASSWORD,
    USER,
    Mailbox,
    Script,
    mail_server,
)

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
CONTEXT: dict[str, Any] = {
    "lead": {"id": "lead_1", "first_name": "Zoë", "note": "<b>hi</b>"},
    "source": {"name": "Web"},
    "flow": {},
    "recipient": {},
    "now": NOW,
}
TRANSPORT = EmailTransport()


def job(port: int = 25, *, url: str = "mailto:leads@buyer.example", **settings: Any) -> Job:
    written = {
        "from": "LeadOps <ops@site.example>",
        "host": settings.pop("host", "127.0.0.1"),
        "port": port,
        "security": settings.pop("security", "none"),
        **settings.pop("options", {}),
    }
    fill = {"${PASSWORD}": PASSWORD, "${WRONG}": "wrong"}
    options = compile_options(OPTIONS, written, fill=lambda text: fill.get(text, text))
    pool = Pool(tls=settings.pop("tls")) if "tls" in settings else None
    at = EndpointPlan(
        "ept_1", compile_template(url), integration="email", options=options, pool=pool
    )
    values: dict[str, Any] = {"attempt": 1, "idempotency_key": "dlv_1", "timeout": 20.0}
    payload = settings.pop("payload", {"name": "Zoë", "state": "TX"})
    context = {**CONTEXT, **settings.pop("context", {})}
    return Job(payload, at, context, **{**values, **settings})


def send(made: Job, door: Door) -> Reply:
    return TRANSPORT.send(TRANSPORT.build(made), job=made, door=door)


def outcome_of(reply: Reply) -> Outcome:
    return compile_reader(READING).read(reply).outcome


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as found:
        yield found


class TestEmail(AnyTransportContract):
    transport = TRANSPORT

    def job_at(self, port: int, *, host: str = "127.0.0.1", **settings: object) -> Job:
        return job(port, host=host, **settings)


def test_it_hands_in_the_mapped_fields(mailbox: Mailbox, door: Door) -> None:
    reply = send(job(mailbox.port, attempt=2), door)
    assert (reply.status, reply.protocol) == (250, "SMTP")
    assert outcome_of(reply) is Outcome.ACCEPTED
    (message,) = mailbox.messages
    assert message["From"] == "LeadOps <ops@site.example>"
    assert message["To"] == "leads@buyer.example"
    assert message["Subject"] == "New lead lead_1"
    assert message["Message-ID"] == "<dlv_1@site.example>"
    assert message["X-Attempt"] == "2"
    assert message["Date"].datetime == NOW
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().splitlines() == ["name: Zoë", "state: TX"]
    assert "<td>TX</td>" in html.get_content()


def test_it_writes_subject_text_and_html_by_template(mailbox: Mailbox, door: Door) -> None:
    options = {
        "subject": "{{source.name}}: {{lead.first_name}}",
        "text": "Hello {{lead.first_name}}",
        "html": "<p>{{lead.note}}</p>",
        "reply_to": "desk@site.example",
    }
    send(job(mailbox.port, options=options), door)
    (message,) = mailbox.messages
    assert message["Subject"] == "Web: Zoë"
    assert message["Reply-To"] == "desk@site.example"
    contents = [part.get_content().strip() for part in message.iter_parts()]
    assert contents == ["Hello Zoë", "<p>&lt;b&gt;hi&lt;/b&gt;</p>"]


def test_it_sends_copies_and_hides_blind_ones(mailbox: Mailbox, door: Door) -> None:
    url = "mailto:a@buyer.example,b@bücher.example"
    options = {"cc": "c@buyer.example", "bcc": "d@buyer.example, a@buyer.example"}
    send(job(mailbox.port, url=url, options=options), door)
    assert mailbox.envelopes[0].rcpt_tos == [
        "a@buyer.example",
        "b@xn--bcher-kva.example",
        "c@buyer.example",
        "d@buyer.example",
    ]
    assert b"d@buyer.example" not in mailbox.envelopes[0].content


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("json", b'{"name":"Zo\xc3\xab","state":"TX"}'),
        ("csv", b"name,state\r\nZo\xc3\xab,TX\r\n"),
        ("xml", b"<lead><name>Zo\xc3\xab</name><state>TX</state></lead>"),
    ],
)
def test_it_attaches_the_payload(mailbox: Mailbox, door: Door, kind: str, content: bytes) -> None:
    options = {"attachment": kind, "attachment_name": "../{{lead.first_name}}/x"}
    made = job(mailbox.port, options=options)
    send(made, door)
    (attachment,) = mailbox.messages[0].iter_attachments()
    data = attachment.get_payload(decode=True)
    assert isinstance(data, bytes)
    assert data.endswith(content)
    assert attachment.get_filename() == f"-Zoë-x.{kind}"
    assert content in TRANSPORT.build(made).shown


def test_it_shows_a_person_what_it_sent() -> None:
    request = TRANSPORT.build(job())
    assert request.shown.decode() == "name: Zoë\nstate: TX\n"
    assert request.headers[ENVELOPE] == "leads@buyer.example"
    assert request.method == "MAIL"


def test_it_shows_the_lead_where_there_is_no_mapping() -> None:
    assert b"first_name: Zo" in TRANSPORT.build(job(payload={})).shown


def test_it_marks_test_leads(mailbox: Mailbox, door: Door) -> None:
    send(job(mailbox.port, test=True), door)
    send(job(mailbox.port), door)
    first, second = mailbox.messages
    assert first["X-LeadOps-Test"] == "1"
    assert first["Subject"].startswith("[TEST] ")
    assert second["X-LeadOps-Test"] is None


def test_it_makes_one_message_id_for_all_attempts() -> None:
    ids = {TRANSPORT.build(job(attempt=n)).headers["Message-ID"] for n in (1, 2)}
    assert ids == {"<dlv_1@site.example>"}
    odd = TRANSPORT.build(job(idempotency_key="a b\r\nX: 1>")).headers["Message-ID"]
    assert odd.count("\n") == 0
    assert odd.startswith("<")
    assert len(odd) > 40


@given(st.text(max_size=60))
def test_it_lets_no_value_add_a_header(value: str) -> None:
    lead = {"id": "lead_1", "x": value}
    made = job(options={"subject": "About {{lead.x}}"}, context={"lead": lead})
    head = TRANSPORT.build(made).body.partition(b"\r\n\r\n")[0]
    names = [line.split(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")]
    assert names == [
        b"From", b"To", b"Subject", b"Message-ID", b"Date", b"Auto-Submitted", b"X-Attempt",
        b"MIME-Version", b"Content-Type",
    ]  # fmt: skip


def test_it_keeps_lines_that_look_like_the_end(mailbox: Mailbox, door: Door) -> None:
    text = "one\n.\nRCPT TO:<x@y.z>\n..two\r.\rthree"
    send(job(mailbox.port, options={"text": "{{lead.x}}"}, context={"lead": {"x": text}}), door)
    assert len(mailbox.envelopes) == 1
    body = mailbox.messages[0].get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == [
        "one", ".", "RCPT TO:<x@y.z>", "..two", ".", "three"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "url", ["mailto:", "mailto:nobody", "mailto:a@b.c\r\nBcc: x@y.z", "mailto:a@b.c?bcc=x@y.z"]
)
def test_it_does_not_send_to_what_is_no_address(url: str) -> None:
    with pytest.raises(NotSendable):
        TRANSPORT.build(job(url=url))


# What the server says


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("421 4.3.2 Closing", Outcome.SERVER_ERROR),
        ("450 4.2.1 The user is receiving mail at a rate that is too high", Outcome.RATE_LIMITED),
        ("451 4.7.1 Greylisted, try again", Outcome.SERVER_ERROR),
        ("452 4.3.1 Insufficient system storage", Outcome.SERVER_ERROR),
        ("550 5.1.1 No such user", Outcome.INVALID),
        ("550 5.7.1 Refused by policy", Outcome.REJECTED),
        ("552 5.3.4 Message too big", Outcome.REJECTED),
        ("554 5.7.1 Spam", Outcome.REJECTED),
    ],
)
def test_it_reads_what_the_server_says(
    mailbox: Mailbox, door: Door, answer: str, outcome: Outcome
) -> None:
    mailbox.answer = answer
    reply = send(job(mailbox.port), door)
    result = compile_reader(READING).read(reply)
    assert result.outcome is outcome
    assert result.reason == answer[4:]
    assert f"SMTP {answer[:3]}" in result.details
    assert mailbox.envelopes == []


def test_it_sends_to_all_or_to_nobody(mailbox: Mailbox, door: Door) -> None:
    mailbox.refuse["b@buyer.example"] = "550 5.1.1 Unknown"
    reply = send(job(mailbox.port, url="mailto:a@buyer.example,b@buyer.example"), door)
    assert outcome_of(reply) is Outcome.INVALID
    assert mailbox.envelopes == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_it_logs_in(door: Door) -> None:
    options = {"username": USER, "password": "${PASSWORD}"}
    with mail_server(auth=True) as mailbox:
        assert send(job(mailbox.port, options=options), door).status == 250
        refused = send(job(mailbox.port, options={**options, "password": "${WRONG}"}), door)
        anonymous = send(job(mailbox.port), door)
        assert len(mailbox.envelopes) == 1
    assert refused.status == 535
    assert outcome_of(refused) is Outcome.UNAUTHORIZED
    assert anonymous.status == 530
    assert outcome_of(anonymous) is Outcome.UNAUTHORIZED


def test_it_says_that_a_server_knows_no_users(mailbox: Mailbox, door: Door) -> None:
    options = {"username": USER, "password": "${PASSWORD}"}
    assert outcome_of(send(job(mailbox.port, options=options), door)) is Outcome.UNAUTHORIZED


# TLS


@pytest.fixture(scope="module")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return authority_and_server(tmp_path_factory.mktemp("mail"), name="mail.example")


@pytest.fixture
def tls_door() -> Iterator[Door]:
    loopback = [ip_network("127.0.0.0/8")]
    door = Door(private_networks=loopback, lookup=lambda host, port: ["127.0.0.1"])
    yield door
    door.close()


def server_context(chain: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_it_speaks_tls(tls_files: tuple[Path, Path], tls_door: Door, security: str) -> None:
    authority, chain = tls_files
    tls = Tls(ca=authority.read_text())
    with mail_server(**{security: server_context(chain)}) as mailbox:

        def at(host: str, **settings: Any) -> Job:
            return job(mailbox.port, host=host, security=security, **settings)

        assert send(at("mail.example", tls=tls), tls_door).status == 250
        contract = TestEmail()
        for made in (at("other.example", tls=tls), at("mail.example")):
            failure = contract.failure(made, tls_door)
            assert failure.category == "security"
            assert not failure.may_have_arrived
        assert len(mailbox.envelopes) == 1


def test_it_sends_nothing_in_the_clear_where_starttls_is_not_offered(
    mailbox: Mailbox, door: Door
) -> None:
    failure = TestEmail().failure(job(mailbox.port, security="starttls"), door)
    assert failure.category == "security"
    assert mailbox.envelopes == []


# Faults


@pytest.mark.parametrize("how", ["drop", "reset"])
@pytest.mark.parametrize(
    ("fault", "arrived"),
    [
        ("GREETING", False), ("EHLO", False), ("MAIL", False), ("RCPT", False), ("DATA", False),
        ("END", True),
    ],
)  # fmt: skip
def test_it_knows_how_far_it_came(door: Door, fault: str, arrived: bool, how: str) -> None:
    with raw_server(Script(fault=fault, how=how)) as server:
        failure = TestEmail().failure(job(server.port), door)
    assert failure.may_have_arrived is arrived
    # A reset before the greeting may come while the connection is still being made.
    assert failure.reason in ("Connection lost", "Connection refused")


@pytest.mark.parametrize(("fault", "arrived"), [("RCPT", False), ("DATA", False), ("END", True)])
def test_it_does_not_wait_for_ever(door: Door, fault: str, arrived: bool) -> None:
    with raw_server(Script(fault=fault, how="hang")) as server:
        failure = TestEmail().failure(job(server.port, timeout=1.0), door)
    assert failure.may_have_arrived is arrived


def test_it_takes_a_large_message_cut_off_in_the_middle_for_not_taken(door: Door) -> None:
    """More than the system buffers, so that writing it fails before its end."""
    text = {"text": "x" * 19_000}
    payload = {f"field_{number}": "y" * 900_000 for number in range(8)}
    made = job(1, payload=payload, options={**text, "attachment": "json"})
    with raw_server(Script(fault="BODY", how="reset")) as server:
        failure = TestEmail().failure(
            job(server.port, payload=payload, options={**text, "attachment": "json"}), door
        )
    assert len(TRANSPORT.build(made).body) > 9_000_000
    assert not failure.may_have_arrived


@pytest.mark.parametrize(
    ("stage", "said", "arrived"),
    [
        ("GREETING", b"SSH-2.0-OpenSSH_9.2\r\n", False),
        ("EHLO", b"250-" + b"x" * 100_000 + b"\r\n", False),
        ("END", b"what?\r\n", True),
    ],
)
def test_it_is_not_confused_by_what_is_not_smtp(
    door: Door, stage: str, said: bytes, arrived: bool
) -> None:
    script = Script(answers={stage: said, "HELO": said})
    with raw_server(script) as server:
        failure = TestEmail().failure(job(server.port, timeout=3.0), door)
    assert failure.may_have_arrived is arrived


def test_it_uses_the_sites_server_where_none_is_named(mailbox: Mailbox, settings: Any) -> None:
    """The operator's own: it may be next door, without opening the door to others there."""
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mailbox.port
    settings.DEFAULT_FROM_EMAIL = "leads@site.example"
    made = job(mailbox.port, options={"host": "", "port": None, "from": ""})
    assert send(made, Door()).status == 250
    assert mailbox.messages[0]["From"] == "leads@site.example"


def test_it_leaves_a_record_that_a_person_reads_and_that_keeps_secrets(
    mailbox: Mailbox, door: Door
) -> None:
    """Attached files are base64 on the way: what must not be recorded would not be seen there."""
    made = job(mailbox.port, options={"attachment": "json"})
    recipient = RecipientPlan(
        "rcp_1",
        "abc",
        "ABC",
        mapping=compile_rows([Row("ssn", "{{lead.ssn}}"), Row("name", "{{lead.first_name}}")]),
        # A fallback of one whose own replies are JSON.
        reader=compile_reader(ReaderSpec(success='status = "accepted"')),
        redactor=Redactor(["123-45-6789"]),
    )
    attempt = deliver(
        recipient,
        replace(made.endpoint, reader=compile_reader(READING)),
        {**CONTEXT, "lead": {**CONTEXT["lead"], "ssn": "123-45-6789"}},
        attempt=1,
        idempotency_key="dlv_1",
        test=False,
        door=door,
    )
    assert attempt.result.outcome is Outcome.ACCEPTED
    assert attempt.request is not None
    assert attempt.reply is not None
    assert attempt.request.method == "MAIL"
    assert attempt.request.url == "mailto:leads@buyer.example"
    assert "name: Zoë" in attempt.request.body
    assert '"name":"Zoë"' in attempt.request.body
    assert "123-45-6789" not in attempt.request.body
    assert (attempt.reply.status, attempt.reply.body) == (250, "2.0.0 Ok: queued as 4AbC")
    (sent,) = mailbox.messages
    plain = sent.get_body(("plain",))
    assert plain is not None
    assert "123-45-6789" in plain.get_content()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [("550 5.1.1 Unknown", Outcome.INVALID), ("451 4.3.0 Later", Outcome.SERVER_ERROR)],
)
def test_it_comes_to_an_outcome(
    mailbox: Mailbox, door: Door, answer: str, outcome: Outcome
) -> None:
    mailbox.answer = answer
    made = job(mailbox.port)
    recipient = RecipientPlan(
        "rcp_1",
        "abc",
        "ABC",
        mapping=compile_rows([Row("name", "{{lead.first_name}}")]),
        reader=compile_reader(READING),
        integration="email",
    )
    attempt = deliver(
        recipient, made.endpoint, CONTEXT, attempt=1, idempotency_key="dlv_1", test=False, door=door
    )
    assert attempt.result.outcome is outcome
