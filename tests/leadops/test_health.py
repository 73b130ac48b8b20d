from __future__ import annotations

import json
import re
import socket
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from events.models import StreamsBeat
from leadops import health
from leadops.lib import queue
from recipients.models import Breaker
from tests.factories import make_recipient


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def beat(age: str = "0 s") -> None:
    execute(
        "INSERT INTO flows_pump (slot, pid, host, beat, state) "
        f"VALUES (0, 1, 'here', clock_timestamp() - interval '{age}', '{{}}')"
    )


def work(late: str) -> None:
    execute(
        "INSERT INTO flows_work (kind, lead_id, lane, due_at, created_at, claims, hold) VALUES "
        f"('advance', 'lead_{late}', 'lane', now() - interval '{late}', now(), 0, 0)"
    )


def test_healthz_asks_nothing_of_the_database(client: Client) -> None:
    answer = client.get("/healthz")  # without the database mark a query would fail
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_it_is_ready_when_pumps_beat_and_nothing_is_late(client: Client) -> None:
    beat()
    work("1 s")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})


@pytest.mark.django_db
def test_it_says_that_no_pump_has_started(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["pumps: none has started"]


@pytest.mark.django_db
def test_it_gives_every_reason_at_once(client: Client) -> None:
    beat("25 s")
    work("2 min")
    queue.enqueue("os.getpid")
    execute("UPDATE django_q_ormq SET lock = now() - interval '10 min'")
    reasons = client.get("/readyz").json()["reasons"]
    assert [reason.split(":")[0] for reason in reasons] == ["pumps", "work", "broker"]
    assert "25 s" in reasons[0]
    assert "120 s" in reasons[1]


@pytest.mark.django_db
def test_work_that_is_due_later_is_not_late(client: Client) -> None:
    beat()
    work("-1 hour")
    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
def test_a_silent_streams_process_of_this_machine_is_a_warning(client: Client) -> None:
    beat()
    for home, host, age in (
        (settings.LEADOPS_HOME, socket.gethostname(), 25),
        (settings.LEADOPS_HOME, "another", 99),
    ):
        at = timezone.now() - timedelta(seconds=age)
        StreamsBeat.objects.create(host=host, home=str(home), pid=1, beat=at, open=3)
    answer = client.get("/readyz")
    assert answer.status_code == 200, "leads go on"
    assert answer.json()["warnings"] == ["streams: no sign of life for 25 s"]
    text = client.get("/metrics").content.decode()
    assert 'leadops_streams_beat_age_seconds{host="another"' in text
    assert re.search(r'leadops_streams_open{host="another",home="[^"]+"} 3', text)


@pytest.mark.django_db
def test_it_says_that_the_database_is_away(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ensure_connection", _away)
    connection.close()
    answer = client.get("/readyz")
    monkeypatch.undo()
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["database: does not answer"])


@pytest.mark.django_db
def test_metrics_are_prometheus_text(client: Client) -> None:
    beat("3 s")
    work("7 s")
    answer = client.get("/metrics")
    lines = answer.content.decode().splitlines()
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    sample = re.compile(r'leadops_[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [0-9.e+-]+')
    assert [
        line for line in lines if not line.startswith("# ") and not sample.fullmatch(line)
    ] == []
    assert "leadops_work_due 1" in lines
    assert "leadops_database_up 1" in lines
    assert any(line.startswith('leadops_pump_beat_age_seconds{slot="0"} 3') for line in lines)
    assert any(line.startswith("leadops_process_resident_bytes{") for line in lines)


@pytest.mark.django_db
@pytest.mark.django_db
def test_metrics_count_the_breakers_that_are_not_closed(client: Client) -> None:
    endpoint = make_recipient().endpoints.get()
    Breaker.objects.create(endpoint=endpoint, state="open")
    text = client.get("/metrics").content.decode()
    assert 'leadops_breakers{state="open"} 1' in text
    assert 'leadops_breakers{state="probing"} 0' in text


def test_metrics_answer_without_a_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ensure_connection", _away)
    connection.close()
    answer = client.get("/metrics")
    monkeypatch.undo()
    assert answer.status_code == 200
    assert "leadops_database_up 0" in answer.content.decode()


def test_label_values_are_escaped() -> None:
    assert health._labels({"reason": 'a "b"\n\\'}) == r'{reason="a \"b\"\n\\"}'


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_they_take_no_posts(client: Client, path: str) -> None:
    assert client.post(path, json.dumps({}), content_type="application/json").status_code == 405


def _away() -> None:
    from django.db import OperationalError

    raise OperationalError("away")
