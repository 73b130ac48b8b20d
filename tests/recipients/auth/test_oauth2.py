from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import pytest

from leadops.buyers import Buyers
from leadops.lib.http import Door
from recipients.auth import Keyring, Token, Tokens
from recipients.options import OptionError
from recipients.outcomes import Category, Outcome
from recipients.plan import Auth, AuthKind
from tests.leadops.http.servers import free_port
from tests.recipients.auth.scene import auth, plan, send, statuses

CLIENT = {"username": "lead", "secret": "s3cret"}


def oauth(buyers: Buyers, query: str = "", **settings: Any) -> Auth:
    options = {"token_url": f"{buyers.url}/b/o/auth/token?{query}", **settings.pop("options", {})}
    return auth(AuthKind.OAUTH2, **{**CLIENT, **settings}, options=options)


def test_it_fetches_a_token_once_for_many_leads(buyers: Buyers, door: Door) -> None:
    buyers.clear()
    to = plan(buyers.url + "/b/o/auth/oauth", oauth(buyers))
    keyring = Keyring()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: send(to, door, keyring=keyring), range(16)))
    assert {attempt.result.outcome for attempt in made} == {Outcome.ACCEPTED}
    assert statuses(buyers, "/b/o/auth/token") == [200]
    assert statuses(buyers, "/b/o/auth/oauth") == [200] * 16


@pytest.mark.parametrize("credentials", ["body", "basic"])
def test_it_says_who_it_is_and_what_it_wants(buyers: Buyers, door: Door, credentials: str) -> None:
    buyers.clear()
    options = {
        "scope": "leads:write other",
        "audience": "https://api.example",
        "credentials": credentials,
        "params": {"resource": "urn:x"},
    }
    attempt = send(plan(buyers.url + "/b/o/auth/oauth", oauth(buyers, options=options)), door)
    assert attempt.result.accepted
    (entry,) = buyers.log(path="/b/o/auth/token")
    fields = {name: values[0] for name, values in parse_qs(entry["body"]).items()}
    said = {
        "grant_type": "client_credentials",
        "scope": "leads:write other",
        "audience": "https://api.example",
        "resource": "urn:x",
    }
    if credentials == "body":
        said |= {"client_id": "lead", "client_secret": "s3cret"}
    assert fields == said
    assert ("Authorization" in entry["headers"]) is (credentials == "basic")


def test_a_refused_token_is_fetched_anew_and_the_lead_sent_once_more(
    buyers: Buyers, door: Door
) -> None:
    buyers.clear()
    to = plan(buyers.url + "/b/o/auth/oauth", oauth(buyers))
    keyring = Keyring()
    assert send(to, door, keyring=keyring).result.accepted
    send(plan(buyers.url + "/auth/forget", auth(AuthKind.NONE)), door)
    assert send(to, door, keyring=keyring).result.accepted
    assert statuses(buyers, "/b/o/auth/oauth") == [200, 401, 200]
    assert {entry["idempotency_key"] for entry in buyers.log(path="/b/o/auth/oauth")} == {"dlv_1"}


def test_a_token_that_is_never_good_is_tried_twice_and_no_more(buyers: Buyers, door: Door) -> None:
    buyers.clear()
    attempt = send(plan(buyers.url + "/b/o/unauthorized", oauth(buyers)), door)
    assert attempt.result.outcome is Outcome.UNAUTHORIZED
    assert statuses(buyers, "/b/o/unauthorized") == [401, 401]


def test_it_is_fetched_before_it_ends(buyers: Buyers, door: Door) -> None:
    buyers.clear()
    now = [time.time()]
    keyring = Keyring(Tokens(clock=lambda: now[0]))
    to = plan(buyers.url + "/b/o/auth/oauth", oauth(buyers, "ttl=3600"))
    send(to, door, keyring=keyring)
    now[0] += 3600 - 60  # still good for a minute
    assert send(to, door, keyring=keyring).result.accepted
    assert statuses(buyers, "/b/o/auth/token") == [200, 200]
    assert statuses(buyers, "/b/o/auth/oauth") == [200, 200]


def test_refused_credentials_are_unauthorized_and_nothing_is_sent(
    buyers: Buyers, door: Door
) -> None:
    buyers.clear()
    wrong = oauth(buyers, secret="wrong-secret")
    attempt = send(plan(buyers.url + "/b/o/auth/oauth", wrong), door)
    assert attempt.result.outcome is Outcome.UNAUTHORIZED
    assert attempt.result.reason == "Token refused"
    assert attempt.result.details == "401 Unknown client"
    assert statuses(buyers, "/b/o/auth/oauth") == []


@pytest.mark.parametrize("path", ["/error?status=503", "/hang", "/reset?when=in", "/ratelimit"])
def test_a_token_service_in_trouble_is_unavailable_and_nothing_is_sent(
    buyers: Buyers, door: Door, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    buyers.clear()
    monkeypatch.setattr("recipients.auth.fetching.FETCH_SECONDS", 0.5)
    away = oauth(buyers, options={"token_url": buyers.url + path})
    attempt = send(plan(buyers.url + "/b/o/auth/oauth", away), door)
    assert attempt.result.outcome is Outcome.UNAVAILABLE
    assert statuses(buyers, "/b/o/auth/oauth") == []


def test_a_token_service_that_is_away_is_unavailable(buyers: Buyers, door: Door) -> None:
    away = oauth(buyers, options={"token_url": f"http://127.0.0.1:{free_port()}/"})
    attempt = send(plan(buyers.url + "/b/o/auth/oauth", away), door)
    assert attempt.result.outcome is Outcome.UNAVAILABLE
    assert attempt.result.reason == "Token could not be fetched"


def test_the_token_service_is_reached_by_the_guarded_door(buyers: Buyers) -> None:
    attempt = send(plan(buyers.url + "/b/o/auth/oauth", oauth(buyers)), Door())
    assert attempt.result.outcome is Outcome.UNAVAILABLE
    assert attempt.result.category is Category.SECURITY


def test_an_answer_without_a_token_is_a_refusal(buyers: Buyers, door: Door) -> None:
    odd = oauth(buyers, options={"token_url": buyers.url + "/reject"})
    attempt = send(plan(buyers.url + "/b/o/auth/oauth", odd), door)
    assert attempt.result.outcome is Outcome.UNAUTHORIZED
    assert attempt.result.reason == "No token in the answer"


class Kept:
    """A store that outlives its process."""

    def __init__(self) -> None:
        self.tokens: dict[str, Token] = {}

    def load(self, mark: str) -> Token | None:
        return self.tokens.get(mark)

    def claim(self, mark: str, seconds: float) -> bool:
        return True

    def save(self, mark: str, token: Token) -> None:
        self.tokens[mark] = token

    def release(self, mark: str) -> None:
        pass


def test_a_rotated_refresh_token_is_kept_and_used_next(
    buyers: Buyers, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    buyers.clear()
    options = {"grant": "refresh_token", "refresh_token": "${FIRST}"}
    refreshing = oauth(buyers, "rotate=1&refresh=${FIRST}&ttl=1", options=options)
    to = plan(buyers.url + "/b/o/auth/oauth", refreshing)
    store = Kept()
    assert send(to, door, keyring=Keyring(Tokens(store))).result.accepted
    given = store.tokens[refreshing.mark].refresh
    assert given.startswith("refresh-")
    store.tokens[refreshing.mark] = Token("over", expires_at=1.0, refresh=given)
    assert send(to, door, keyring=Keyring(Tokens(store))).result.accepted
    asked = [parse_qs(entry["body"])["refresh_token"] for entry in buyers.log(path="/b/o/auth/t")]
    assert asked == [["${FIRST}"], [given]]


def test_the_record_shows_neither_token_nor_secret(buyers: Buyers, door: Door) -> None:
    buyers.clear()
    store = Kept()
    to = plan(buyers.url + "/b/o/echo", oauth(buyers))
    attempt = send(to, door, keyring=Keyring(Tokens(store)))
    (token,) = store.tokens.values()
    assert token.value in str(buyers.log(path="/b/o/echo"))
    assert token.value not in str(attempt)
    assert "s3cret" not in str(attempt)
    assert attempt.request is not None
    assert attempt.request.headers["Authorization"] == "•••"
    assert token.value not in repr(token)


def test_a_token_may_stand_in_a_header_of_another_form_or_in_a_parameter(
    buyers: Buyers, door: Door
) -> None:
    header = oauth(buyers, name="X-Session", options={"value": "{{token}}"})
    assert send(plan(buyers.url + "/b/o/auth/oauth", header), door).result.accepted
    query = oauth(buyers, name="access_token", place="query")
    assert send(plan(buyers.url + "/b/o/auth/oauth", query), door).result.accepted


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"username": ""}, "username"),
        ({"secret": ""}, "secret"),
        ({"options": {"token_url": "buyer.example/token"}}, "token_url"),
        ({"options": {"grant": "refresh_token"}}, "refresh_token"),
        ({"options": {"params": {"client_id": "x"}}}, "params"),
        ({"options": {"grant": "password"}}, "grant"),
        ({"options": {"refresh_token": "written-out"}}, "refresh_token"),
    ],
)
def test_it_refuses_what_cannot_work(buyers: Buyers, settings: dict[str, Any], name: str) -> None:
    with pytest.raises(OptionError) as caught:
        oauth(buyers, **settings)
    assert caught.value.name == name
