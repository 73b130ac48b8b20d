"""Where secrets must never be: pages, the API, the record, dumps, logs, health pages."""

from __future__ import annotations

import json
import logging
import re

import pytest
from django.conf import global_settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management import call_command
from django.db import connection
from django.test import Client

from events.models import Event
from leadops.lib.admin import change_url
from recipients.models import Endpoint, Recipient, Secret
from tests import factories
from tests.factories import KEYS, bearer
from tests.pages import sign_in, submit

pytestmark = pytest.mark.django_db
TOKEN, NAMED, PASSWORD = "bearer-token-Zq9-x", "named-secret-Zq8-x", "correct-horse-Zq7"
HIDDEN = (TOKEN, NAMED, PASSWORD, *KEYS.values(), "pbkdf2_", "md5$")


@pytest.fixture
def recipient() -> Recipient:
    made = factories.make_recipient(key=KEYS["partner"])
    made.endpoints.update(auth="bearer")
    endpoint = made.endpoints.get()
    endpoint.auth_secret = TOKEN
    endpoint.save()
    Secret.objects.create(name="BUYER_TOKEN", value=NAMED)
    factories.make_flow(factories.make_source(key=KEYS["source"]), made)
    return made


def everything() -> str:
    """Every row of every table of ours, as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' "
            "AND table_name !~ '^(django_(migrations|content)|auth_perm)'"
        )
        rows = []
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" AS t')
            rows += [str(row[0]) for row in cursor.fetchall()]
    return "\n".join(rows)


@pytest.mark.parametrize("role", ["administrator", "ops", "auditor", "account_manager"])
def test_it_shows_no_secret_on_any_page(recipient, role):
    user = factories.make_user(role=role, recipients=[recipient], key=KEYS["staff"])
    client = sign_in(user)
    secret = Secret.objects.get()
    source = recipient.steps.get().step.flow.sources.get().source
    pages = [change_url(type(obj), obj.pk) for obj in (recipient, secret, source, user)]
    pages += [page.replace("/change/", "/history/") for page in pages]
    pages += ["/admin/", "/admin/recipients/secret/", "/admin/accounts/user/", "/dashboards/"]
    pages += ["/admin/events/event/", "/admin/search/?s=Zq"]
    for page in pages:
        text = client.get(page, follow=True).content.decode()
        assert not [word for word in HIDDEN if word in text], page


def test_it_shows_no_secret_again_after_a_mistake_in_the_form(recipient):
    client = sign_in(factories.make_user())
    answer = submit(
        client,
        change_url(Recipient, recipient.pk),
        endpoints__0__auth_secret="typed-secret-Zq6",
        endpoints__0__url="not an address",
    )
    assert answer.status_code == 200
    assert "typed-secret-Zq6" not in answer.content.decode()


def test_it_records_that_a_secret_changed_and_never_to_what(recipient):
    client = sign_in(factories.make_user())
    submit(
        client,
        change_url(Recipient, recipient.pk),
        endpoints__0__auth_secret="typed-secret-Zq6",
    )
    assert Endpoint.objects.get().auth_secret == "typed-secret-Zq6"
    changes = json.dumps(list(Event.objects.values_list("data", "reason")), default=str)
    assert "auth_secret" in changes
    assert "typed-secret-Zq6" not in changes
    assert TOKEN not in changes


def test_it_keeps_no_secret_in_the_clear_in_any_table(recipient):
    factories.make_user(key=KEYS["staff"])
    source = recipient.steps.get().step.flow.sources.get().source
    factories.deliver_lead(recipient.steps.get().step.flow, source)
    stored = everything()
    assert not [word for word in (TOKEN, NAMED, PASSWORD, *KEYS.values()) if word in stored]


def test_it_dumps_no_secret(recipient, tmp_path):
    factories.make_user(key=KEYS["staff"])
    call_command("bundle", "dump", str(tmp_path / "bundle.yaml"))
    text = (tmp_path / "bundle.yaml").read_text()
    assert "abc-insurance" in text
    assert not [word for word in HIDDEN if word in text]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_it_tells_anybody_only_how_it_does(recipient, path):
    text = Client().get(path).content.decode()
    for word in (*HIDDEN, "abc-insurance", "web-form-a", "example.com", str(recipient.id)):
        assert word not in text


@pytest.mark.parametrize("key", ["wrong-key-Zq5", "wrong-key-Zq5 two", "é-Zq5", "x" * 7_000])
def test_it_repeats_no_key_that_it_is_shown(db, caplog, key):
    client = Client()
    with caplog.at_level(logging.DEBUG):
        answer = client.get("/api/v1/events", **bearer(key))
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    for text in (answer.content.decode(), caplog.text):
        assert "Zq5" not in text
        assert "xxxx" not in text


def test_it_hashes_passwords_slowly():
    """The suite itself uses a fast one."""
    from leadops import settings

    assert not hasattr(settings, "PASSWORD_HASHERS")
    assert global_settings.PASSWORD_HASHERS[0].endswith("PBKDF2PasswordHasher")
    assert PBKDF2PasswordHasher.iterations >= 600_000  # OWASP, 2023


def test_it_gives_the_session_to_no_script_and_no_other_site(db):
    factories.make_user()
    client = Client()
    answer = client.post("/admin/login/", {"username": "olga", "password": "correct-horse"})
    cookie = answer.cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


@pytest.mark.parametrize(
    "target", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_it_leads_nobody_elsewhere_after_signing_in(db, target):
    factories.make_user()
    answer = Client().post(
        f"/admin/login/?next={target}",
        {"username": "olga", "password": "correct-horse", "next": target},
    )
    assert answer.status_code == 302
    assert re.match(r"/(?![/\\])", answer["Location"])


@pytest.mark.parametrize(
    "path",
    [
        "/admin/login/",
        "/admin/logout/",
        "/admin/password_change/",
        "/admin/recipients/recipient/",
        "/admin/recipients/secret/add/",
        "/admin/accounts/user/add/",
    ],
)
def test_it_takes_no_form_of_another_site(db, path):
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.make_user(role="administrator"))
    assert client.post(path, {"action": "pause_selected"}).status_code == 403
