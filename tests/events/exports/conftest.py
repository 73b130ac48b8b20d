"""A flow with two buyers, three people of staff, and leads that went their way."""

from __future__ import annotations

from typing import Any

import pytest

from events import following
from events.exports import working
from events.models import Export
from tests.factories import (
    bearer,
    deliver_lead,
    make_flow,
    make_recipient,
    make_source,
    make_user,
)

OLGA, DANA, ADA = "key-olga-00000001", "key-dana-00000001", "key-ada-000000001"
AUDITOR, WEB, ABC = "key-audit-0000001", "key-web-0000001", "key-abc-0000001"


def never() -> bool:
    return False


class World:
    def __init__(self) -> None:
        self.web = make_source("web-form-a", key=WEB)
        self.abc = make_recipient("abc-insurance", key=ABC)
        self.xyz = make_recipient("xyz-mutual")
        self.flow = make_flow(self.web, self.abc, self.xyz)
        make_user("olga", key=OLGA)
        make_user("ada", role="administrator", key=ADA)
        make_user("audit", role="auditor", key=AUDITOR)
        self.dana = make_user("dana", role="account_manager", recipients=[self.abc], key=DANA)

    def lead(self, **how: Any) -> str:
        return deliver_lead(self.flow, self.web, **how)

    def ask(self, client: Any, key: str = OLGA, **document: Any) -> Any:
        return client.post(
            "/api/v1/exports", document, content_type="application/json", **bearer(key)
        )

    def make(self, client: Any, key: str = OLGA, **document: Any) -> Export:
        """Ask for an export and have it made."""
        answer = self.ask(client, key, **document)
        assert answer.status_code == 202, answer.json()
        return work(answer.json()["id"])

    def file(self, client: Any, export: Export, key: str = OLGA, **headers: str) -> bytes:
        path = f"/api/v1/exports/{export.id}/download"
        answer = client.get(path, headers=headers, **bearer(key))
        assert answer.status_code in (200, 206), answer.json()
        return b"".join(answer.streaming_content)


def work(id: str) -> Export:
    working.work(id, seconds=60.0, stopping=never)
    return Export.objects.get(pk=id)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's own transaction is open to its end, and nothing of it would ever settle."""
    monkeypatch.setattr(following, "horizon", lambda: 2**62)


@pytest.fixture
def world(db: None, settled: None) -> World:
    return World()
