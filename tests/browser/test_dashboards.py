"""The dashboards and lead pages in a browser: charts, choices, the inspector."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from events.models import Event
from recipients.outcomes import Outcome
from tests.browser.conftest import sign_in
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class World:
    def __init__(self) -> None:
        web = make_source()
        self.abc, self.xyz = make_recipient("abc-insurance"), make_recipient("xyz-mutual")
        self.flow = make_flow(web, self.abc, self.xyz)
        self.lead = deliver_lead(
            self.flow, web, outcomes={"abc-insurance": [Outcome.SERVER_ERROR, Outcome.REJECTED]}
        )
        deliver_lead(self.flow, web, email="sold@example.com", phone_1="4155550000")
        make_user("olga")
        make_user("dana", role="account_manager", recipients=[self.abc])


@pytest.fixture
def world(transactional_db: None) -> World:
    return World()


def painted(page: Page, name: str) -> bool:
    """Has the chart drawn anything?"""
    return bool(
        page.evaluate(
            """name => {
                const canvas = document.querySelector(`canvas[data-chart="${name}"]`);
                const pixels = canvas.getContext("2d")
                    .getImageData(0, 0, canvas.width, canvas.height).data;
                return pixels.some(value => value > 0);
            }""",
            name,
        )
    )


def test_it_draws_charts_in_both_themes(page: Page, live_server: Any, world: World):
    sign_in(page, live_server, "olga")
    page.goto(f"{live_server.url}/dashboards/recipients/abc-insurance/")
    for name in ("chart-rate", "chart-deliveries", "chart-response", "chart-money"):
        page.wait_for_selector(f'canvas[data-chart="{name}"]')
        assert painted(page, name)
    page.evaluate("document.documentElement.classList.toggle('dark')")
    page.wait_for_function(
        """() => Chart.getChart(document.querySelector("canvas[data-chart]"))
            .options.scales.x.ticks.color === (
                document.documentElement.classList.contains("dark") ? "#cbd5e1" : "#475569")"""
    )


def test_it_follows_a_failure_to_its_request_and_reply(page: Page, live_server: Any, world: World):
    sign_in(page, live_server, "olga")
    page.goto(f"{live_server.url}/dashboards/")
    page.get_by_role("link", name="Abc Insurance").click()
    page.locator("#failures a").first.click()
    expect(page.locator("#inspector h2")).to_have_text("recipient.failed")
    expect(page.locator("#inspector")).to_contain_text("POST https://api.abc-insurance.example")


def test_it_inspects_another_event_without_leaving_the_place(
    page: Page, live_server: Any, world: World
):
    sign_in(page, live_server, "olga")
    page.goto(f"{live_server.url}/leads/{world.lead}/")
    page.evaluate("window.stayed = true")
    page.locator("#timeline a", has_text="filter.passed").click()
    expect(page.locator("#inspector h2")).to_have_text("filter.passed")
    expect(page.locator("#timeline a[aria-current]")).to_contain_text("filter.passed")
    filtered = Event.objects.get(lead_id=world.lead, type="filter.passed")
    assert f"event={filtered.id}" in page.url
    assert page.evaluate("window.stayed")


def test_it_remembers_the_zone_that_was_chosen(page: Page, live_server: Any, world: World):
    sign_in(page, live_server, "olga")
    page.goto(f"{live_server.url}/dashboards/?period=30d")
    page.select_option("select[name=tz]", "Asia/Tokyo")
    page.wait_for_url(lambda url: "tz=Asia" in url)
    assert "period=30d" in page.url
    page.goto(f"{live_server.url}/leads/{world.lead}/")
    expect(page.locator(".lo-cards")).to_contain_text("Asia/Tokyo")


def test_an_account_manager_lands_on_their_own_recipients(
    page: Page, live_server: Any, world: World
):
    sign_in(page, live_server, "dana")
    expect(page).to_have_url(f"{live_server.url}/dashboards/")
    expect(page.locator("#recipients tbody tr")).to_have_count(1)
    assert "Xyz" not in page.content()


def test_it_finds_a_lead_by_phone(page: Page, live_server: Any, world: World):
    sign_in(page, live_server, "olga")
    page.goto(f"{live_server.url}/leads/")
    page.fill("[name=q]", "(512) 555-1234")
    page.press("[name=q]", "Enter")
    expect(page).to_have_url(f"{live_server.url}/leads/{world.lead}/")


def test_it_fits_a_narrow_screen(page: Page, live_server: Any, world: World):
    page.set_viewport_size({"width": 420, "height": 900})
    sign_in(page, live_server, "olga")
    for path in ("dashboards/", "dashboards/recipients/abc-insurance/", f"leads/{world.lead}/"):
        page.goto(f"{live_server.url}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
