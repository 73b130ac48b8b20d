from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from flows import plans
from recipients.auth import Token, Tokens
from recipients.models import Endpoint, Recipient
from recipients.models import Token as Row
from recipients.tokenstore import DatabaseTokens, forget_old

pytestmark = pytest.mark.django_db

TOKEN = Token("acc3ss-value", expires_at=2e9, refresh="r3fresh-value", fetched_at=1.9e9)


@pytest.fixture
def mark() -> str:
    recipient = Recipient.objects.create(slug="abc", name="ABC")
    endpoint = Endpoint.objects.create(recipient=recipient, url="https://a.example/")
    return f"{endpoint.id}:0123456789abcdef"


def test_it_gives_back_what_it_keeps(mark: str) -> None:
    store = DatabaseTokens()
    assert store.load(mark) is None
    store.save(mark, TOKEN)
    assert store.load(mark) == TOKEN
    assert store.load(mark + "x") is None


def test_the_database_holds_nothing_in_clear(mark: str) -> None:
    DatabaseTokens().save(mark, TOKEN)
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM recipients_token t")
        ((row,),) = cursor.fetchall()
    for secret in ("acc3ss", "r3fresh", "0123456789abcdef"):
        assert secret not in row


def test_one_claims_and_others_do_not(mark: str) -> None:
    store = DatabaseTokens()
    assert store.claim(mark, 30)
    assert not store.claim(mark, 30)
    assert store.load(mark) is None  # a claim is no token
    store.save(mark, TOKEN)
    assert store.claim(mark, 30)
    store.release(mark)
    assert store.claim(mark, 0)
    assert store.claim(mark, 30)  # the claim before has run out


def test_it_serves_without_a_place_to_keep_tokens() -> None:
    store = DatabaseTokens()
    assert store.claim("ept_nobody:1", 30)
    store.save("ept_nobody:1", TOKEN)
    assert store.load("ept_nobody:1") is None


def test_tokens_go_with_their_endpoint(mark: str) -> None:
    DatabaseTokens().save(mark, TOKEN)
    Endpoint.objects.get().delete()
    assert not Row.objects.exists()


def test_keeping_a_token_is_no_change_of_configuration(mark: str) -> None:
    before = plans.newest()
    store = DatabaseTokens()
    store.claim(mark, 30)
    store.save(mark, TOKEN)
    assert plans.newest() == before


def test_it_forgets_tokens_of_credentials_that_nobody_uses(mark: str) -> None:
    store = DatabaseTokens()
    store.save(mark, TOKEN)
    assert forget_old() == 0
    long_ago = datetime.now(UTC) - timedelta(days=31)
    Row.objects.update(fetched_at=long_ago, expires_at=None)
    assert forget_old() == 1


@pytest.mark.django_db(transaction=True)
def test_threads_of_two_processes_fetch_once(mark: str) -> None:
    processes = [Tokens(DatabaseTokens()), Tokens(DatabaseTokens())]
    fetched: list[str] = []
    lock = threading.Lock()

    def fetch(last: Token | None) -> Token:
        with lock:
            fetched.append("once")
        return TOKEN

    def ask(number: int) -> str:
        try:
            return processes[number % 2].get(mark, fetch, until=1e12).value
        finally:
            assert connection.connection is None  # threads that send keep none
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(ask, range(12))) == {"acc3ss-value"}
    assert fetched == ["once"]
