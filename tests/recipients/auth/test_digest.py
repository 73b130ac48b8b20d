from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from leadops.buyers import Buyers
from leadops.lib.http import Door, Request
from recipients.auth import Keyring
from recipients.auth.digest import Nonce, answer, nonce_of
from recipients.outcomes import Outcome
from recipients.plan import Auth, AuthKind
from tests.recipients.auth.scene import auth, plan, send, statuses

# The example of RFC 7616 3.9.1.
MUFASA = Auth(AuthKind.DIGEST, username="Mufasa", secret="Circle of Life")
PAGE = Request("GET", "http://www.example.org/dir/index.html")
REALM = "http-auth@example.org"
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
LEAD = {"username": "lead", "secret": "s3cret"}


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_it_answers_as_the_standards_example(algorithm: str, response: str) -> None:
    nonce = Nonce(REALM, NONCE, algorithm, "auth", "opaque")
    header = answer(PAGE, nonce, MUFASA, cnonce=CNONCE)
    assert f'response="{response}"' in header
    assert "nc=00000001" in header
    assert 'uri="/dir/index.html"' in header


def test_it_hides_the_user_name_where_the_server_wants_that() -> None:
    header = answer(PAGE, Nonce(REALM, NONCE, "SHA-256", "auth", userhash=True), MUFASA)
    assert "Mufasa" not in header
    assert "userhash=true" in header


def test_it_chooses_the_strongest_challenge_that_it_can_answer() -> None:
    nonce, stale = nonce_of(
        'Basic realm="x", Digest realm="a, b", nonce="one", algorithm=MD5, qop="auth,auth-int", '
        'Digest realm="a", nonce="two", algorithm=SHA-256, qop="auth", stale=TRUE, '
        'Digest realm="a", nonce="three", algorithm=UNHEARD-OF, qop="auth"'
    )
    assert nonce is not None
    assert (nonce.nonce, nonce.algorithm, nonce.qop, stale) == ("two", "SHA-256", "auth", True)


@pytest.mark.parametrize(
    "header", ["", "Basic realm=x", "Digest realm=x", "Digest ,,,=", '"', "a="]
)
def test_it_has_no_answer_to_other_challenges(header: str) -> None:
    assert nonce_of(header) == (None, False)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "MD5-sess", "SHA-256-sess"])
def test_a_challenge_costs_one_request_and_later_leads_none(
    buyers: Buyers, door: Door, algorithm: str
) -> None:
    path = f"/b/digest-{algorithm}/auth/digest"
    to = plan(f"{buyers.url}{path}?algorithm={algorithm}&a[b]=1", auth(AuthKind.DIGEST, **LEAD))
    keyring = Keyring()
    outcomes = [send(to, door, keyring=keyring).result.outcome for _ in range(3)]
    assert outcomes == [Outcome.ACCEPTED] * 3
    assert statuses(buyers, path) == [401, 200, 200, 200]
    counts = [entry["headers"].get("Authorization", "") for entry in buyers.log(path=path)]
    assert ["nc=00000001" in counts[1], "nc=00000003" in counts[3]] == [True, True]


def test_it_takes_another_nonce_when_the_old_one_is_used_up(buyers: Buyers, door: Door) -> None:
    path = "/b/stale/auth/digest"
    to = plan(f"{buyers.url}{path}?uses=1", auth(AuthKind.DIGEST, **LEAD))
    keyring = Keyring()
    for _ in range(3):
        assert send(to, door, keyring=keyring).result.outcome is Outcome.ACCEPTED
    assert statuses(buyers, path) == [401, 200, 401, 200, 401, 200]


def test_it_gives_up_when_the_password_is_wrong(buyers: Buyers, door: Door) -> None:
    path = "/b/wrong/auth/digest"
    wrong = auth(AuthKind.DIGEST, username="lead", secret="other-secret")
    attempt = send(plan(buyers.url + path, wrong), door)
    assert attempt.result.outcome is Outcome.UNAUTHORIZED
    assert statuses(buyers, path) == [401, 401]


def test_threads_share_the_challenge_and_no_lead_arrives_twice(buyers: Buyers, door: Door) -> None:
    path = "/b/threads/auth/digest"
    to = plan(buyers.url + path, auth(AuthKind.DIGEST, **LEAD))
    keyring = Keyring()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: send(to, door, keyring=keyring), range(24)))
    assert {attempt.result.outcome for attempt in made} == {Outcome.ACCEPTED}
    assert statuses(buyers, path).count(200) == 24
