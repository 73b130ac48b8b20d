"""The console by hand: what staff do in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from flows.models import SourceKey
from recipients.models import MappingRow, Recipient
from tests.browser.conftest import sign_in
from tests.factories import make_flow, make_recipient, make_source, make_user
from tests.pages import page_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def enter(page: Page, live_server):
    """Sign in as somebody: `page = enter(user)`."""

    def enter_as(user) -> Page:
        sign_in(page, live_server, user.username)
        return page

    return enter_as


def test_it_signs_in_and_finds_its_way_by_the_sidebar(enter):
    make_recipient()
    page = enter(make_user("olga"))
    page.goto("/admin/")
    expect(page.get_by_text("First steps")).to_be_visible()
    page.locator("#nav-sidebar-apps a[href='/admin/recipients/recipient/']").click()
    expect(page.get_by_role("link", name="Abc Insurance")).to_be_visible()
    expect(page.locator("#nav-sidebar-apps").get_by_text("People and keys")).to_have_count(0)


def test_it_pauses_a_recipient_in_a_dialog(enter):
    recipient = make_recipient()
    page = enter(make_user("olga"))
    page.goto(page_of(recipient))
    page.get_by_role("link", name="Pause").click()
    page.locator("#dialog input[name=reason]").fill("Their CRM is down")
    page.locator("#dialog button[type=submit]").click()
    expect(page.get_by_text("Paused Abc Insurance. New leads pass it by.")).to_be_visible()
    expect(page.get_by_role("link", name="Resume")).to_be_visible()
    recipient.refresh_from_db()
    assert recipient.paused_reason == "Their CRM is down"


def test_a_recipients_other_pages_are_reached_by_keys_and_lead_back(enter):
    recipient = make_recipient()
    page = enter(make_user("olga"))
    page.goto(page_of(recipient))
    page.get_by_role("button", name="More", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Specification")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Specification")).to_be_hidden()
    page.get_by_role("button", name="Mapping", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Mapping editor")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Mapping of Abc Insurance")).to_be_visible()
    page.locator("#header-inner").get_by_role("link", name="Abc Insurance").click()
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_visible()
    expect(page.locator("#header-inner").get_by_role("link", name="Recipients")).to_have_count(1)


def test_it_shows_the_mistake_beside_the_mapping_row_and_saves_once_it_is_gone(enter):
    recipient = make_recipient()
    page = enter(make_user("olga"))
    page.goto(f"{page_of(recipient)}#mapping_rows")
    box = page.locator("[name='mapping_rows-0-value']")
    box.fill("{{lead.email")
    page.click("button[name=_continue]")
    expect(page.get_by_text("{{ is not closed by }} (line 1, column 1)")).to_be_visible()
    box.fill("{{upper lead.email}}")
    page.click("button[name=_continue]")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert recipient.mapping_rows.get().value == "{{upper lead.email}}"


def test_it_adds_mapping_rows_in_the_order_they_were_typed(enter):
    recipient = make_recipient()
    page = enter(make_user("olga"))
    page.goto(f"{page_of(recipient)}#mapping_rows")
    for number, key in enumerate(("state", "score"), 1):
        page.get_by_role("link", name="Add another Field").click()
        page.fill(f"[name='mapping_rows-{number}-key']", key)
        page.fill(f"[name='mapping_rows-{number}-value']", f"{{{{lead.{key}}}}}")
    page.click("button[name=_continue]")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert [row.key for row in recipient.mapping_rows.all()] == ["email", "state", "score"]


def test_it_reorders_rows_by_dragging(enter):
    recipient = make_recipient()
    MappingRow.objects.create(recipient=recipient, key="state", value="x", position=1)
    page = enter(make_user("olga"))
    page.goto(f"{page_of(recipient)}#mapping_rows")
    handles = page.locator("#mapping_rows-data tbody.original [x-sort\\:handle]")
    first, second = handles.nth(0).bounding_box(), handles.nth(1).bounding_box()
    page.mouse.move(second["x"] + 10, second["y"] + 10)
    page.mouse.down()
    page.mouse.move(first["x"] + 10, first["y"] + 20, steps=8)
    page.mouse.move(first["x"] + 10, first["y"] - 8, steps=8)
    page.mouse.up()
    page.click("button[name=_continue]")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert [row.key for row in recipient.mapping_rows.all()] == ["state", "email"]


def test_it_asks_only_for_the_credentials_that_the_kind_needs(enter):
    recipient = make_recipient()
    page = enter(make_user("olga"))
    page.goto(f"{page_of(recipient)}#endpoints")
    secret = page.locator("[name='endpoints-0-auth_secret']")
    user = page.locator("[name='endpoints-0-auth_username']")
    expect(secret).to_be_hidden()
    page.select_option("[name='endpoints-0-auth']", "bearer")
    expect(secret).to_be_visible()
    expect(user).to_be_hidden()
    page.select_option("[name='endpoints-0-auth']", "basic")
    expect(user).to_be_visible()
    secret.fill("a-password-12345")
    user.fill("leadops")
    page.click("button[name=_continue]")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert Recipient.objects.get().endpoints.get().auth_secret == "a-password-12345"
    assert "a-password-12345" not in page.content()


def test_it_makes_a_key_and_shows_it_once(enter):
    source = make_source()
    page = enter(make_user("olga"))
    page.goto(page_of(source))
    page.get_by_role("link", name="New key").click()
    page.locator("#dialog input[name=name]").fill("checkout")
    page.locator("#dialog button[type=submit]").click()
    shown = page.locator("code.leadops-key")
    expect(shown).to_be_visible()
    plain = shown.inner_text()
    assert SourceKey.objects.get().hint == plain[-4:]
    page.reload()
    expect(page.locator("code.leadops-key")).to_have_count(0)
    assert plain not in page.content()


def test_it_builds_a_step_from_its_flow(enter):
    flow = make_flow(make_source(), make_recipient())
    page = enter(make_user("olga"))
    page.goto(f"{page_of(flow)}#steps")
    page.get_by_role("link", name="Add filter").click()
    page.fill("[name=name]", "by_score")
    page.get_by_role("button", name="As text").click()
    page.fill("[name=rules]", "all:\n  - {field: score, op: above, value: 50}")
    page.click("button[name=_save]")
    expect(page.get_by_text("Line 2:")).to_be_visible()
    page.fill("[name=rules]", "all:\n  - {field: score, op: gt, value: 50}")
    page.click("button[name=_save]")
    expect(page.get_by_text("score gt 50 – else stop")).to_be_visible()


def test_it_shows_an_account_manager_nothing_to_change(enter):
    recipient = make_recipient()
    make_recipient("other")
    page = enter(make_user("dana", role="account_manager", recipients=[recipient]))
    page.goto(page_of(recipient))
    expect(page.get_by_text("abc-insurance").first).to_be_visible()
    expect(page.locator("button[name=_save]")).to_have_count(0)
    page.goto("/admin/recipients/recipient/")
    expect(page.get_by_text("Other")).to_have_count(0)
