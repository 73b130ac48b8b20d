"""The first day of somebody in ops: everything from nothing by hand, then leads come in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from leadops.buyers import running_buyers
from tests.journeys.system import LiveSystem, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.journey]

PASSWORD = "correct-horse-9"
SIGNED_IN = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}


@pytest.fixture
def system() -> Iterator[LiveSystem]:
    with LiveSystem("--workers", "1", environment=SIGNED_IN) as live:
        live.manage("createsuperuser", "--noinput", "--username=ada", "--email=ada@example.com")
        yield live


def sign_in(browser: Browser, system: LiveSystem, username: str) -> Page:
    """A page of somebody's own, on which they are signed in."""
    page = browser.new_context(base_url=system.url).new_page()
    page.set_default_timeout(10_000)
    page.goto("/admin/login/")
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(lambda url: "login" not in url)
    return page


def keep(page: Page) -> None:
    page.click("button[name=_continue]")
    expect(page.get_by_text("successfully")).to_be_visible()


def open_tab(page: Page, name: str) -> None:
    page.locator(f"a[href='#{name}']").click()


def add_row(page: Page, part: str) -> None:
    page.locator(f"#{part}-group a.add-row").click()


def choose(page: Page, field: str, text: str) -> None:
    """Pick from a drop-down that asks the server for its words."""
    page.locator(f"[name={field}] + span").click()
    page.locator(".select2-results__option", has_text=text).click()


def add_source(page: Page) -> str:
    """A source; the key that it posts with, as it is shown this once."""
    page.goto("/admin/flows/source/add/")
    page.locator("[name=name]").press_sequentially("Web Form A")
    page.fill("[name=price]", "5")
    keep(page)
    page.get_by_role("link", name="New key").click()
    page.locator("#dialog button[type=submit]").click()
    return page.locator("code.leadops-key").inner_text()


def add_recipient(page: Page, name: str, url: str) -> None:
    page.goto("/admin/recipients/recipient/add/")
    page.locator("[name=name]").press_sequentially(name)
    page.fill("[name=success]", 'status = "accepted"')
    page.fill("[name=price_path]", "price")
    open_tab(page, "endpoints")
    add_row(page, "endpoints")
    page.fill("[name=endpoints-0-url]", url)
    open_tab(page, "mapping_rows")
    add_row(page, "mapping_rows")
    page.fill("[name=mapping_rows-0-key]", "email")
    page.fill("[name=mapping_rows-0-value]", "{{lead.email}}")
    keep(page)


def add_flow(page: Page) -> None:
    page.goto("/admin/flows/flow/add/")
    page.locator("[name=name]").press_sequentially("Auto")
    open_tab(page, "fields")
    for place, (name, kind) in enumerate([("email", "email"), ("amount", "number")]):
        add_row(page, "fields")
        page.fill(f"[name=fields-{place}-name]", name)
        page.select_option(f"[name=fields-{place}-type]", kind)
    open_tab(page, "sources")
    add_row(page, "sources")
    page.select_option("[name=sources-0-source]", label="Web Form A")
    keep(page)
    page.locator("a[href='#steps']").click()
    page.get_by_role("link", name="Add filter").click()
    page.fill("[name=name]", "by_amount")
    page.get_by_role("button", name="Add rule").click()
    page.locator(".leadops-rule-field").fill("amount")
    page.locator(".leadops-rule-op").select_option("gt")
    page.locator(".leadops-rule-value input").fill("50")
    page.click("button[name=_save]")


def add_waterfall(page: Page, *names: str, pool: str) -> None:
    """Saved without recipients first, which it must not be."""
    page.get_by_role("link", name="Add delivery").click()
    page.fill("[name=name]", "sell")
    page.select_option("[name=pattern]", "waterfall")
    page.click("button[name=_save]")
    expect(page.get_by_text("A delivery needs at least one recipient.")).to_be_visible()
    for place, name in enumerate(names):
        add_row(page, "recipients")
        choose(page, f"recipients-{place}-recipient", name)
    choose(page, "remediation", pool)
    page.click("button[name=_save]")
    expect(page.get_by_text(f"Waterfall: {', '.join(names)}; then {pool}")).to_be_visible()


def add_manager(page: Page, recipient: str) -> None:
    page.goto("/admin/accounts/user/add/")
    page.fill("[name=username]", "dana")
    page.select_option("[name=role]", "account_manager")
    page.fill("[name=password1]", PASSWORD)
    page.fill("[name=password2]", PASSWORD)
    keep(page)
    choose(page, "recipients", recipient)
    keep(page)


def test_it_is_set_up_by_hand_and_sells_leads(browser: Browser, system: LiveSystem):
    with running_buyers() as buyers:
        page = sign_in(browser, system, "ada")
        key = add_source(page)
        add_recipient(page, "Abc", f"{buyers.url}/b/abc/reject?reason=full")
        add_recipient(page, "Beta", f"{buyers.url}/b/beta/flaky?fail=1&price=45.00")
        add_recipient(page, "Pool", f"{buyers.url}/b/pool/accept")
        add_flow(page)
        add_waterfall(page, "Abc", "Beta", pool="Pool")
        add_manager(page, "Beta")

        where = "/api/v1/flows/auto/leads"
        small = system.post(where, {"email": "a@example.com", "amount": 10}, key).json()
        sold = system.post(where, {"email": "b@example.com", "amount": 90}, key).json()
        results = "SELECT result FROM events_lead WHERE id = %s"
        wait_for(lambda: system.value(results, sold["lead"]["id"]) == "sold", 20, what="the sale")
        wait_for(lambda: system.value(results, small["lead"]["id"]), what="the filter")

        page.goto(f"/leads/{sold['lead']['id']}/")
        for text in ("retry.scheduled", "recipient.failed", "recipient.delivered"):
            expect(page.get_by_text(text).first).to_be_visible()
        page.goto("/leads/")
        expect(page.locator("#leads").get_by_text("Stopped by a filter")).to_be_visible()

        manager = sign_in(browser, system, "dana")
        expect(manager.get_by_role("link", name="Beta").first).to_be_visible()
        expect(manager.get_by_role("link", name="Abc")).to_have_count(0)
        manager.goto(f"/leads/{sold['lead']['id']}/")
        expect(manager.get_by_text("Personal values are masked")).to_be_visible()
        assert "b@example.com" not in manager.content()
