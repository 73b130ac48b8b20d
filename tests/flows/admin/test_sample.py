"""From a sample, without a browser: who may, what is refused, what is recorded."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from events import replies
from events.models import Event, Exchange
from flows.admin.sample import last_replies
from recipients.models import Recipient, ResponseRule
from recipients.outcomes import Outcome
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, make_user
from tests.pages import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops():
    return sign_in(make_user("olga"))


def url_of(recipient: Recipient) -> str:
    pk = recipient.pk.replace("_", "_5F")
    return reverse("admin:recipients_recipient_sample", args=[pk])


def posted(**values: Any) -> dict[str, Any]:
    """What the page sends; `__` in a name stands for `-`."""
    form = {
        "recorded": "", "status": "200", "headers": "", "body": "",
        "success": 'status = "accepted"', "capture": "",
        "rules-TOTAL_FORMS": "0", "rules-INITIAL_FORMS": "0",
    }  # fmt: skip
    return {**form, **{name.replace("__", "-"): value for name, value in values.items()}}


def part(client: Any, recipient: Recipient, name: str, **values: Any) -> str:
    answer = client.post(url_of(recipient), posted(**values), headers={"X-Leadops-Part": name})
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.fixture
def sold():
    """A recipient that took one lead and refused another, after an error."""
    source, recipient = make_source(), make_recipient()
    flow = make_flow(source, recipient)
    deliver_lead(flow, source)
    outcomes = {recipient.slug: [Outcome.SERVER_ERROR, Outcome.UNKNOWN, Outcome.REJECTED]}
    deliver_lead(flow, source, outcomes=outcomes, email="b@example.com", phone_1="5125550002")
    return recipient


def test_the_last_replies_are_those_that_came(sold):
    found = last_replies(sold.id)
    assert [(each.outcome, each.reply.status) for each in found] == [
        ("rejected", 200),
        ("server_error", 503),
        ("accepted", 200),
    ]
    assert found[0].reply.headers == {"content-type": "application/json"}
    assert len(replies.last(sold.id, 2)) == 2
    assert replies.last(make_recipient("other").id, 50) == []


def test_a_body_is_read_in_our_charset_whatever_it_came_in(sold):
    Exchange.objects.filter(status=200).update(
        reply_headers={"Content-Type": "text/xml; charset=iso-8859-1"},
        reply_body="<?xml version='1.0' encoding='iso-8859-1'?><r><a>é</a></r>",
    )
    each = last_replies(sold.id)[0]
    assert each.reply.body.decode().endswith("<a>é</a></r>")


def test_it_opens_with_the_newest_reply(ops, sold):
    page = ops.get(url_of(sold)).content.decode()
    assert 'data-path="leadId"' in page
    assert "Of the last 3 replies: 1 rejected, 1 server_error, 1 accepted, as before" in page


def test_it_says_that_nothing_is_recorded(ops):
    page = ops.get(url_of(make_recipient())).content.decode()
    assert "No reply of Abc Insurance is recorded yet" in page


def test_who_may_not_change_the_recipient_may_not_use_it(sold):
    dana = sign_in(make_user("dana", role="account_manager", recipients=[sold]))
    audit = sign_in(make_user("audra", role="auditor"))
    for client in (dana, audit):
        assert client.get(url_of(sold)).status_code == 403
        assert client.post(url_of(sold), posted(_use="1")).status_code == 403
    assert "/login" in sign_out().get(url_of(sold)).headers["Location"]
    assert Recipient.objects.get(pk=sold.pk).price_path == ""


def sign_out() -> Any:
    from django.test import Client

    return Client()


def test_an_unknown_recipient_is_not_there(ops):
    assert ops.get("/admin/recipients/recipient/rcp_5Fnone/sample/").status_code == 404


def test_it_writes_what_a_reply_says_as_text_alone(ops):
    recipient = make_recipient()
    body = '{"<script>alert(1)</script>": "<img src=x onerror=alert(2)>", "a\\"b": "\\" x=1"}'
    found = part(ops, recipient, "reply", body=body)
    assert "<script>" not in found
    assert "<img" not in found
    assert "&lt;img src=x" in found


def test_it_shows_what_is_wrong_with_what_was_pasted(ops):
    recipient = make_recipient()
    assert "Line 1: write Name: value." in part(ops, recipient, "reply", headers="nonsense")
    assert "less than or equal to 599" in part(ops, recipient, "reply", status="1000", body="x")
    assert "Not valid JSON" in part(ops, recipient, "reply", body='{"a": ')


def test_another_recipients_reply_cannot_be_taken(ops, sold):
    other = make_recipient("other")
    exchange = Exchange.objects.filter(status=200).first()
    assert "Select a valid choice" in part(ops, other, "reply", recorded=exchange.id)


def test_a_draft_that_is_wrong_says_where(ops):
    recipient = make_recipient()
    found = part(ops, recipient, "trial", success="a = b c", price_path="//a[", capture="- x")
    for text in ("Success when", "quotes", "Further captures"):
        assert text in found
    found = part(
        ops, recipient, "trial", rules__TOTAL_FORMS="1", rules__0__when="a = ",
        rules__0__outcome="duplicate",
    )  # fmt: skip
    assert "Rule 1" in found


def test_it_reads_a_status_outside_2xx_as_delivery_does(ops):
    found = part(ops, make_recipient(), "trial", body='{"status": "accepted"}', status="409")
    assert "duplicate" in found


def test_it_is_used_through_the_recipients_own_form(ops):
    recipient = make_recipient(mapping_text="")
    ResponseRule.objects.create(recipient=recipient, contains="DUP", outcome="duplicate")
    answer = ops.post(
        url_of(recipient),
        posted(
            _use="1", price_path="price", rules__TOTAL_FORMS="2",
            rules__0__when='code = "D1"', rules__0__outcome="duplicate", rules__0__reason="Has it",
            rules__1__when="x = 1", rules__1__outcome="rejected", rules__1__DELETE="on",
        ),
    )  # fmt: skip
    assert answer.status_code == 302
    saved = Recipient.objects.get(pk=recipient.pk)
    assert (saved.price_path, saved.success) == ("price", 'status = "accepted"')
    assert [(rule.position, rule.when) for rule in saved.response_rules.all()] == [
        (0, ""),
        (1, 'code = "D1"'),
    ]
    [changed] = Event.objects.filter(type="config.changed", entity_id=recipient.pk)
    assert "Has it" in str(changed.data)


def test_what_is_wrong_is_not_used(ops):
    recipient = make_recipient()
    answer = ops.post(url_of(recipient), posted(_use="1", price_path="//a[", body="OK 5"))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Not a valid XPath" in page
    assert "OK 5" in page
    assert Recipient.objects.get().price_path == ""
