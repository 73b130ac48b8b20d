"""Triggers that watch, and a small market."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from leadops.lib import queue
from recipients.models import Recipient, SuppressionList
from tests.factories import make_user
from tests.flows.scene import Scene, recipient, scene
from tests.leadops.unrecorded import watched
from tests.leadops.unrecorded.hands import ABC, ADA, OLGA, WEB, key_of


@pytest.fixture(autouse=True)
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests do their work."""
    monkeypatch.setattr(queue, "enqueue", lambda *_, **__: None)


@pytest.fixture
def watch() -> Iterator[None]:
    """Every change of a row from here on is noted, with the transaction that made it."""
    with connection.cursor() as cursor:
        cursor.execute(watched.WATCH)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION watch() CASCADE")
        cursor.execute("DROP TABLE watched")


@pytest.fixture
def play() -> Scene:
    made = scene(recipient("abc", sandbox=True), recipient("xyz", "30.00"), pattern="waterfall")
    key_of(made.source.keys.model(source=made.source), WEB)
    key_of(
        Recipient.objects.get(slug="abc").keys.model(recipient=Recipient.objects.get(slug="abc")),
        ABC,
    )
    make_user("olga", key=OLGA)
    make_user("ada", role="administrator", key=ADA)
    SuppressionList.objects.create(slug="dnc", name="DNC", fields=["phone_1"])
    return made
