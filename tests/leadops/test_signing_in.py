"""Signing in, and what becomes of those who guess."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from leadops.accounts import signing_in
from leadops.accounts.models import SignIns
from tests.factories import make_user
from tests.pages import text_of

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
RIGHT = "correct-horse"
LOCKED = "Too many attempts to sign in. Try again in 5 minutes."


def attempt(name: str, word: str = "wrong", *, address: str = "203.0.113.7", **more: str) -> Any:
    data = {"username": name, "password": word}
    return Client().post(LOGIN, data, REMOTE_ADDR=address, **more)


def guess(name: str = "olga", *, times: int = signing_in.TRIES, **where: str) -> list[str]:
    return [text_of(attempt(name, **where)) for _ in range(times)]


def pass_by(minutes: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_signins SET until = until - make_interval(mins => %s)", [minutes]
        )


def test_it_lets_in_who_knows_the_password_at_the_last_try():
    make_user("olga")
    assert not any("Too many" in page for page in guess(times=signing_in.TRIES - 1))
    assert attempt("olga", RIGHT).status_code == 302


def test_it_shuts_out_who_guesses_even_with_the_right_password():
    make_user("olga")
    guess()
    answer = attempt("olga", RIGHT)
    assert answer.status_code == 200
    assert LOCKED in text_of(answer)


def test_it_says_the_same_of_a_name_that_nobody_has():
    make_user("olga")
    assert guess("olga") == [page.replace("nobody", "olga") for page in guess("nobody")]
    last = [text_of(attempt(name)) for name in ("olga", "nobody")]
    assert LOCKED in last[0]
    assert last[0] == last[1].replace("nobody", "olga")


@pytest.mark.parametrize("spelled", ["OLGA", "\uff4flga"])
def test_other_spellings_of_a_name_are_no_further_tries(spelled: str):
    guess()
    assert LOCKED in text_of(attempt(spelled))


def test_it_opens_again_after_a_while_however_often_one_tried():
    make_user("olga")
    guess(times=signing_in.TRIES + 3)
    pass_by(signing_in.MINUTES)
    assert attempt("olga", RIGHT).status_code == 302


def test_others_and_other_places_are_not_shut_out():
    make_user("olga")
    make_user("dana")
    guess()
    assert attempt("dana", RIGHT).status_code == 302
    assert attempt("olga", RIGHT, address="203.0.113.8").status_code == 302


def test_one_who_got_in_begins_anew():
    make_user("olga")
    for _ in range(3):
        guess(times=signing_in.TRIES - 1)
        assert attempt("olga", RIGHT).status_code == 302


def test_it_ends_trying_one_password_on_many_names(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(signing_in, "TRIES_OF_ADDRESS", 4)
    make_user("olga")
    for number in range(4):
        guess(f"name{number}", times=1)
    assert LOCKED in text_of(attempt("olga", RIGHT))
    before = SignIns.objects.count()
    guess("name-of-another-try", times=1)
    assert SignIns.objects.count() == before  # who is shut out fills no table
    assert attempt("olga", RIGHT, address="2001:db8::1").status_code == 302


def test_whom_a_proxy_names_is_counted_where_it_is_trusted(settings: Any):
    make_user("olga")
    settings.LEADOPS_TRUSTED_PROXIES = ()
    guess(times=3, HTTP_X_FORWARDED_FOR="198.51.100.1")
    guess(times=2, HTTP_X_FORWARDED_FOR="198.51.100.2")
    assert LOCKED in text_of(attempt("olga", RIGHT, HTTP_X_FORWARDED_FOR="198.51.100.3"))


def test_it_keeps_neither_names_nor_addresses_and_forgets():
    guess(times=1)
    kept = str(list(SignIns.objects.values_list("key", flat=True)))
    assert "olga" not in kept
    assert "203.0.113.7" not in kept
    pass_by(signing_in.MINUTES)
    guess("dana", times=1, address="203.0.113.9")
    assert SignIns.objects.count() == 2  # the new ones


@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_no_more_tries():
    found: list[float] = []

    def work() -> None:
        try:
            found.append(signing_in.count("olga", "203.0.113.7"))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(1 for seconds in found if not seconds) == signing_in.TRIES
    assert len(found) == 12
