"""A person comes in by every door and goes by every way; is erased; and a dump of the whole
database, and what lies beside it, does not know any of the values."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import os
import re
import uuid
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from django.db import connection
from django.test import Client

from events.exports import gathering
from events.exports import steering as exporting
from events.exports import working as making
from events.exports.wanted import Wanted as ExportWanted
from events.feedback.process import take as take_feedback
from events.feedback.reading import Statement
from events.models import (
    Alert,
    Delivery,
    Export,
    ExportPiece,
    Lead,
    PassedFeedback,
    SavedSearch,
)
from events.privacy import erasing, finding
from events.visibility import Sight
from flows import plans
from flows.arrival import pings
from flows.arrival.preparing import Submission
from flows.byhand import editing, reviewing
from flows.delivery import batching, batchwork, takingin
from flows.delivery.batching import Beginning
from flows.delivery.takingin import TakingIn
from flows.importing import taking, working
from flows.importing.taking import Wanted
from flows.models import (
    Batch,
    BatchAnswer,
    Enhancement,
    Flow,
    FlowField,
    FlowSource,
    Step,
    StepRecipient,
)
from flows.turns import askers
from leadops.lib import secrets
from leadops.lib.http import Door
from recipients.auth import Keyring
from recipients.batches import delivering
from recipients.deliver import Attempt, RecordedReply, RecordedRequest
from recipients.models import Batching, Endpoint, Recipient, TestCase
from recipients.outcomes import Outcome, Result
from tests import factories
from tests.flows.scene import Scene, recipient
from tests.flows.steps.test_auctions import bidder

pytestmark = pytest.mark.django_db

PERSON = {
    "email": "Zorblax.Quuxley@peculiar-mail.example",
    "phone_1": "+1 (737) 555-0186",
    "first_name": "Zorblaxina",
    "last_name": "Quuxleyberg",
    "ssn": "219-09-9471",
    "state": "TX",
    "nickname": "Zorbie the Magnificent",  # no field of the flow
}
OTHER_PHONE = "737-555-0192"
NEEDLES = (
    "zorblax", "quuxley", "peculiar-mail", "zorbie", "7375550186", "737-555-0186", "555-0186",
    "(737) 555", "219099471", "219-09-9471", "5550192", "555-0192", "gadzooks",
)  # fmt: skip


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A service, an auction, a waterfall; a buyer whose address is made of the lead's values."""
    source = factories.make_source(key=factories.KEYS["source"])
    abc, review = recipient("abc"), recipient("held")
    flow = factories.make_flow(source, abc, review)
    flow.duplicate_match, flow.duplicate_within = [["email"]], 86_400.0
    flow.save()
    FlowField.objects.create(flow=flow, name="phone_2", type="phone", privacy="personal")
    asks = Step.objects.create(flow=flow, name="lookup", kind="enhance", position=0)
    Enhancement.objects.create(
        step=asks,
        url="https://lookup.example/x",
        send={"phone": "{{lead.phone_1}}"},
        append={"alias": "alias"},
        cache_for=3600.0,
    )
    auction = Step.objects.create(
        flow=flow, name="auction", kind="deliver", position=5, pattern="ping_post"
    )
    StepRecipient.objects.create(step=auction, recipient=bidder("bids"))
    gathers = recipient("gathers")
    Batching.objects.create(recipient=gathers, count=50, age=300.0)
    both = Step.objects.create(
        flow=flow, name="both", kind="deliver", position=6, pattern="simultaneous"
    )
    for each in (recipient("one"), recipient("two"), recipient("down"), gathers):
        StepRecipient.objects.create(step=both, recipient=each)
    Endpoint.objects.update(url="https://abc.example/{{lead.last_name}}/in")
    source.feedback_url, source.feedback_kinds = "https://source.example/in", ["quality", "return"]
    source.save()
    monkeypatch.setattr(askers, "put_all", lambda inquiry: [_answer(q) for q in inquiry.questions])
    plans.changed()
    return Scene(flow, source)


def _answer(question: object) -> Attempt:
    """A service or bidder that repeats what it was told."""
    asked = getattr(question, "plan", None)
    appended = {"alias": "Zorblaxia"} if getattr(asked, "slug", "") == "lookup" else {}
    return _echo(Outcome.ACCEPTED, price=None, captures=appended, buyer_lead_id="b-1")


def _echo(outcome: Outcome, **facts: object) -> Attempt:
    """An attempt whose every part repeats the person."""
    told = f"{PERSON['first_name']} {PERSON['email'].lower()} 7375550186 is known"
    given = {"reason": told, "message": told, "details": told, **facts}
    if outcome is Outcome.ACCEPTED:
        given = {"message": told, **facts}
    return Attempt(
        Result(outcome, **given),
        request=RecordedRequest(
            "GET",
            f"https://abc.example/Quuxleyberg/in?e={quote(PERSON['email'])}",
            {"X-Name": "Zorblaxina"},
            json.dumps(PERSON),
        ),
        reply=RecordedReply(200, {"X-Echo": "Quuxleyberg"}, told),
        seconds=0.1,
    )


def work(play: Scene, **outcomes: list[Attempt]) -> None:
    """Take everything that is due to its end."""
    for _ in range(40):
        done = play.take(play.claim())
        results = [(s, outcomes[s.plan.slug].pop(0)) for s in done.starts]
        answers = [(i, tuple(_answer(q) for q in i.questions)) for i in done.asks]
        if not results and not answers:
            if not play.hurry():
                return
            continue
        turned = play.take((), results, answers=answers)
        while turned.starts or turned.asks:
            results = [(s, outcomes[s.plan.slug].pop(0)) for s in turned.starts]
            answers = [(i, tuple(_answer(q) for q in i.questions)) for i in turned.asks]
            turned = play.take((), results, answers=answers)


def dump() -> Iterator[tuple[str, str]]:
    """Every table in text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind = 'r' ORDER BY 1"
        )
        for (name,) in cursor.fetchall():
            written = io.BytesIO()
            with cursor.copy(f'COPY "{name}" TO STDOUT') as copied:
                for data in copied:
                    written.write(data)
            yield _of(name), written.getvalue().decode()


def _of(table: str) -> str:
    """A month's partition is a part of its table."""
    return re.sub(r"_(\d{4}_\d{2}|rest)$", "", table)


def opened(text: str) -> str:
    """With what stands encrypted in it, pieces of files unpacked."""
    parts = [text]
    for token in re.findall(r"(?<![\w-])gAAAA[\w-]{40,}={0,2}", text):
        plain = secrets.decrypt(token)
        parts.append(plain)
        try:
            parts.append(zlib.decompress(base64.b85decode(plain)).decode("utf-8", "replace"))
        except (ValueError, zlib.error):
            continue
    for sealed in re.findall(r"\\\\x(80[0-9a-f]{100,})", text):
        parts.append(
            zlib.decompress(secrets.unseal(bytes.fromhex(sealed))).decode("utf-8", "replace")
        )
    return "\n".join(parts)


def found(text: str) -> set[str]:
    """The needles in a text, also in the spellings of addresses, and as bytea is written."""
    low = text.lower()
    return {
        needle
        for needle in NEEDLES
        for form in {needle, quote(needle), quote_plus(needle), needle.encode().hex()}
        if form in low
    }


def test_a_dump_knows_the_person_before_and_not_after(
    play: Scene, client: Client, monkeypatch: pytest.MonkeyPatch
):
    flow = Flow.objects.get()
    headers = factories.bearer(factories.KEYS["source"])
    # Through the door: accepted under a key that is an address; a duplicate; one that is rejected.
    for values in (PERSON, PERSON, {**PERSON, "email": "zorblax@@gadzooks", "state": "TX"}):
        reply = client.post(
            f"/api/v1/flows/{flow.slug}/leads",
            values,
            content_type="application/json",
            headers={"Idempotency-Key": f"zorblax-{uuid.uuid4().hex}", "Prefer": "wait=0"},
            **headers,
        )
        assert reply.status_code == 201
    accepted = Lead.objects.get(status="working")
    # Delivered after a retry, held, edited, sold by hand, spoken of.
    work(
        play,
        bids=[_echo(Outcome.REJECTED) for _ in range(9)],
        abc=[_echo(Outcome.SERVER_ERROR), _echo(Outcome.ACCEPTED, buyer_lead_id="Zorblaxina-7")],
        held=[_echo(Outcome.UNREADABLE) for _ in range(9)],
        **_both(),
    )
    sold = Delivery.objects.filter(lead=accepted, state="accepted").first()
    assert sold is not None
    said = "Zorblaxina has moved to Gadzooks Lane, call 737-555-0186"
    take_feedback(
        sold.recipient,
        [
            Statement("quality", "lead_id", accepted.id, value=said, reason=said, key="zorblax-1"),
            Statement("return", "lead_id", accepted.id, reason=said),
        ],
    )
    # A lead that was put aside, changed by hand and closed with words about the person.
    second = play.post(**{**PERSON, "email": "q.zorblax@peculiar-mail.example"})
    work(
        play,
        bids=[_echo(Outcome.REJECTED) for _ in range(9)],
        abc=[_echo(Outcome.UNREADABLE, reason="?", message="", details="")],
        **_both(),
    )
    held = Delivery.objects.get(lead_id=second.lead_id, state="review")
    editing.edit(second.lead_id, {"phone_2": OTHER_PHONE, "last_name": "Quuxleyson"}, by="olga")
    reviewing.close(
        held.id, by="olga", reason="Zorblaxina Quuxleyson called", decision="declined", end=True
    )
    # A file, half of it not taken in; a test lead; a ping; a test case that should not be.
    table = "E-Mail,Phone,Given name,State\n" + "".join(
        f"z{n}.zorblax@peculiar-mail.example,{PERSON['phone_1']},Zorblaxina,{state}\n"
        for n, state in enumerate(("TX", "", "TX"))
    )
    plan = plans.current().flows[flow.id]
    job = taking.take(plan, play.source.pk, io.BytesIO(table.encode()), Wanted(by="olga", rate=500))
    taking.begin(job, plan, by="olga")
    working.work(job.id, seconds=60.0, stopping=lambda: False)
    waiting = taking.take(
        plan, play.source.pk, io.BytesIO(table.encode()), Wanted(by="olga", rate=500)
    )
    halfway = taking.take(
        plan, play.source.pk, io.BytesIO(table.encode()), Wanted(by="olga", rate=500)
    )
    taking.begin(halfway, plan, by="olga")
    worker = working.Worker(halfway, 90.0)  # has the next rows at hand
    assert worker.step()
    play.post(test=True, **PERSON)
    pings.answer(
        plans.current().flows[flow.id],
        plans.current().sources[play.source.id],
        Submission({k: v for k, v in PERSON.items() if k in ("state", "last_name")}),
        at=datetime.now(UTC),
    )
    TestCase.objects.create(recipient=sold.recipient, name="real", lead={"email": PERSON["email"]})
    # A file of the record, encrypted; a search that names the person; feedback not passed on yet.
    making.work(_export().id, seconds=60.0, stopping=lambda: False)
    assert ExportPiece.objects.exists()
    monkeypatch.setattr(gathering, "PIECE_ROWS", 1)
    half = _export("xlsx")
    assert gathering.gather(half.id)
    owner = factories.make_user("olga")
    SavedSearch.objects.create(owner=owner, name="Z", query=f"reason={quote(PERSON['email'])}")
    assert PassedFeedback.objects.filter(state="waiting").exists()
    beginning, taking_in = _batches(play, monkeypatch)
    # One that is being sent while the person is erased.
    third = play.post(**{**PERSON, "email": "under.way@peculiar-mail.example"})
    starts = _begun(play)
    tables = list(dump())
    before = {name: hits for name, text in tables if (hits := found(opened(text)))}
    expected = {
        "events_snapshot", "events_exchange", "events_feedback", "flows_intakekey",
        "flows_batchanswer", "flows_leadimportpiece", "events_exportpiece", "flows_serviceanswer",
    }  # fmt: skip
    assert expected <= before.keys()
    permanent = {"events_event", "events_rollup", "events_tally", "events_alert", "events_lead"}
    assert Alert.objects.exists()
    assert not any(found(text) for name, text in tables if name in permanent)

    request = erasing.erase(
        finding.person("phone", "737.555.0186"), by="ada", reason="Zorblaxina asked by mail"
    )
    assert request.is_done
    if starts:
        play.take((), [(s, _echo(Outcome.ACCEPTED, buyer_lead_id="b-9")) for s in starts])
    assert not ExportPiece.objects.exists()
    going = _end_batches(beginning, taking_in)
    while worker.step():
        pass
    making.work(half.id, seconds=60.0, stopping=lambda: False)
    after = {name: hits for name, text in dump() if (hits := found(opened(text)))}
    assert after == {}
    assert going == {"ann@example.com"}
    assert not Lead.objects.filter(salt__isnull=False, id__in=[accepted.id, third.lead_id]).exists()
    waiting.refresh_from_db()
    assert waiting.pieces.count() == 1
    assert finding.held(finding.person("phone", PERSON["phone_1"])) == []
    assert _files() == {}


def _both() -> dict[str, list[Attempt]]:
    """One of those who are sent it at once takes it, the other does not."""
    said = {
        "one": Outcome.REJECTED, "two": Outcome.ACCEPTED, "down": Outcome.UNAUTHORIZED,
    }  # fmt: skip
    return {slug: [_echo(outcome) for _ in range(9)] for slug, outcome in said.items()}


def _batches(play: Scene, monkeypatch: pytest.MonkeyPatch) -> tuple[Beginning, TakingIn]:
    """Of one flow, each with two leads of the person and one of Ann's: a batch that gathers, one
    half recorded and one whose answers are half stored."""
    for module, name in ((batching, "SLICE"), (takingin, "SLICE"), (takingin, "STORED")):
        monkeypatch.setattr(module, name, 2)
    flow = Flow.objects.create(slug="pooled", name="Pooled")
    FlowSource.objects.create(flow=flow, source=play.source)
    FlowField.objects.create(flow=flow, name="email", type="email", privacy="personal")
    FlowField.objects.create(flow=flow, name="phone_1", type="phone", privacy="personal")
    step = Step.objects.create(flow=flow, name="all", kind="deliver", pattern="simultaneous")
    for slug, count in (("unsent", 50), ("begun", 3), ("said", 3)):
        pool = recipient(slug)
        Batching.objects.create(recipient=pool, count=count, age=300.0)
        StepRecipient.objects.create(step=step, recipient=pool)
    plans.changed()
    pooled = Scene(flow, play.source)
    for values in (PERSON, {"email": "ann@example.com"}, PERSON):
        pooled.post(**values)
    pooled.take(pooled.claim())
    due = {each.lane: Beginning(each, pooled.lease, 90.0) for each in pooled.claim()}
    slugs = dict(Recipient.objects.values_list("slug", "id"))
    begun, other = due[slugs["begun"]], due[slugs["said"]]
    assert begun.step(lambda _: True).batches == []
    sent = []
    while not other.over:
        sent += other.step(lambda _: True).batches
    # One answer to all of them, which names the person.
    said = dataclasses.replace(
        _echo(Outcome.REJECTED), request=RecordedRequest("POST", "https://said.example", {}, "")
    )
    monkeypatch.setattr(delivering, "deliver", lambda *_, **__: said)
    ended = batchwork.make(sent[0], door=Door(pool_size=1), keyring=Keyring())
    taking_in = TakingIn(ended, pooled.lease, 90.0)
    taking_in.step(lambda _: True)
    assert BatchAnswer.objects.count() == 2
    states = Batch.objects.order_by("state").values_list("state", flat=True)
    assert list(states.distinct()) == ["open", "sending", "starting"]
    return begun, taking_in


def _end_batches(beginning: Beginning, taking_in: TakingIn) -> set[str]:
    """Take both to their ends; who goes with the one that was not sent."""
    sent = []
    while not beginning.over:
        sent += beginning.step(lambda _: True).batches
    taking_in.step(lambda _: True)
    assert not set().union(*(found(text) for name, text in dump() if name == "flows_batchanswer"))
    while not taking_in.over:
        taking_in.step(lambda _: True)
    return {each.context["lead"].get("email") for batch in sent for each in batch.sendings}


def _export(format: str = "jsonl") -> Export:
    wanted = ExportWanted(
        what="leads",
        format=format,
        filters={},
        fields=(),
        with_lead=True,
        reason=f"For {PERSON['email']}",
    )
    return exporting.start(wanted, by="ada", sight=Sight())


def _begun(play: Scene) -> list:
    for _ in range(20):
        done = play.take(play.claim())
        if done.asks:
            done = play.take(
                (), (), answers=[(i, tuple(_answer(q) for q in i.questions)) for i in done.asks]
            )
        if done.starts:
            return list(done.starts)
    return []


def _files() -> dict[str, set[str]]:
    """What lies in the home beside the database's own files: logs, sockets, secrets."""
    home = Path(os.environ["LEADOPS_HOME"])
    hits = {}
    for path in home.rglob("*"):
        inside = path.relative_to(home).parts
        if any(part in ("data", "base", "pg_wal") for part in inside) or not path.is_file():
            continue
        if names := found(path.read_text("utf-8", "replace")):
            hits[str(path)] = names
    return hits
