"""A batch sent once, to real servers on loopback: every lead has its own answer."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadops.buyers import Buyers, running_buyers
from leadops.lib.http import Door, Reply
from leadops.lib.redact import Redactor
from recipients.batches import Batch, Member, deliver_batch
from recipients.batches.delivering import BatchAttempt
from recipients.integrations.files import OPTIONS as SFTP_OPTIONS
from recipients.integrations.stores import OPTIONS as STORE_OPTIONS
from recipients.mapping import Row, compile_rows, compile_template
from recipients.options import compile_options
from recipients.outcomes import Outcome
from recipients.plan import Auth, AuthKind, BatchFormat, BatchPlan, EndpointPlan, RecipientPlan
from recipients.responses import BulkSpec, ReaderSpec, compile_bulk, compile_reader
from tests.objectstores import Store
from tests.recipients.transports.file_servers import PASSWORD, USER, file_server
from tests.recipients.transports.mail_servers import mail_server
from tests.recipients.transports.test_email import job as mail_job

READER = compile_reader(
    ReaderSpec(success='status = "accepted"', price="price", reason="reason", lead_id="id")
)
BY_ID = compile_bulk(BulkSpec(items="results", key="id"), READER)
ROWS = (Row("id", "{{delivery.id}}"), Row("email", "{{lead.email}}"))


@pytest.fixture(scope="module")
def buyers() -> Iterator[Buyers]:
    with running_buyers() as running:
        yield running


def batch(url: str, count: int = 3, /, *, how: BatchPlan | None = None, **settings: Any) -> Batch:
    endpoint = settings.pop("endpoint", None) or EndpointPlan("ept_1", compile_template(url))
    plan = RecipientPlan(
        id="rcp_1",
        slug="pool",
        name="Pool",
        mapping=compile_rows(settings.pop("rows", ROWS)),
        reader=settings.pop("reader", READER),
        production=endpoint,
        batch=how or BatchPlan(reader=BY_ID),
    )
    members = tuple(
        Member(
            f"dlv_{n}",
            dataclasses.replace(plan, redactor=Redactor([f"secret-of-{n}"])),
            {"lead": {"email": f"ann{n}@x.example", "ssn": f"secret-of-{n}"},
             "delivery": {"id": f"dlv_{n}"}},
        )
        for n in range(1, count + 1)
    )  # fmt: skip
    context = {"lead": {}, "source": {}, "flow": {}, "recipient": {}, "batch": {"id": "bat_1"}}
    values = {"attempt": 1, "tries": 1, "context": context, **settings}
    return Batch("bat_1", plan, endpoint, members, **values)


def outcomes(made: BatchAttempt) -> list[str]:
    return [str(each.result.outcome) for each in made.attempts]


def test_it_reads_an_answer_for_each_lead(buyers: Buyers, door: Door) -> None:
    made = deliver_batch(batch(f"{buyers.url}/b/each/batch?reject=0.5&seed=2", 20), door=door)
    said = outcomes(made)
    assert set(said) == {"accepted", "rejected"}
    for n, each in enumerate(made.attempts, 1):
        assert each.request is not None
        assert each.reply is not None
        assert json.loads(each.request.body) == {"id": f"dlv_{n}", "email": f"ann{n}@x.example"}
        assert json.loads(each.reply.body)["id"] == f"dlv_{n}"
        assert each.result.accepted == (each.result.price is not None)


def test_it_sends_one_request_with_the_batch_as_its_key(buyers: Buyers, door: Door) -> None:
    for attempt in (1, 2):
        deliver_batch(
            batch(f"{buyers.url}/b/once/batch", attempt=attempt, tries=attempt), door=door
        )
    calls = [each for each in buyers.log() if each["path"].startswith("/b/once/")]
    assert [each["idempotency_key"] for each in calls] == ["bat_1", "bat_1"]
    assert calls[0]["body"] == calls[1]["body"]


def test_it_takes_no_answer_to_a_lead_for_an_unknown_fate(buyers: Buyers, door: Door) -> None:
    made = deliver_batch(batch(f"{buyers.url}/b/some/batch?silent=0.5&seed=4", 20), door=door)
    assert set(outcomes(made)) == {"accepted", "unknown"}


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        ("/reply?status=503", "server_error"),
        ("/reply?status=401", "unauthorized"),
        ("/reply?status=422", "invalid"),
        ('/reply?body={"results":[]}', "unreadable"),
        ("/reply?body=thanks", "unreadable"),
    ],
)
def test_it_takes_what_is_said_of_all_for_each(
    buyers: Buyers, door: Door, path: str, outcome: str
) -> None:
    made = deliver_batch(batch(buyers.url + path), door=door)
    assert outcomes(made) == [outcome] * 3


def test_it_takes_a_lost_reply_for_an_unknown_fate_of_all(buyers: Buyers, door: Door) -> None:
    endpoint = EndpointPlan("e", compile_template(f"{buyers.url}/batch?delay=30"), timeout=0.5)
    assert outcomes(deliver_batch(batch("", endpoint=endpoint), door=door)) == ["unknown"] * 3


def test_it_sent_nothing_where_nobody_listens(door: Door) -> None:
    assert outcomes(deliver_batch(batch("http://127.0.0.1:9/x"), door=door)) == ["unavailable"] * 3


def test_it_goes_without_a_lead_that_cannot_be_written(buyers: Buyers, door: Door) -> None:
    rows = (*ROWS, Row("note", "{{lead.note}}"))
    made = batch(f"{buyers.url}/b/without/batch", rows=rows)
    members = [
        dataclasses.replace(m, context={**m.context, "lead": {**m.context["lead"], "note": value}})
        for m, value in zip(made.members, ("short", "x" * 300_000, ""), strict=True)
    ]
    found = outcomes(deliver_batch(dataclasses.replace(made, members=tuple(members)), door=door))
    assert found == ["accepted", "invalid", "accepted"]


def test_it_leaves_for_the_next_what_has_no_room(
    buyers: Buyers, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recipients.batches.delivering.MAX_FILE", 100)
    made = deliver_batch(batch(f"{buyers.url}/b/room/batch"), door=door)
    assert outcomes(made) == ["accepted", "accepted", "unavailable"]
    assert made.left == {"dlv_3"}
    assert made.attempts[2].request is None


def test_it_gives_all_one_answer_where_replies_have_no_items(buyers: Buyers, door: Door) -> None:
    made = deliver_batch(batch(f"{buyers.url}/accept?price=90", how=BatchPlan()), door=door)
    assert outcomes(made) == ["accepted"] * 3
    # What was paid for all of them is nobody's price.
    assert {(a.result.price, a.result.buyer_lead_id) for a in made.attempts} == {(None, "")}


def test_it_keeps_a_leads_secrets_out_of_its_record(buyers: Buyers, door: Door) -> None:
    rows = (*ROWS, Row("ssn", "{{lead.ssn}}"))
    made = deliver_batch(batch(f"{buyers.url}/b/secret/batch", rows=rows), door=door)
    assert "secret-of" not in "".join(a.request.body for a in made.attempts if a.request)


def test_it_reads_a_reply_beyond_64_kib(buyers: Buyers, door: Door) -> None:
    made = deliver_batch(batch(f"{buyers.url}/b/long/batch", 2000), door=door)
    assert outcomes(made) == ["accepted"] * 2000


def test_it_leaves_one_file_by_sftp(door: Door, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with file_server(tmp_path) as server:
        options = compile_options(SFTP_OPTIONS, {"host_key": server.host_key.public})
        endpoint = EndpointPlan(
            "e",
            compile_template(f"sftp://127.0.0.1:{server.port}/in"),
            integration="sftp",
            options=options,
            auth=Auth(AuthKind.BASIC, username=USER, secret=PASSWORD),
            timeout=60.0,
        )
        how = BatchPlan(format=BatchFormat.CSV, name=compile_template("leads {{batch.id}}"))
        for attempt in (1, 2):
            sent = batch("", endpoint=endpoint, how=how, attempt=attempt, reader=BARE)
            assert outcomes(deliver_batch(sent, door=door)) == ["accepted"] * 3
    (found,) = (tmp_path / "in").iterdir()
    assert found.name == "leads-bat_1.csv"
    assert found.read_text().splitlines()[1] == "dlv_1,ann1@x.example"


BARE = compile_reader(ReaderSpec())


def test_it_puts_one_object_into_a_store(door: Door, store: Store) -> None:
    written = {"endpoint": store.url, "region": "eu-central-1"}
    endpoint = EndpointPlan(
        "e",
        compile_template("s3://acme-leads/batches/"),
        integration="object_store",
        options=compile_options(STORE_OPTIONS, written),
        auth=Auth(AuthKind.BASIC, username=store.access_key, secret=store.secret),
        timeout=60.0,
    )
    how = BatchPlan(format=BatchFormat.XLSX, name=compile_template("leads {{batch.id}}"))
    for attempt in (1, 2):
        sent = batch("", endpoint=endpoint, how=how, attempt=attempt, reader=BARE)
        assert outcomes(deliver_batch(sent, door=door)) == ["accepted"] * 3
    listed = [key for key in store.listed() if key.startswith("batches/")]
    assert listed == ["batches/leads-bat_1.xlsx"]
    assert store.read(listed[0])["Body"][:2] == b"PK"


def test_it_attaches_one_file_to_a_mail(door: Door) -> None:
    with mail_server() as mailbox:
        endpoint = mail_job(mailbox.port).endpoint
        how = BatchPlan(format=BatchFormat.XLSX)
        sent = batch("", endpoint=dataclasses.replace(endpoint, timeout=60.0), how=how, reader=BARE)
        assert outcomes(deliver_batch(sent, door=door)) == ["accepted"] * 3
    (message,) = mailbox.messages
    assert message["Subject"] == "3 new leads"
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "bat_1.xlsx"
    assert attached.get_content()[:2] == b"PK"


KEYS = [f"dlv_{n}" for n in range(1, 5)]


@given(
    st.lists(
        st.tuples(st.sampled_from([*KEYS, "dlv_9", ""]), st.sampled_from(["accepted", "no", ""])),
        max_size=8,
    )
)
def test_it_never_takes_anothers_yes_for_a_leads_own(said: list[tuple[str, str]]) -> None:
    body = json.dumps({"results": [{"id": key, "status": word} for key, word in said]}).encode()
    answers = BY_ID.answers(Reply(200, {"content-type": "application/json"}, body), KEYS)
    assert len(answers) == len(KEYS)
    for key, answer in zip(KEYS, answers, strict=True):
        words = {word for each, word in said if each == key}
        if answer.result.outcome is Outcome.ACCEPTED:
            assert words == {"accepted"}
        if not words and said:
            assert answer.is_silent
