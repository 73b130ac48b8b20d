"""Submission specifications: what they say, what they do not, and the test leads posted there."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from events.models import Event, Lead
from flows.arrival import submissions
from flows.models import FlowSource, SourceKey, SubmissionLink
from leadops.lib.throttle import Throttle
from tests.factories import make_flow, make_recipient, make_source, make_user
from tests.pages import sign_in, text_of

pytestmark = pytest.mark.django_db
BASE = "https://leads.example.com"


@pytest.fixture
def terms() -> FlowSource:
    source = make_source(price="13.37", key="src_secret_key_0001")
    flow = make_flow(source, make_recipient(price="88.88"))
    source.aliases = {"fname": "first_name", "contact.phone": "phone_1"}
    source.require = ["phone_1"]
    source.allowed_ips = ["203.0.113.0/24"]
    source.save()
    row = FlowSource.objects.get(flow=flow)
    row.accept = {"field": "state", "op": "is_not", "value": "NY-secret"}
    row.pricing = {"url": "https://prices.example/quote-77", "price": "p"}
    row.save()
    return row


def make_link(terms: FlowSource, **how: Any) -> SubmissionLink:
    values = {"days": 30, "by": "olga", "now": timezone.now(), **how}
    return submissions.make_link(terms, **values)


def address(link: SubmissionLink) -> str:
    return reverse("specifications:submission", args=[link.token])


def test_it_names_fields_with_types_names_and_examples(terms):
    found = submissions.current(terms, base=BASE)
    items = {item.name: item for item in found.items}
    assert found.address == f"{BASE}/flows/auto-insurance/sources/web-form-a/submit"
    assert items["email"].required
    assert items["phone_1"].required  # of this source
    assert not items["state"].required
    assert items["first_name"].names == ("fname",)
    assert items["phone_1"].names == ("contact.phone",)
    assert items["phone_1"].forms == ("(512) 555-0123", "+15125550123")
    assert found.networks == ("203.0.113.0/24",)


def test_samples_are_whole_and_hold_no_key(terms):
    form, as_json, as_xml = submissions.current(terms, base=BASE).samples
    assert "--data-urlencode email=test.lead@example.com" in form.text
    assert "Authorization: Bearer YOUR_KEY" in form.text
    document = as_json.text.partition("--data-raw '")[2].rpartition("'")[0]
    assert json.loads(document)["email"] == "test.lead@example.com"
    assert "<email>test.lead@example.com</email>" in as_xml.text
    terms.source.open_submit = True
    assert "Authorization" not in submissions.current(terms, base=BASE).samples[0].text


def test_the_page_holds_no_key_no_price_no_criterion_and_nobody(terms):
    page = Client().get(address(make_link(terms)))
    assert page.status_code == 200
    text = page.content.decode()
    hint = SourceKey.objects.get().digest
    for hidden in ("src_secret_key_0001", hint, "13.37", "88.88", "NY-secret", "quote-77"):
        assert hidden not in text, hidden
    assert "noindex" in page["X-Robots-Tag"]
    assert page["Referrer-Policy"] == "no-referrer"
    assert "no-store" in page["Cache-Control"]
    assert "sessionid" not in page.cookies


def test_a_link_ends(terms):
    expired = make_link(terms, now=timezone.now() - timedelta(days=31))
    assert Client().get(address(expired)).status_code == 410
    assert Client().post(address(expired)).status_code == 410
    link = make_link(terms)
    gone = address(link)
    submissions.revoke(link, by="olga")
    assert Client().get(gone).status_code == 404
    assert Client().get("/submissions/nonsense/").status_code == 404
    changed = Event.objects.filter(type="config.changed")
    assert changed.count() == 3


def test_a_link_of_a_buyer_opens_no_submission_page(terms):
    from flows.trying import specifications

    theirs = specifications.make_link(
        make_recipient("other"), days=7, by="olga", now=timezone.now()
    )
    url = reverse("specifications:submission", args=[theirs.token])
    assert Client().get(url).status_code == 404


def post(link: SubmissionLink, **values: str) -> Any:
    data = {f"field.{name}": value for name, value in values.items()}
    return Client(enforce_csrf_checks=True).post(address(link), data)


GOOD = {"email": "a@example.com", "phone_1": "(512) 555-0123", "state": "TX"}


def test_a_test_lead_is_posted_and_its_answer_shown(terms):
    page = post(make_link(terms), **GOOD)
    assert page.status_code == 200
    lead = Lead.objects.get()
    assert lead.test
    assert lead.id in page.content.decode()
    assert 'data-outcome="success"' in page.content.decode()
    rejected = post(make_link(terms), email="nonsense@")
    assert "Invalid email" in text_of(rejected)
    assert 'value="nonsense@"' in rejected.content.decode()
    assert Lead.objects.filter(test=False).count() == 0


def test_hostile_values_stay_values(terms):
    nasty = '"><script>alert(1)</script>\0'
    page = post(make_link(terms), **{**GOOD, "first_name": nasty, "state": "x" * 100_000})
    text = page.content.decode()
    assert page.status_code == 200
    assert "<script>alert" not in text
    assert "x" * 1001 not in text


def test_test_leads_are_bounded_by_link(terms, monkeypatch):
    monkeypatch.setattr(submissions, "TRIES", Throttle(1, burst=1))
    link = make_link(terms)
    assert post(link, **GOOD).status_code == 200
    refused = post(link, **GOOD)
    assert refused.status_code == 429
    assert "Too many" in text_of(refused)


def test_a_paused_flow_says_so(terms):
    terms.flow.active = False
    terms.flow.save()
    page = post(make_link(terms), **GOOD)
    assert page.status_code == 409
    assert "At the moment no leads are taken here" in text_of(page)
    assert Lead.objects.count() == 0


def console(terms: FlowSource) -> str:
    return reverse(
        "admin:flows_flow_submission", args=[terms.flow_id.replace("_", "_5F"), terms.pk]
    )


def test_staff_make_and_revoke_links(terms):
    client = sign_in(make_user("olga"))
    page = client.get(console(terms))
    assert "There is no link" in text_of(page)
    client.post(console(terms), {"_make": "1", "days": "30"})
    link = SubmissionLink.objects.get()
    assert link.token in client.get(console(terms)).content.decode()
    client.post(console(terms), {"_revoke": link.pk})
    assert not SubmissionLink.objects.exists()


def test_who_may_not_change_the_flow_makes_no_link(terms):
    auditor = sign_in(make_user("axel", role="auditor"))
    assert auditor.get(console(terms)).status_code == 200
    assert auditor.post(console(terms), {"_make": "1", "days": "30"}).status_code == 403
    manager = sign_in(make_user("dana", role="account_manager"))
    assert manager.get(console(terms)).status_code == 403
    assert not SubmissionLink.objects.exists()


def test_a_link_belongs_to_its_flow(terms):
    other = make_flow(make_source("other"), slug="other")
    client = sign_in(make_user("olga"))
    assert client.get(console(terms).replace(str(terms.pk), "999999")).status_code == 404
    url = reverse("admin:flows_flow_submission", args=[other.pk.replace("_", "_5F"), terms.pk])
    assert client.get(url).status_code == 404
