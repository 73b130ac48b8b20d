"""Credentials of every kind in a bundle: read, held against their kind, written back."""

from __future__ import annotations

import pytest

from leadops.config import loading
from recipients.auth import SCHEMES
from recipients.loading import load_recipients
from recipients.models import Endpoint, Secret
from recipients.plan import AuthKind
from tests.leadops.config.bundles import load, mistakes

pytestmark = pytest.mark.django_db

BUNDLE = """
leadops: 1
recipients:
  - slug: abc
    name: ABC
    endpoint:
      url: https://api.example/leads
      auth: {auth}
"""
KINDS = {
    "digest": "{type: digest, username: lead, password: '${KEY}'}",
    "oauth2": """
        type: oauth2
        client_id: lead
        client_secret: ${KEY}
        token_url: https://login.example/token
        grant: refresh_token
        refresh_token: ${OTHER}
        scope: a b
        audience: https://api.example
        credentials: basic
        params: {resource: x, tenant: "${KEY}"}
        ttl: 30m
        value: Token {{token}}
        header: X-Token
        in: header""",
    "jwt": """
        type: jwt
        issuer: app
        private_key: ${KEY}
        algorithm: HS256
        token_url: https://login.example/token
        subject: ops@example.com
        audience: https://login.example
        key_id: k1
        lifetime: 3m
        claims: {org: "42"}""",
    "login": """
        type: login
        username: lead
        password: ${KEY}
        url: https://login.example/session
        format: form
        body: {user: "{{username}}", word: "{{password}}"}
        call_headers: {X-App: "1"}
        token: data.token
        expires_in: data.expires
        ttl: 20m""",
    "hmac": """
        type: hmac
        secret: ${KEY}
        header: X-Hub-Signature-256
        algorithm: sha256
        encoding: hex
        signed: "{{timestamp}}.{{body}}"
        value: sha256={{signature}}
        timestamp_header: X-Time""",
}


@pytest.fixture(autouse=True)
def stored() -> None:
    Secret.objects.create(name="KEY", value="s3cret-value-of-more-than-32-bytes!")
    Secret.objects.create(name="OTHER", value="other-value")


def bundle(auth: str) -> str:
    return BUNDLE.replace("{auth}", auth)


@pytest.mark.parametrize("kind", KINDS)
def test_it_comes_back_from_its_dump(kind: str) -> None:
    load(bundle(KINDS[kind]))
    assert load(bundle(KINDS[kind])) == []
    dump = loading.dump()
    assert "s3cret-value" not in dump
    assert "other-value" not in dump
    assert load(dump) == []
    row = Endpoint.objects.get()
    Endpoint.objects.update(auth="none", auth_options={}, auth_username="", auth_secret="")
    load(dump)
    again = Endpoint.objects.get()
    assert again.auth == row.auth == kind
    assert again.auth_options == row.auth_options
    assert (again.auth_username, again.auth_secret) == (row.auth_username, "${KEY}")


@pytest.mark.parametrize("kind", KINDS)
def test_workers_get_it_compiled(kind: str) -> None:
    load(bundle(KINDS[kind]))
    (plan,) = load_recipients().values()
    assert plan.paused_reason == ""
    assert plan.production is not None
    auth = plan.production.auth
    assert auth.kind == kind
    assert auth.secret.startswith("s3cret-value")
    assert auth.mark.startswith(plan.production.id)
    assert set(auth.options) == {option.name for option in SCHEMES[AuthKind(kind)].options}
    assert "KEY" in plan.secrets
    assert "s3cret" not in repr(plan)


def test_other_credentials_have_another_mark() -> None:
    marks = set()
    for scope in ("a", "b"):
        load(bundle(KINDS["oauth2"].replace("scope: a b", f"scope: {scope}")))
        (plan,) = load_recipients().values()
        assert plan.production is not None
        marks.add(plan.production.auth.mark)
    assert len(marks) == 2


@pytest.mark.parametrize(
    ("kind", "old", "new", "mistake"),
    [
        ("oauth2", "token_url: https://login.example/token", "", "auth: The key token_url is "),
        ("oauth2", "grant: refresh_token", "grant: word", "auth.grant: one of client_credentials"),
        ("oauth2", "${OTHER}", "written-out", "auth.refresh_token: write ${NAME}"),
        ("oauth2", "${OTHER}", "${NOBODY}", "auth.refresh_token: ${NOBODY} is neither"),
        ("oauth2", "scope: a b", "scpe: a b", "auth.scpe: Unknown key; did you mean scope?"),
        ("jwt", "issuer: app", "key_id: x", "auth: The key issuer is missing"),
        ("jwt", "lifetime: 3m", "lifetime: soon", "auth.lifetime: "),
        ("login", "token: data.token", "token: a..b", "auth.token: "),
        ("hmac", "algorithm: sha256", "algorithm: crc", "auth.algorithm: one of sha256"),
        ("digest", "username: lead", "username: ''", "auth.username: digest needs a user name"),
    ],
)  # fmt: skip
def test_mistakes_are_told_at_their_key(kind: str, old: str, new: str, mistake: str) -> None:
    assert old in KINDS[kind]
    text = KINDS[kind].replace("        key_id: k1\n", "").replace("        ttl: 30m\n", "")
    found = mistakes(bundle(text.replace(old, new)))
    assert f"recipients[0].endpoint.{mistake}" in found[0]
