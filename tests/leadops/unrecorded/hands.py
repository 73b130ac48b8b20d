"""Who calls the API of the small market, and how."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from leadops.config import loading
from tests.factories import bearer

OLGA, ADA = "key-olga-00000001", "key-ada-000000001"
WEB, ABC = "key-web-00000001", "key-abc-00000001"


def key_of(held: Any, key: str) -> None:
    held.set(key)
    held.save()


def call(client: Client, method: str, path: str, key: str, *, body: Any = None) -> Any:
    answer = client.generic(
        method,
        f"/api/v1/{path}",
        json.dumps(body if body is not None else {}),
        content_type="application/json",
        **bearer(key),
    )
    assert answer.status_code < 300, (path, answer.content)
    return answer


def post(client: Client, path: str, key: str, **body: Any) -> Any:
    return call(client, "POST", path, key, body=body).json()


def lead(client: Client, **values: Any) -> str:
    body = {"email": "ann@example.com", "phone_1": "5555551234", "state": "TX", **values}
    return str(post(client, "flows/auto/leads", WEB, **body)["lead"]["id"])


def load(more: str = "", *changes: tuple[str, str]) -> None:
    """Load a bundle; without one the configuration as it is, with these texts in place of
    others."""
    text = f"leadops: 1\n{more}" if more else loading.dump()
    for was, now in changes:
        assert was in text, text
        text = text.replace(was, now)
    loading.load(text.encode(), name="bundle.yaml", by="olga")


def never() -> bool:
    return False
