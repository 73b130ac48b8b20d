"""Endpoints of other kinds in a bundle: fallbacks with their options, TLS, pools."""

from __future__ import annotations

import re
import textwrap

import pytest

from leadops.config import loading
from leadops.env import PROJECT
from leadops.lib.http import Reply
from recipients.loading import load_recipients
from recipients.models import Endpoint, Secret
from recipients.outcomes import Outcome
from recipients.plan import RecipientPlan
from tests.leadops.config.bundles import load, mistakes
from tests.leadops.http.certificates import Authority
from tests.recipients.transports.file_servers import new_key

pytestmark = pytest.mark.django_db

HOST_KEY = "SHA256:" + "A" * 43
FALLBACKS = f"""\
leadops: 1
recipients:
  - slug: abc
    name: ABC
    endpoint:
      url: https://api.abc.example/leads
      format: form
      headers: {{X-Partner: "7"}}
      auth: {{type: bearer, token: ${{ABC_TOKEN}}}}
    fallback:
      - url: https://second.abc.example/leads
      - integration: webhook.post
        url: https://hooks.abc.example/
        options: {{secret: "${{HOOK_SECRET}}"}}
      - integration: email
        url: mailto:leads@abc.example
        options:
          from: LeadOps <ops@site.example>
          cc: desk@abc.example
          subject: "Lead {{{{lead.id}}}}"
          attachment: csv
          host: smtp.site.example
          password: ${{SMTP_PASSWORD}}
      - integration: sftp
        url: sftp://files.abc.example:2022/in/
        format: csv
        auth: {{type: basic, username: u, password: "${{SFTP_PASSWORD}}"}}
        options: {{host_key: "{HOST_KEY}", mode: append, csv_columns: "a,b"}}
    response: {{success: status = "accepted"}}
"""


@pytest.fixture(autouse=True)
def stored_secrets() -> None:
    values = {
        "ABC_TOKEN": "t0ken",
        "HOOK_SECRET": "whsec_" + "QUJD" * 10,
        "SMTP_PASSWORD": "mail-word",
        "SFTP_PASSWORD": "file-word",
    }
    for name, value in values.items():
        Secret.objects.create(name=name, value=value)


def changed(old: str, new: str) -> str:
    assert FALLBACKS.count(old) == 1, old
    return FALLBACKS.replace(old, new)


def plan() -> RecipientPlan:
    (found,) = load_recipients().values()
    assert found.active, found.paused_reason
    return found


def test_fallbacks_come_back_from_their_dump() -> None:
    load(FALLBACKS)
    dump = loading.dump()
    assert load(dump) == []
    assert loading.dump() == dump
    assert "integration: email" in dump
    assert "attachment: csv" in dump
    assert "mail-word" not in dump


def test_a_dump_makes_the_same_fallbacks_elsewhere() -> None:
    load(FALLBACKS)
    dump = loading.dump()
    before = [(row.kind, row.url, row.options) for row in Endpoint.objects.order_by("position")]
    Endpoint.objects.all().delete()
    load(dump)
    after = [(row.kind, row.url, row.options) for row in Endpoint.objects.order_by("position")]
    assert sorted(map(str, after)) == sorted(map(str, before))


def test_a_fallback_of_another_integration_has_nothing_of_the_endpoint() -> None:
    load(FALLBACKS)
    second, webhook, email, sftp = Endpoint.objects.filter(kind="fallback").order_by("position")
    assert (second.format, second.auth, second.headers) == ("form", "bearer", "X-Partner: 7")
    for other in (webhook, email):
        assert (other.format, other.auth, other.headers) == ("json", "none", "")
    assert (sftp.format, sftp.auth) == ("csv", "basic")


def test_workers_get_fallbacks_with_their_secrets_and_their_own_reading() -> None:
    load(FALLBACKS)
    found = plan()
    second, webhook, email, sftp = found.fallbacks
    assert webhook.options["secret"].startswith("whsec_")
    assert email.options["password"] == "mail-word"
    assert email.options["subject"].text({"lead": {"id": "lead_1"}}) == "Lead lead_1"
    assert sftp.auth.secret == "file-word"
    assert "mail-word" not in found.redactor.text("530 mail-word")
    # Mail is not answered as the recipient's API is.
    taken = Reply(250, {}, b"2.0.0 queued", protocol="SMTP")
    assert second.reader is None
    assert email.reader is not None
    assert email.reader.read(taken).outcome is Outcome.ACCEPTED
    assert found.reader.read(taken).outcome is not Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("attachment: csv", "attachement: csv", "fallback[2].options: attachement"),
        ("attachment: csv", "attachment: pdf", "attachment: one of none, json"),
        ("cc: desk@abc.example", "cc: desk", "cc: “desk” is no mail address"),
        ("${SMTP_PASSWORD}", "literal", "password: write ${NAME}"),
        ("mailto:leads@abc.example", "https://abc.example", "fallback[2].url: E-mail takes"),
        ("mailto:leads@abc.example", "mailto:{{lead.email}}", "may not choose the addressee"),
        ("sftp://files.abc.example:2022/in/", "sftp://h/{{lead.x}}/", "choose the folder"),
        (f'host_key: "{HOST_KEY}", ', "", "fallback[3].options: host_key: must be given"),
        (HOST_KEY, "trust me", "is no host key"),
        (', csv_columns: "a,b"', "", "csv_columns"),
        ("format: csv", "format: form", "Files are JSON, XML or CSV"),
        ('{type: basic, username: u, password: "${SFTP_PASSWORD}"}', "none", "SFTP takes basic"),
    ],
)
def test_what_does_not_fit_is_told_where_it_stands(old: str, new: str, said: str) -> None:
    (mistake,) = mistakes(changed(old, new))
    assert said in mistake
    assert mistake.startswith("b.yaml:")


def test_a_secret_of_another_kind_switches_the_recipient_off_and_says_why() -> None:
    load(FALLBACKS)
    Secret.objects.filter(name="HOOK_SECRET").update(value="hunter2")
    (found,) = load_recipients().values()
    assert not found.active
    assert "whsec_" in found.paused_reason
    assert "hunter2" not in found.paused_reason


# TLS and pools

CA = Authority()
CLIENT, OTHER = CA.issue("leadops.example"), CA.issue("other.example")


def tls_bundle(*, certificate: str = CLIENT.certificate, key: str = CLIENT.key) -> str:
    def block(pem: str) -> str:
        return "|\n" + textwrap.indent(pem, " " * 10)

    return (
        "leadops: 1\nrecipients:\n  - slug: abc\n    name: ABC\n    endpoint:\n"
        "      url: https://api.abc.example/leads\n      connections: 2\n      keep_alive: 20s\n"
        f"      tls:\n        ca: {block(CA.certificate)}"
        f"        certificate: {block(certificate)}        key: {block(key)}"
    )


def test_tls_and_pools_come_back_from_their_dump() -> None:
    load(tls_bundle())
    dump = loading.dump()
    assert load(dump) == []
    assert loading.dump() == dump
    assert "PRIVATE KEY" not in dump
    assert "connections: 2" in dump
    assert "keep_alive: 20s" in dump


def test_workers_get_the_identity_and_the_pool() -> None:
    load(tls_bundle())
    production = plan().production
    assert production is not None
    assert production.pool is not None
    assert production.tls is not None
    assert production.tls.certificate.strip() == CLIENT.certificate.strip()
    assert (production.pool.connections, production.pool.keep_alive) == (2, 20.0)


def test_an_endpoint_without_wishes_shares_everybodys_connections() -> None:
    load(FALLBACKS)
    production = plan().production
    assert production is not None
    assert production.pool is None


def test_certificates_are_looked_at_where_they_are_written() -> None:
    (mistake,) = mistakes(tls_bundle(key=OTHER.key))
    assert "The key is not that of the first certificate" in mistake
    (mistake,) = mistakes(tls_bundle(certificate="nonsense\n"))
    assert "not certificates in PEM" in mistake


def test_a_key_from_the_secrets_is_looked_at_when_it_is_used() -> None:
    Secret.objects.create(name="CLIENT_KEY", value=OTHER.key)
    load(tls_bundle(key="${CLIENT_KEY}\n"))
    (found,) = load_recipients().values()
    assert "The key is not that of the first certificate" in found.paused_reason
    Secret.objects.filter(name="CLIENT_KEY").update(value=CLIENT.key)
    assert plan().production is not None


@pytest.mark.parametrize("keep_alive", ["6m", "1h"])
def test_connections_are_not_kept_for_longer_than_names_are_believed(keep_alive: str) -> None:
    (mistake,) = mistakes(tls_bundle().replace("keep_alive: 20s", f"keep_alive: {keep_alive}"))
    assert "Between 0s and 5m" in mistake


YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["email.md", "sftp.md", "object-stores.md", "webhooks.md"])
def test_the_examples_of_the_pages_load(page: str) -> None:
    (example,) = YAML.findall((PROJECT / "docs" / page).read_text())
    if not example.startswith("recipients:"):
        endpoint = "{url: https://api.abc.example/leads}"
        inner = textwrap.indent(example, " " * 4)
        example = f"recipients:\n  - slug: abc\n    name: ABC\n    endpoint: {endpoint}\n{inner}"
    client = new_key().private
    for name in re.findall(r"\$\{(\w+)\}", example):
        value = client if name.endswith("_KEY") else "whsec_" + "QUJD" * 10
        Secret.objects.create(name=name, value=value)
    load(f"leadops: 1\n{example}")
    assert plan().endpoints()


def test_connections_may_be_closed_after_each_use() -> None:
    load(tls_bundle().replace("keep_alive: 20s", "keep_alive: 0s"))
    dump = loading.dump()
    assert "keep_alive: 0s" in dump
    assert load(dump) == []
    production = plan().production
    assert production is not None
    assert production.pool is not None
    assert production.pool.keep_alive == 0
