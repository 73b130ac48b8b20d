"""From a sample: paste a reply, click its values, try the rules, use them."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from ipaddress import ip_network

import pytest
from playwright.sync_api import Page, expect

from events.models import Event
from flows import plans
from leadops.buyers import running_buyers
from leadops.lib.http import Door
from leadops.lib.http.messages import Reply
from recipients.deliver import Attempt, deliver
from recipients.models import Recipient
from recipients.outcomes import Outcome
from tests.browser.conftest import choose, picture, sign_in
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

REPLY = """{"result": {"state": "sold", "ref": "B-77", "pay": {"amount": "41.50"}},
 "notes": [{"text": "Thanks"}, {"text": "Call soon"}]}"""


def enter(page: Page, live_server, recipient: Recipient) -> None:
    make_user("olga")
    sign_in(page, live_server, "olga")
    page.goto(f"/admin/recipients/recipient/{recipient.pk.replace('_', '_5F')}/change/")
    choose(page, "Mapping", "From a sample")
    expect(page.locator("#sample-form")).to_be_visible()


def value(page: Page, text: str):
    return page.locator(".leadops-value", has_text=text).first


def test_it_makes_rules_of_a_pasted_reply_that_then_read_replies(page: Page, live_server):
    recipient = make_recipient()
    enter(page, live_server, recipient)
    expect(page.locator("#sample-none")).to_be_visible()
    page.fill("[name=body]", REPLY)
    value(page, "sold").click()
    value(page, "41.50").click()
    value(page, "B-77").click()
    value(page, "Thanks").click()
    expect(page.locator("[name=success]")).to_have_value('result.state = "sold"')
    expect(page.locator("[name=price_path]")).to_have_value("result.pay.amount")
    expect(page.locator("[name=lead_id_path]")).to_have_value("result.ref")
    expect(page.locator("[name=message_path]")).to_have_value("notes.0.text")
    page.get_by_label("the message").check()
    value(page, "Call soon").click()
    page.get_by_label("the reason").check()
    value(page, "Thanks").click()
    expect(page.locator("[name=reason_path]")).to_have_value("notes.*.text")
    result = page.locator("#sample-result")
    expect(result).to_contain_text("accepted")
    expect(result).to_contain_text("41.50")
    expect(result).to_contain_text("B-77")
    expect(page.locator("li", has=value(page, "sold")).locator(".leadops-marks")).to_have_text(
        "success"
    )
    picture(page, "pasted-light")
    page.click("button[name=_use]")
    expect(page.get_by_text("are read by the new rules")).to_be_visible()
    read = plans.current().recipients[recipient.id].reader.read(Reply(200, {}, REPLY.encode()))
    assert (read.outcome, read.price) == (Outcome.ACCEPTED, Decimal("41.50"))
    assert (read.buyer_lead_id, read.message) == ("B-77", "Call soon")
    other = REPLY.replace('"sold"', '"full"').encode()
    read = plans.current().recipients[recipient.id].reader.read(Reply(200, {}, other))
    assert (read.outcome, read.reason) == (Outcome.REJECTED, "Thanks; Call soon")
    changed = Event.objects.filter(type="config.changed").latest("timestamp")
    assert "result.pay.amount" in str(changed.data)


def test_it_tries_a_draft_on_the_recorded_replies(page: Page, live_server):
    source, recipient = make_source(), make_recipient()
    flow = make_flow(source, recipient)
    for place in range(4):
        outcomes = {} if place else {"abc-insurance": [Outcome.REJECTED]}
        deliver_lead(flow, source, outcomes=outcomes, email=f"a{place}@example.com",
                     phone_1=f"512555000{place}")  # fmt: skip
    enter(page, live_server, recipient)
    summary = page.locator("#sample-summary")
    expect(summary).to_contain_text("Of the last 4 replies: 3 accepted, 1 rejected, as before")
    expect(summary).to_contain_text("none would change")
    page.get_by_label("the price", exact=True).check()
    value(page, "45").click()
    expect(summary).to_contain_text("none would change; 3 would say more or other than before")
    page.fill("[name=success]", 'status = "sold"')
    expect(summary).to_contain_text("3 would change")
    expect(page.locator("#sample-changes tbody tr")).to_have_count(3)
    expect(page.locator("#sample-changes tbody tr").first).to_contain_text("accepted")
    picture(page, "changes-light")
    page.evaluate("document.documentElement.classList.add('dark')")
    picture(page, "changes-dark")
    page.fill("[name=success]", 'status = "so')
    expect(page.locator("#sample-errors")).to_contain_text("Success when")
    page.click("button[name=_use]")
    expect(page.locator(".leadops-field[data-field=success] .leadops-error")).to_be_visible()
    assert Recipient.objects.get().success == 'status = "accepted"'


def test_it_adds_a_rule_for_another_outcome(page: Page, live_server):
    recipient = make_recipient()
    enter(page, live_server, recipient)
    page.fill("[name=body]", "<r><code>D1</code><why>We have it</why></r>")
    page.get_by_label("a sign of").check()
    page.select_option("#sample-outcome", "duplicate")
    value(page, "D1").click()
    expect(page.locator("#sample-result")).to_contain_text("duplicate")
    page.get_by_label("something to keep").check()
    value(page, "We have it").click()
    expect(page.locator("[name=capture]")).to_have_value('why: "//why"')
    page.evaluate("document.documentElement.classList.add('dark')")
    picture(page, "rule-dark")
    page.click("button[name=_use]")
    expect(page.get_by_text("are read by the new rules")).to_be_visible()
    rule = recipient.response_rules.get()
    assert (rule.when, rule.outcome) == ('//code = "D1"', "duplicate")
    assert Recipient.objects.get().capture == {"why": "//why"}


def test_it_works_by_keyboard_alone(page: Page, live_server):
    recipient = make_recipient(price_path="")
    enter(page, live_server, recipient)
    page.locator("[name=body]").focus()
    page.keyboard.insert_text("OK|A-17|12.00")
    expect(value(page, "A-17")).to_be_visible()
    page.locator("#sample-roles [value=lead_id_path]").focus()
    page.keyboard.press("Space")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "A-17":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#sample-result")).to_contain_text("A-17")
    expect(page.locator("#sample-said")).to_contain_text("part 2 is taken")
    expect(page.locator("[name=_role][value=message_path]")).to_be_checked()


def test_what_was_clicked_reads_the_buyers_next_real_reply(page: Page, live_server):
    loopback = Door(private_networks=[ip_network("127.0.0.0/8")])
    with running_buyers() as buyers, closing(loopback) as door:
        recipient = make_recipient()
        recipient.endpoints.update(url=f"{buyers.url}/b/abc/accept.xml?price=33.50")
        recipient.save()

        def send() -> Attempt:
            plan = plans.current().recipients[recipient.id]
            assert plan.production is not None
            context = {"lead": {"email": "a@example.com"}}
            return deliver(
                plan, plan.production, context,
                attempt=1, idempotency_key="dlv_1", test=False, door=door,
            )  # fmt: skip

        before = send()
        assert before.result.outcome is Outcome.UNREADABLE
        assert before.reply is not None
        enter(page, live_server, recipient)
        page.fill("[name=body]", before.reply.body)
        value(page, "accepted").click()
        value(page, "33.50").click()
        expect(page.locator("#sample-result")).to_contain_text("33.50")
        page.click("button[name=_use]")
        expect(page.get_by_text("are read by the new rules")).to_be_visible()
        after = send().result
        assert (after.outcome, after.price) == (Outcome.ACCEPTED, Decimal("33.50"))


def test_it_fits_a_narrow_screen(page: Page, live_server):
    recipient = make_recipient()
    enter(page, live_server, recipient)
    page.set_viewport_size({"width": 420, "height": 900})
    page.fill("[name=body]", '{"a": "' + "x" * 200 + '"}')
    expect(value(page, "xxx")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    picture(page, "narrow")
