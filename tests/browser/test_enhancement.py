"""An enhancement step set up and asked in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from flows.models import Enhancement, Step
from leadops.buyers import Buyers, running_buyers
from tests.browser.conftest import pictures, sign_in
from tests.factories import make_flow, make_recipient, make_source, make_user
from tests.pages import page_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def buyers() -> Iterator[Buyers]:
    with running_buyers() as running:
        yield running


def test_a_service_is_asked_and_shows_what_would_be_appended(
    page: Page, live_server: Any, buyers: Buyers
) -> None:
    flow = make_flow(make_source(), make_recipient())
    step = Step.objects.create(flow=flow, name="phone_check", kind="enhance", position=1)
    Enhancement.objects.create(
        step=step,
        url=f"{buyers.url}/lookup",
        send={"phone": "{{lead.phone_1}}"},
        append={"carrier": "carrier", "ported": "ported"},
        cache_for=86400.0,
        cost="0.0125",
    )
    sign_in(page, live_server, make_user("olga").username)
    page.goto(page_of(flow) + "#steps")
    pictures(page, "enhancement-flow")
    page.goto(page_of(step))
    expect(page.locator("[name='enhancement-0-url']")).to_have_value(f"{buyers.url}/lookup")
    page.select_option("[name='enhancement-0-auth']", "login")
    pictures(page, "enhancement-login")
    page.select_option("[name='enhancement-0-auth']", "none")
    pictures(page, "enhancement-step")
    page.goto(f"/admin/flows/step/{step.pk}/ask/")
    page.click("[name=_ask]")
    shown = page.locator("#ask-result")
    expect(shown).to_contain_text("The service answered")
    expect(shown).to_contain_text("appended.phone_check.carrier")
    pictures(page, "enhancement-ask")
