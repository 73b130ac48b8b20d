"""The tab of a recipient's hours, caps and limits, as people see it."""

from __future__ import annotations

import pytest

from tests.browser.conftest import pictures, sign_in
from tests.factories import make_user
from tests.flows.delivery.test_capacity import accept, post
from tests.flows.scene import recipient, scene

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_it_shows_what_is_used_and_what_waits(page, live_server):
    made = recipient("abc")
    made.timezone = "America/New_York"
    made.caps = [
        {"count": 5, "per": "day"},
        {"money": "200.00", "per": "month"},
        {"count": 2, "per": "hour", "when": {"field": "state", "op": "is", "value": "TX"}},
    ]
    made.limits = {"concurrency": 1, "per_minute": 60}
    made.save()
    here = scene(made)
    post(here, 4)
    accept(here, here.start())
    here.start()
    made.hours = {"mon-fri": "9am-8pm", "sat-sun": "24h", "holidays": ["2026-12-25"]}
    made.save()
    make_user("olga")
    sign_in(page, live_server, "olga")
    page.goto(f"{live_server.url}/admin/recipients/recipient/{made.pk}/change/")
    page.get_by_text("Hours, caps and limits", exact=True).click()
    page.get_by_text("2 of 5 per day").wait_for()
    page.get_by_text("90.00 of 200.00 per month").wait_for()
    page.get_by_text("1 of 1 at once").wait_for()
    page.get_by_label("Held leads").wait_for()
    pictures(page, "capacity")
