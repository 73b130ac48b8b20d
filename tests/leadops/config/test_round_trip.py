"""Dump → load → dump is the identity, for whatever the console can make."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadops.config import loading
from leadops.config.nodes import parse
from leadops.config.writing import write
from recipients.models import Endpoint, Recipient
from tests.leadops.config.bundles import CONTRACT, changed, load, mistakes
from tests.leadops.config.test_nodes import plain

pytestmark = pytest.mark.django_db

HASHED = {"key", "password"}


def paths(value: Any, path: str = "") -> set[str]:
    """The dotted keys of a document, places in lists left out."""
    if isinstance(value, dict):
        return {f"{path}.{key}" for key in value} | {
            found for key, child in value.items() for found in paths(child, f"{path}.{key}")
        }
    if isinstance(value, list):
        return {found for child in value for found in paths(child, path)}
    return set()


def document(text: str) -> Any:
    return plain(parse(text.encode(), name="x"))


def test_a_dump_of_the_contract_changes_nothing_and_dumps_the_same():
    load(CONTRACT)
    dump = loading.dump()
    assert load(dump) == []
    assert loading.dump() == dump


def test_a_dump_holds_every_key_of_what_was_loaded_but_keys_and_passwords():
    load(CONTRACT)
    missing = paths(document(CONTRACT)) - paths(document(loading.dump()))
    assert {path.rpartition(".")[2] for path in missing} == HASHED


def test_a_dump_makes_the_same_system_elsewhere():
    load(CONTRACT)
    dump = loading.dump()
    with transaction.atomic():
        for section in loading.SECTIONS:
            if section.key == "flows":
                for obj in section.objects():
                    obj.delete()
        for section in loading.SECTIONS:
            for obj in section.objects():
                obj.delete()
    assert len(load(dump)) == 10
    again = loading.dump()
    assert _without_remarks(again) == _without_remarks(dump)


def _without_remarks(text: str) -> str:
    return re.sub(r"\n *# .*", "", text)


def test_literal_credentials_are_never_dumped():
    text = changed("token: ${BUYER_TOKEN}", "token: s3cret-literal")
    text = changed("{X-Request-ID:", "{X-API-Key: another-s3cret, X-Request-ID:", text)
    load(text)
    dump = loading.dump()
    assert "s3cret" not in dump
    assert "token: ${ABC_INSURANCE_TOKEN}  # kept encrypted here" in dump
    assert "X-API-Key: ${ABC_INSURANCE_HEADER_X_API_KEY}" in dump
    # Where it came from, the dump leaves the credentials as they are.
    assert load(dump) == []
    row = Endpoint.objects.get(recipient__slug="abc-insurance", kind="production")
    assert (row.auth_secret, "another-s3cret" in row.headers) == ("s3cret-literal", True)


def test_a_dumped_literal_must_be_set_elsewhere(monkeypatch):
    load(changed("token: ${BUYER_TOKEN}", "token: s3cret-literal"))
    dump = loading.dump()
    Endpoint.objects.all().delete()
    assert "${ABC_INSURANCE_TOKEN} is neither" in mistakes(dump)[0]
    monkeypatch.setenv("ABC_INSURANCE_TOKEN", "from-outside")
    load(dump)
    row = Endpoint.objects.get(recipient__slug="abc-insurance", kind="production")
    assert row.auth_secret == "${ABC_INSURANCE_TOKEN}"


def test_what_differs_from_a_default_by_being_blank_is_dumped():
    load(CONTRACT)
    Endpoint.objects.filter(kind="production").update(idempotency_header="")
    dump = loading.dump()
    assert load(dump) == []
    Endpoint.objects.filter(kind="production").update(idempotency_header="Other")
    load(dump)
    assert set(
        Endpoint.objects.filter(kind="production").values_list("idempotency_header", flat=True)
    ) == {""}


WORD = st.text("abcdefgh NO:#'\"{}[]é-", min_size=1, max_size=12).filter(str.strip)
VALUE = st.one_of(
    st.sampled_from(["{{lead.email}}", "{{lead.score}}", "true", "01", "NO", " x ", "a\nb", "#"]),
    st.integers(-5, 5), st.booleans(), st.none(),
    st.fixed_dictionaries({"value": st.just("{{lead.x}}"), "when": st.just("lead.score > 80")}),
    st.fixed_dictionaries({"value": st.just("{{lead.x}}"), "keep_blank": st.booleans()}),
)  # fmt: skip
MAPPING = st.dictionaries(
    WORD, st.recursive(VALUE, lambda inner: st.dictionaries(WORD, inner, max_size=3), max_leaves=5),
    max_size=4,
)  # fmt: skip
RULE = st.recursive(
    st.fixed_dictionaries(
        {
            "field": st.sampled_from(["state", "score"]),
            "op": st.sampled_from(["is", "is_not", "contains"]),
            "value": WORD,
        }
    ),
    lambda inner: (
        st.dictionaries(
            st.sampled_from(["all", "any"]),
            st.lists(inner, min_size=1, max_size=3),
            min_size=1,
            max_size=1,
        )
        | st.fixed_dictionaries({"not": inner})
    ),
    max_leaves=4,
)
SHARED = {
    "url": st.sampled_from(
        ["https://a.example/x", "https://{{lead.state}}.api.example/${BUYER_TOKEN}"]
    )
}
ENDPOINT = st.fixed_dictionaries(
    SHARED,
    optional={
        "method": st.sampled_from(["POST", "GET"]),
        "format": st.sampled_from(["json", "xml", "form", "query"]),
        "timeout": st.sampled_from(["10s", "500ms", "1.5s", "2m"]),
        "compress": st.booleans(),
        "headers": st.dictionaries(
            st.sampled_from(["X-A", "X-B", "Cookie", "X-API-Key"]),
            st.sampled_from(["1", "{{lead.id}}", "${BUYER_TOKEN}", "a b"]),
        ),
        "idempotency": st.fixed_dictionaries({"header": st.sampled_from(["", "X-Key"])}),
        "auth": st.sampled_from(
            [
                {"type": "none"},
                {"type": "headers"},
                {"type": "bearer", "token": "literal"},
                {"type": "bearer", "token": "${BUYER_TOKEN}"},
                {"type": "basic", "username": "u", "password": "p"},
                {"type": "api_key", "name": "k", "in": "query", "key": "literal"},
                {"type": "digest", "username": "u", "password": "${BUYER_TOKEN}"},
                {"type": "hmac", "secret": "literal", "signed": "{{timestamp}}.{{body}}"},
                {
                    "type": "oauth2",
                    "client_id": "u",
                    "client_secret": "literal",
                    "token_url": "https://a.example/token",
                    "params": {"b": "1", "a": "${BUYER_TOKEN}"},
                },
            ]
        ),
    },
)
FALLBACK = ENDPOINT | st.sampled_from(
    [
        {"integration": "webhook.post", "url": "https://a.example/"},
        {"integration": "email", "url": "mailto:a@b.example", "options": {"cc": "c@b.example"}},
        {
            "integration": "email",
            "url": "mailto:a@b.example,c@b.example",
            "options": {"subject": "{{lead.id}}", "port": 25, "password": "${BUYER_TOKEN}"},
            "connections": 3,
            "keep_alive": "1s",
        },
        {
            "integration": "sftp",
            "url": "sftp://a.example/in/",
            "auth": {"type": "basic", "username": "u", "password": "literal"},
            "options": {"host_key": "SHA256:" + "A" * 43, "mode": "file"},
        },
    ]
)
RECIPIENT = st.fixed_dictionaries(
    {"slug": st.just("r"), "name": WORD},
    optional={
        "tier": WORD,
        "price": st.sampled_from(["45", "45.00", "0", "0.1234"]),
        "active": st.booleans(),
        "notes": st.sampled_from(["a", "a\nb\n", "a \n b", "  x"]),
        "fields": st.dictionaries(WORD, st.integers(-5, 5) | st.booleans() | WORD, max_size=3),
        "endpoint": ENDPOINT,
        "backup": ENDPOINT,
        "regional": st.lists(
            st.builds(lambda e, rule: {**e, "when": rule}, ENDPOINT, RULE), max_size=2
        ),
        "fallback": st.lists(FALLBACK, max_size=3),
        "mapping": MAPPING
        | st.sampled_from(["a: {{lead.x}}\n", "{{#if lead.x}}\na: 1\n{{/if}}\n"]),
        "filter": RULE,
        "response": st.fixed_dictionaries(
            {},
            optional={
                "success": st.just('status = "a"'),
                "lead_id": st.sampled_from(["a.b", "//id", "header:X"]),
                "capture": st.dictionaries(WORD, st.just("a.b"), max_size=2),
                "rules": st.lists(
                    st.sampled_from(
                        [
                            {"status": 200, "contains": "A", "outcome": "duplicate"},
                            {"status": "5xx", "outcome": "server_error", "reason": "x"},
                            {"when": 'a = "b"', "outcome": "rejected"},
                        ]
                    ),
                    max_size=4,
                ),
            },
        ),
        "retry": st.dictionaries(
            st.sampled_from(["server_error", "unknown"]),
            st.fixed_dictionaries(
                {"times": st.integers(0, 9)}, optional={"backoff": st.just("2s")}
            ),
        ),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=RECIPIENT, second=RECIPIENT)
def test_any_recipient_comes_back_from_its_dump(first, second):
    with transaction.atomic():
        Recipient.objects.all().delete()
        for recipient in (first, second):  # the second replaces the first
            text = write({"leadops": 1, "recipients": [recipient]})
            load(text)
            assert load(text) == []
        dump = loading.dump()
        assert load(dump) == []
        assert loading.dump() == dump
        plan = {rule.pk for rule in Recipient.objects.get().response_rules.all()}
        load(text)
        assert {rule.pk for rule in Recipient.objects.get().response_rules.all()} == plan
