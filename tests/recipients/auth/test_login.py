from __future__ import annotations

import json
from typing import Any

import pytest

from leadops.buyers import Buyers
from leadops.lib.http import Door
from recipients.auth import Keyring
from recipients.options import OptionError
from recipients.outcomes import Outcome
from recipients.plan import Auth, AuthKind
from tests.recipients.auth.scene import auth, plan, send, statuses

BODY = {"username": "{{username}}", "password": "{{password}}", "client.name": "leadops"}


def login(buyers: Buyers, **options: Any) -> Auth:
    written = {
        "url": buyers.url + "/b/l/auth/login",
        "body": BODY,
        "token": "data.token",
        "expires_in": "data.expires",
        **options,
    }
    return auth(
        AuthKind.LOGIN, username="lead", secret=options.pop("secret", "s3cret"),
        options={name: value for name, value in written.items() if name != "secret"},
    )  # fmt: skip


def test_it_logs_in_once_and_shows_the_token(buyers: Buyers, door: Door) -> None:
    buyers.clear()
    to = plan(buyers.url + "/b/l/auth/session", login(buyers, call_headers={"X-App": "1"}))
    keyring = Keyring()
    for _ in range(3):
        assert send(to, door, keyring=keyring).result.outcome is Outcome.ACCEPTED
    (entry,) = buyers.log(path="/b/l/auth/login")
    assert json.loads(entry["body"]) == {
        "username": "lead", "password": "s3cret", "client": {"name": "leadops"},
    }  # fmt: skip
    assert entry["headers"]["X-App"] == "1"


@pytest.mark.parametrize("token", ["header: X-Session", 'regex:"token": "([^"]+)', "$.data.token"])
def test_the_token_may_stand_anywhere_in_the_answer(buyers: Buyers, door: Door, token: str) -> None:
    to = plan(buyers.url + "/b/l/auth/session", login(buyers, token=token, format="form"))
    assert send(to, door).result.outcome is Outcome.ACCEPTED


def test_a_refused_login_is_unauthorized_in_the_services_words(buyers: Buyers, door: Door) -> None:
    buyers.clear()
    to = plan(buyers.url + "/b/l/auth/session", login(buyers, secret="wrong-word"))
    attempt = send(to, door)
    assert attempt.result.outcome is Outcome.UNAUTHORIZED
    assert attempt.result.details == "403 Wrong user name or password"
    assert statuses(buyers, "/b/l/auth/session") == []


def test_values_of_credentials_are_no_templates(buyers: Buyers, door: Door) -> None:
    buyers.clear()
    send(plan(buyers.url + "/x", login(buyers, secret='{{username}}"quote')), door)
    (entry,) = buyers.log(path="/b/l/auth/login")
    assert json.loads(entry["body"])["password"] == '{{username}}"quote'


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"token": ""}, "token"),
        ({"token": "a..b"}, "token"),
        ({"url": "ftp://x"}, "url"),
        ({"call_headers": {"a b": "1"}}, "call_headers"),
    ],
)
def test_it_refuses_what_cannot_work(buyers: Buyers, options: dict[str, Any], name: str) -> None:
    with pytest.raises(OptionError) as caught:
        login(buyers, **options)
    assert caught.value.name == name
