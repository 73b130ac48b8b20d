"""A pump, a buyer that wants a token, and the table that holds it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from events.models import Delivery, Lead
from flows.models import Work
from flows.turns.pump import Pump
from leadops.buyers import Buyers, running_buyers
from recipients import tokenstore
from recipients.auth import Keyring, Tokens
from recipients.models import Endpoint, Secret, Token
from recipients.tokenstore import DatabaseTokens
from tests.events.conftest import clear_record
from tests.flows.scene import Scene, recipient, scene

__all__ = ["clear_record"]

pytestmark = pytest.mark.django_db(transaction=True)

LEADS = 30


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a worker that starts has: an empty cache in front of the table."""

    def start() -> Keyring:
        made = Keyring(Tokens(DatabaseTokens()))
        monkeypatch.setattr("flows.turns.pump.keyring", lambda: made)
        return made

    assert tokenstore.keyring() is tokenstore.keyring()
    return start


def pumped(play: Scene, name: str) -> None:
    for n in range(LEADS):
        play.post(email=f"{name}{n}@example.com", phone_1=None)
    Pump(stopping=lambda: not Work.objects.exists(), size=8).run(60)


def pointed(buyers: Buyers) -> None:
    Secret.objects.create(name="CLIENT", value="s3cret")
    Endpoint.objects.update(
        url=f"{buyers.url}/b/pump/auth/oauth",
        auth="oauth2",
        auth_username="lead",
        auth_secret="${CLIENT}",
        auth_options={"token_url": f"{buyers.url}/b/pump/auth/token"},
    )


def test_workers_share_one_token_and_leave_it_out_of_the_record(
    process: Any, clear_record: Any
) -> None:
    play = scene(recipient("abc"))
    with running_buyers() as buyers:
        pointed(buyers)
        for name in ("one", "two"):  # two processes, one after the other
            process()
            pumped(play, name)
        assert len(buyers.log(path="/b/pump/auth/token")) == 1
        sent = buyers.log(path="/b/pump/auth/oauth")
        token = sent[0]["headers"]["Authorization"].removeprefix("Bearer ")
    assert len(sent) == 2 * LEADS
    assert Lead.objects.filter(result="sold").count() == 2 * LEADS
    assert len(token) > 20
    assert Token.objects.get().value == token
    assert Secret.objects.get().used_at is not None
    assert found_in_the_record(token, "s3cret") == []


def test_a_token_called_back_loses_no_lead_and_sends_none_twice(
    process: Any, clear_record: Any
) -> None:
    play = scene(recipient("abc"))
    with running_buyers() as buyers:
        pointed(buyers)
        process()
        pumped(play, "one")
        Token.objects.update(value="called-back")
        process()
        pumped(play, "two")
        accepted = [
            entry["idempotency_key"]
            for entry in buyers.log(path="/b/pump/auth/oauth")
            if entry["status"] == 200
        ]
    assert len(accepted) == len(set(accepted)) == 2 * LEADS
    assert set(accepted) == set(Delivery.objects.values_list("id", flat=True))
    assert Endpoint.objects.get().paused_at is None


def found_in_the_record(*secrets: str) -> list[str]:
    found = []
    with connection.cursor() as cursor:
        for table in ("events_event", "events_exchange", "events_snapshot", "events_delivery"):
            for secret in secrets:
                cursor.execute(
                    f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s",
                    [f"%{secret}%"],
                )
                if cursor.fetchone()[0]:
                    found.append(f"{secret} in {table}")
    return found
