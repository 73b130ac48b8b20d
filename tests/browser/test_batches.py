"""A recipient's batches in the console: seen to gather, sent before their time."""

from __future__ import annotations

import pytest

from events.models import Event
from tests.browser.conftest import choose, pictures, sign_in
from tests.factories import make_user
from tests.flows.test_batches import answer, batches, full, gathering, post, scene

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_it_shows_what_gathers_and_sends_it_now(page, live_server):
    made = gathering(items="results", key_path="id")
    here = scene(made)
    post(here, 3)
    answer(here, full(here))
    post(here, 2)
    assert not batches(here)
    make_user("olga")
    sign_in(page, live_server, "olga")
    page.goto(f"{live_server.url}/admin/recipients/recipient/{made.pk}/change/")
    page.get_by_role("link", name="Batches").click()
    page.get_by_text("Gathering").wait_for()
    page.get_by_text("3 accepted").wait_for()
    pictures(page, "batches")
    choose(page, "More", "Send batch now")
    page.locator("input[name=reason]").fill("They close early")
    page.get_by_role("button", name="Send now").click()
    page.get_by_text("1 batch due now.").wait_for()
    assert Event.objects.get(type="batch.released").reason == "They close early"
