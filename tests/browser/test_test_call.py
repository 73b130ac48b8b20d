"""A test call by hand: refused credentials are replaced, tried, and the endpoint resumes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from flows import plans
from leadops.buyers import Buyers, running_buyers
from recipients.models import Endpoint, Recipient
from tests.browser.conftest import sign_in
from tests.factories import make_flow, make_recipient, make_source, make_user
from tests.pages import page_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def buyers() -> Iterator[Buyers]:
    with running_buyers() as running:
        yield running


@pytest.fixture
def buyer(buyers: Buyers) -> Recipient:
    buyers.clear()
    made = make_recipient()
    make_flow(make_source(), made)
    Endpoint.objects.create(
        recipient=made, kind="sandbox", url=f"{buyers.url}/sandbox/abc", auth="none"
    )
    Endpoint.objects.filter(kind="production").update(
        url=f"{buyers.url}/b/abc/auth/key?keys=new-key",
        auth="bearer",
        auth_secret="old-key",
        paused_at=timezone.now(),
        paused_reason="Paused: Unknown key",
    )
    plans.changed()
    return made


def test_new_credentials_are_tried_and_resume_the_endpoint(
    page: Page, live_server: Any, buyer: Recipient, buyers: Buyers
) -> None:
    sign_in(page, live_server, make_user("olga").username)
    page.goto(page_of(buyer))
    page.get_by_role("link", name="Test call").click()

    # The sandbox is chosen by itself.
    page.get_by_role("button", name="Send a test lead").click()
    expect(page.locator("#test-result")).to_contain_text("The buyer answered")
    expect(page.locator("#test-result")).to_contain_text("test.lead@example.com")
    assert len(buyers.log(path="/sandbox/abc")) == 1

    # Production only after a word, and the old key is refused.
    page.select_option("[name=endpoint]", label=_label(page, "Production"))
    page.get_by_role("button", name="Send a test lead").click()
    expect(page.get_by_text("Confirm that the production endpoint gets it.")).to_be_visible()
    assert buyers.log(path="/b/abc") == []
    page.check("[name=confirmed]")
    page.get_by_role("button", name="Send a test lead").click()
    expect(page.locator("#test-result")).to_contain_text("unauthorized")
    expect(page.locator("#test-result")).not_to_contain_text("old-key")

    # With a new key the same call resumes the endpoint.
    endpoint = Endpoint.objects.get(kind="production")
    Endpoint.objects.filter(pk=endpoint.pk).update(auth_secret="new-key")
    plans.changed()
    page.select_option("[name=endpoint]", label=_label(page, "Production"))
    page.check("[name=confirmed]")
    page.get_by_role("button", name="Send a test lead").click()
    expect(page.locator("#test-result")).to_contain_text("is in use again")
    endpoint.refresh_from_db()
    assert endpoint.paused_at is None


def _label(page: Page, begins: str) -> str:
    texts = page.locator("[name=endpoint] option").all_text_contents()
    return next(text for text in texts if text.startswith(begins))
