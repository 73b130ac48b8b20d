"""An auction set up by hand: a step that asks for bids, and how a recipient bids."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from recipients.models import Endpoint, Recipient
from tests.browser.conftest import pictures, sign_in
from tests.factories import make_flow, make_recipient, make_source, make_user
from tests.flows.scene import scene
from tests.flows.steps.test_auctions import NO, answer, begin, bid, bidder

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_step_shows_its_auction_only_where_it_asks_for_bids(
    page: Page, live_server, clear_record
) -> None:
    make_user("olga")
    flow = make_flow(make_source(), make_recipient("gold"), make_recipient("silver"))
    step = flow.steps.get(kind="deliver")
    sign_in(page, live_server, "olga")
    page.goto(f"{live_server.url}/admin/flows/step/{step.pk}/change/")
    page.select_option("[name=pattern]", "waterfall")
    expect(page.locator("[name=auction_deadline]")).to_be_hidden()
    page.select_option("[name=pattern]", "ping_post")
    expect(page.locator("[name=auction_deadline]")).to_be_visible()
    page.fill("[name=auction_deadline]", "1500ms")
    page.check("[name=tell_losers]")
    pictures(page, "step-auction")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(lambda url: "/flows/flow/" in url)
    step.refresh_from_db()
    assert (step.pattern, step.auction_deadline, step.tell_losers) == ("ping_post", 1.5, True)


def test_a_recipients_page_shows_how_it_bids(page: Page, live_server, clear_record) -> None:
    make_user("olga")
    stage = scene(
        bidder("a", lost_url="https://a.example/lost?bid={{bid.id}}"), pattern="ping_post"
    )
    for number, given in enumerate((bid("45"), bid("52"), NO, None)):
        stage.post(email=f"lead{number}@example.com", phone_1=f"555555123{number}")
        answer(stage, begin(stage), a=given)
    sign_in(page, live_server, "olga")
    buyer = Recipient.objects.get(slug="a")
    page.goto(f"{live_server.url}/admin/recipients/recipient/{buyer.pk}/change/")
    page.get_by_role("link", name="Bids", exact=True).click()
    expect(page.get_by_text("Average bid")).to_be_visible()
    expect(page.get_by_text("48.50")).to_be_visible()
    pictures(page, "recipient-bids")
    Endpoint.objects.filter(kind="ping").delete()
    page.reload()
    expect(page.get_by_text("its price stands for a bid").first).to_be_visible()
