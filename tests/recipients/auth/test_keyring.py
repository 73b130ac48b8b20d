"""Secrets with two live values, seen from an attempt."""

from __future__ import annotations

import dataclasses
from typing import Any

from leadops.buyers import Buyers
from leadops.lib.http import Door
from leadops.lib.redact import Redactor
from recipients.auth import Keyring
from recipients.outcomes import Outcome
from recipients.plan import AuthKind, RecipientPlan
from tests.recipients.auth.scene import auth, plan, send, statuses

OLD, NEW = "old-value", "new-value"


def rotating(url: str, first: str = OLD, second: str = NEW) -> RecipientPlan:
    def one(secret: str) -> RecipientPlan:
        return plan(
            url,
            auth(AuthKind.BEARER, secret=secret, mark=f"ept_1:{secret}"),
            redactor=Redactor([first, second]),
            secrets=frozenset({"BUYER_KEY"}),
        )

    return dataclasses.replace(one(first), second=one(second))


def test_the_second_value_is_tried_where_the_first_is_refused(buyers: Buyers, door: Door) -> None:
    buyers.clear()
    path = "/b/two/auth/key"
    to, keyring = rotating(f"{buyers.url}{path}?keys={NEW}"), Keyring()
    attempts = [send(to, door, keyring=keyring) for _ in range(3)]
    assert {attempt.result.outcome for attempt in attempts} == {Outcome.ACCEPTED}
    assert statuses(buyers, path) == [401, 200, 200, 200]  # remembered from the second on
    assert keyring.take_used().second == {"BUYER_KEY"}
    assert NEW not in str(attempts)
    assert OLD not in str(attempts)


def test_it_comes_back_to_the_first_when_the_second_is_refused(buyers: Buyers, door: Door) -> None:
    buyers.clear()
    path = "/b/back/auth/key"
    to, keyring = rotating(f"{buyers.url}{path}?keys={OLD}"), Keyring()
    assert to.production is not None
    keyring.note(to, to.production, second=True)
    for _ in range(2):
        assert send(to, door, keyring=keyring).result.accepted
    assert statuses(buyers, path) == [401, 200, 200]


def test_two_refused_values_are_two_requests_and_unauthorized(buyers: Buyers, door: Door) -> None:
    buyers.clear()
    path = "/b/none/auth/key"
    keyring = Keyring()
    attempt = send(rotating(f"{buyers.url}{path}?keys=x&status=403"), door, keyring=keyring)
    assert attempt.result.outcome is Outcome.UNAUTHORIZED
    assert statuses(buyers, path) == [403, 403]
    assert keyring.take_used().names == set()


def test_nothing_but_a_refusal_of_credentials_is_tried_again(buyers: Buyers, door: Door) -> None:
    for path in ("/b/only/reject", "/b/only/error", "/b/only/reset", "/b/only/invalid"):
        buyers.clear()
        send(rotating(buyers.url + path), door)
        assert len(buyers.log(path=path)) == 1


def test_it_notes_what_was_used_once(buyers: Buyers, door: Door) -> None:
    keyring = Keyring()
    to: Any = rotating(f"{buyers.url}/b/note/auth/key?keys={OLD}")
    for _ in range(3):
        send(to, door, keyring=keyring)
    used = keyring.take_used()
    assert (used.names, used.second) == ({"BUYER_KEY"}, set())
    assert keyring.take_used().names == set()
    keyring.give_back(used)
    assert keyring.take_used() == used
