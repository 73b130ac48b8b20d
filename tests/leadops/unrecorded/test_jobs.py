"""Nothing unrecorded in long work on leads: files, retries, moves to another version, batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from flows.byhand import batchdesk, bulkretry, moving
from flows.importing import keeping, working
from flows.models import LeadImport
from recipients.models import Recipient
from recipients.outcomes import Outcome
from tests.factories import bearer
from tests.flows import test_batches as batches
from tests.flows.scene import Scene, attempt, scene
from tests.leadops.unrecorded.hands import OLGA, lead, load, never, post
from tests.leadops.unrecorded.watched import all_recorded, aside, begin, touched

pytestmark = pytest.mark.django_db(transaction=True)

FILE = b"E-Mail;Phone;State\nann@example.com;5125550100;TX\nnobody;5125550101;TX\n"


def test_imports_run_and_end_with_an_event(watch: None, play: Scene, client: Client):
    begin()
    ids = [_sent(client, FILE + b"x" * n) for n in range(2)]
    for steer in ("pause", "resume"):
        post(client, f"imports/{ids[0]}/{steer}", OLGA)
    client.login(username="olga", password="correct-horse")
    assert client.post(f"/imports/{ids[0]}/", {"do": "rate", "rate": "500"}).status_code == 302
    assert LeadImport.objects.get(pk=ids[0]).rate == 500
    assert working.work(ids[0], seconds=60.0, stopping=never)
    post(client, f"imports/{ids[1]}/cancel", OLGA)
    client.get(f"/api/v1/imports/{ids[0]}/errors", **bearer(OLGA))
    with aside():
        LeadImport.objects.update(finished_at=timezone.now() - timedelta(days=30))
    assert keeping.forget_old() == 2
    all_recorded()
    assert touched() >= {"flows_leadimport", "events_lead"}


def _sent(client: Client, data: bytes) -> str:
    path = "/api/v1/flows/auto/imports?source=web"
    answer = client.post(path, data, content_type="text/csv", **bearer(OLGA))
    assert answer.status_code == 202, answer.json()
    return str(answer.json()["id"])


def test_retries_moves_and_batches_begin_and_end_with_an_event(
    watch: None, play: Scene, client: Client
):
    begin()
    for place in range(2):
        lead(client, email=f"a{place}@example.com", phone_1=f"555555{1000 + place}")
    play.play(
        abc=[attempt(Outcome.UNAUTHORIZED) for _ in range(2)],
        xyz=[attempt(Outcome.REJECTED) for _ in range(2)],
    )
    post(client, "recipients/abc/resume", OLGA)
    now = datetime.now(UTC)
    chosen = bulkretry.Filters(start=now - timedelta(days=1), end=now + timedelta(days=1))
    dropped = bulkretry.start(chosen, by="olga")
    assert bulkretry.cancel(dropped.id, by="olga")
    bulk = bulkretry.start(chosen, by="olga")
    assert bulkretry.work(bulk.id, seconds=60.0, stopping=never)
    play.play(**{slug: [attempt(Outcome.ACCEPTED) for _ in range(4)] for slug in ("abc", "xyz")})
    lead(client, email="b@example.com", phone_1="5555552222")
    load("", ("- CA\n", "- FL\n"))
    play.move()
    load("", ("- FL\n", "- NY\n"))
    move = moving.start(play.flow, range(9), by="olga")
    assert moving.cancel(move.id, by="olga")
    all_recorded()
    assert touched() >= {"flows_bulkretry", "flows_flowmove"}


def test_a_batch_gathers_goes_and_ends_with_an_event(watch: None):
    begin()
    stage = scene(batches.gathering(count=2))
    batches.post(stage, 2)
    batches.answer(stage, batches.full(stage), attempt(Outcome.ACCEPTED), attempt(Outcome.REJECTED))
    batches.post(stage, 1)
    stage.take([each for each in stage.claim() if each.kind != "batch"])
    assert batchdesk.release(Recipient.objects.get(), by="olga") == 1
    with connection.cursor() as cursor:  # configuration made by the factories is not looked at
        cursor.execute("DELETE FROM watched WHERE tbl LIKE 'recipients_%' OR tbl LIKE 'flows_%'")
    all_recorded()
    assert touched() >= {"events_delivery", "events_lead"}
