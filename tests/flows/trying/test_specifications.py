"""Delivery specifications: what they say, and above all what they do not."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from events.models import Event
from flows.trying import specifications
from recipients.models import (
    Endpoint,
    MappingRow,
    Recipient,
    ResponseRule,
    Secret,
    SpecificationLink,
)
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, make_user
from tests.pages import sign_in, submit, text_of

pytestmark = pytest.mark.django_db

ROWS = (
    ("firstName", "{{lead.first_name}}", "", False),
    ("phone", '{{format lead.phone_1 "(###) ###-####"}}', "", False),
    ("score", "{{lead.score}}", "", True),
    ("state", "{{lead.state}}", "lead.score > 80", False),
    ("campaign", "winter", "", False),
    ("apiPassword", "${BUYER_WORD}", "", False),
    ("meta.sentAt", '{{format now "YYYY-MM-DD"}}', "", False),
    ("bid", "{{recipient.price}}", "", False),
    ("cost", "{{source.price}}", "", False),
    ("password", "written-out", "", False),
)


@pytest.fixture
def recipient() -> Recipient:
    source, recipient = make_source(price="13.37"), make_recipient(price="88.88", tier="gold-77")
    flow = make_flow(source, recipient)
    deliver_lead(flow, source, first_name="Realperson", email="real.person@real.example")
    Secret.objects.create(name="BUYER_WORD", value="swordfish-9", expires_at=date(2031, 5, 6))
    Secret.objects.create(name="BUYER_TOKEN", value="token-value-12345")
    recipient.endpoints.update(
        auth="bearer",
        auth_secret="${BUYER_TOKEN}",
        url="https://user:pass-word-1@api.abc.example/leads?api_key=query-key-1&v=2",
        headers="X-Campaign: {{lead.state}}\nX-Api-Key: header-key-1\nX-Own: ${BUYER_TOKEN}",
    )
    for place, (key, value, when, keep) in enumerate(ROWS, 1):
        MappingRow.objects.create(
            recipient=recipient, position=place, key=key, value=value, when=when, keep_blank=keep
        )
    ResponseRule.objects.create(
        recipient=recipient, status="200", contains="DUP", outcome="duplicate", reason="Known"
    )
    recipient.price_path, recipient.lead_id_path = "price", "leadId"
    recipient.fallback_price, recipient.notes = "44.44", "Phone must be mobile"
    recipient.save()
    return recipient


def opened(link: SpecificationLink) -> Any:
    return Client().get(reverse("specifications:open", args=[link.token]))


def make_link(recipient: Recipient, **how: Any) -> SpecificationLink:
    values = {"days": 30, "by": "olga", "now": timezone.now(), **how}
    return specifications.make_link(recipient, **values)


def test_it_says_what_is_sent_and_when(recipient: Recipient):
    items = {item.name: item for item in specifications.current(recipient).items}
    assert items["email"].sent == "always"  # a required field
    assert (items["email"].format, items["email"].example) == (
        "e-mail address",
        "test.lead@example.com",
    )
    assert (items["firstName"].sent, items["firstName"].example) == ("when known", "Test")
    assert (items["phone"].format, items["phone"].example) == ("(###) ###-####", "(512) 555-0123")
    assert (items["score"].type, items["score"].sent) == ("number", "always")
    assert items["state"].sent == "in some cases"
    assert (items["campaign"].sent, items["campaign"].example) == ("always", "winter")
    assert items["meta.sentAt"].sent == "always"


def test_it_says_where_it_goes_and_how_replies_read(recipient: Recipient):
    found = specifications.current(recipient)
    (way,) = found.ways
    assert (way.kind, way.method, way.authentication) == ("production", "POST", "Bearer token")
    assert (way.timeout, way.idempotency, found.sandbox) == ("10s", "Idempotency-Key", None)
    assert [(each.when, str(each.outcome), each.reason) for each in found.readings] == [
        ("status 200, “DUP” in the body", "duplicate", "Known"),
        ('status 2xx, status = "accepted"', "accepted", ""),
        ("status 2xx, any other value there", "rejected", ""),
    ]
    assert dict(found.values) == {"Your id of the lead": "leadId", "The price": "price"}
    assert found.accepted_body == '{"status": "accepted"}'
    assert {str(each.outcome) for each in found.retries} == {
        "server_error", "unavailable", "unknown", "rate_limited",
    }  # fmt: skip
    assert found.rotation == date(2031, 5, 6)


def test_it_holds_no_secret_no_price_of_ours_and_nobody(recipient: Recipient):
    page = opened(make_link(recipient)).content.decode()
    for hidden in (
        "swordfish-9", "BUYER_WORD", "token-value-12345", "BUYER_TOKEN", "pass-word-1",
        "query-key-1", "header-key-1", "written-out", "88.88", "13.37", "44.44", "gold-77",
        "Realperson", "real.person", "lead.score &gt; 80", "move_on", "remediation",
    ):  # fmt: skip
        assert hidden not in page, hidden
    assert "Phone must be mobile" in page
    assert "v=2" in page


def test_a_link_opens_without_a_login_and_is_for_no_search_engine(recipient: Recipient):
    answer = opened(make_link(recipient))
    assert answer.status_code == 200
    assert "noindex" in answer["X-Robots-Tag"]
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    assert 'name="robots" content="noindex' in answer.content.decode()
    assert "Delivery specification" in text_of(answer)


def test_a_link_ends(recipient: Recipient):
    link = make_link(recipient, now=timezone.now() - timedelta(days=31))
    answer = opened(link)
    assert answer.status_code == 410
    assert "This link has ended" in text_of(answer)
    link = make_link(recipient)
    token = link.token
    specifications.revoke(link, by="olga")
    assert Client().get(reverse("specifications:open", args=[token])).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1],
        lambda token: token.replace("spl_", "spl_X"),
        lambda token: token.split(":")[0],
        lambda token: "x",
    ],
)
def test_a_token_that_nobody_signed_opens_nothing(recipient: Recipient, change: Any):
    token = change(make_link(recipient).token)
    answer = Client().get(reverse("specifications:open", args=[token]))
    assert answer.status_code == 404
    assert "Abc Insurance" not in answer.content.decode()


def test_it_follows_the_configuration(recipient: Recipient):
    link = make_link(recipient)
    MappingRow.objects.filter(key="campaign").update(value="summer")
    assert "summer" in text_of(opened(link))


@pytest.mark.parametrize("format", ["xml", "form", "query", "csv"])
def test_it_is_made_for_every_format(recipient: Recipient, format: str):
    recipient.endpoints.update(format=format, method="GET" if format == "query" else "POST")
    found = specifications.current(recipient)
    assert found.sample is not None
    assert "test.lead" in found.sample.body or "test.lead" in found.sample.url


def test_it_says_so_when_nothing_is_set_up():
    bare = make_recipient("bare")
    bare.endpoints.all().delete()
    assert specifications.current(bare).problem
    assert "not set up" in text_of(opened(make_link(bare)))


def test_it_reads_a_mapping_as_text_and_a_service_of_another_kind(recipient: Recipient):
    recipient.mapping_text = "firstName: {{lead.first_name}}\nnested:\n  a: {{lead.email}}"
    recipient.save()
    Endpoint.objects.create(
        recipient=recipient, kind="fallback", integration="email", url="mailto:leads@abc.example"
    )
    found = specifications.current(recipient)
    assert [item.name for item in found.items] == ["firstName", "nested.a"]
    assert found.ways[-1].method == "E-mail"


# --- in the console


def url_of(recipient: Recipient) -> str:
    pk = recipient.pk.replace("_", "_5F")
    return reverse("admin:recipients_recipient_specification", args=[pk])


def test_ops_make_and_revoke_links_and_both_are_recorded(recipient: Recipient):
    ops = sign_in(make_user("olga"))
    page = ops.post(url_of(recipient), {"_make": "1", "days": "7"}, follow=True)
    link = SpecificationLink.objects.get()
    assert link.token in page.content.decode()
    assert timedelta(days=6) < link.expires_at - timezone.now() <= timedelta(days=7)
    assert link.made_by == "olga"
    made = Event.objects.filter(type="config.changed").latest("timestamp")
    assert "specification_links" in str(made.data)
    assert link.token.split(":")[1] not in str(made.data)
    ops.post(url_of(recipient), {"_revoke": link.pk})
    assert not SpecificationLink.objects.exists()
    assert Event.objects.filter(type="config.changed").count() == 2


def test_a_link_of_another_recipient_is_not_revoked(recipient: Recipient):
    link = make_link(make_recipient("other"))
    sign_in(make_user("olga")).post(url_of(recipient), {"_revoke": link.pk})
    assert SpecificationLink.objects.filter(pk=link.pk).exists()


@pytest.mark.parametrize(("role", "sees", "makes"), [
    ("auditor", 200, 403), ("account_manager", 403, 403), ("ops", 200, 302),
])  # fmt: skip
def test_it_is_for_those_who_configure(recipient: Recipient, role: str, sees: int, makes: int):
    client = sign_in(make_user("x", role=role, recipients=[recipient]))
    assert client.get(url_of(recipient)).status_code == sees
    answer = client.post(url_of(recipient), {"_make": "1", "days": "7"})
    assert answer.status_code == makes


def test_it_shows_contact_and_when_credentials_are_due(recipient: Recipient):
    ops = sign_in(make_user("olga"))
    change = reverse("admin:recipients_recipient_change", args=[recipient.pk.replace("_", "_5F")])
    answer = submit(
        ops, change, contact_name="John Doe", contact_email="john@abc.example", contact_phone="1"
    )
    assert answer.status_code == 302
    page = text_of(ops.get(url_of(recipient)))
    assert "John Doe · john@abc.example · 1" in page
    assert "BUYER_WORD to be rotated by 2031-05-06" in page
    assert "BUYER_TOKEN without a date" in page
    assert Recipient.objects.get(pk=recipient.pk).price == Decimal("88.88")


def test_the_recipients_page_says_that_replies_are_simulated(recipient: Recipient):
    recipient.integration = "simulated"
    recipient.save()
    recipient.endpoints.update(url="simulated://buyer", auth="none", headers="")
    change = reverse("admin:recipients_recipient_change", args=[recipient.pk.replace("_", "_5F")])
    ops = sign_in(make_user("olga"))
    assert "Replies are simulated" in text_of(ops.get(change))
    assert "Simulated replies" in text_of(ops.get(url_of(recipient)))
