"""The rules editor: rows and groups by hand, tried on recent leads, without JavaScript too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from flows.models import FlowSource, Step
from tests.browser.conftest import sign_in
from tests.browser.test_sample import page, picture
from tests.factories import make_flow, make_recipient, make_source, make_user, post_lead
from tests.pages import page_of

__all__ = ["page"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def flow():
    source = make_source()
    made = make_flow(source, make_recipient())
    for place in range(6):
        state = ("TX", "TX", "CA", "NY", "FL", "NY")[place]
        post_lead(made, source, email=f"a{place}@example.com", phone_1=f"512555000{place}",
                  state=state, score=str(70 + 5 * place))  # fmt: skip
    return made


def enter(page: Page, live_server, obj) -> None:
    make_user("olga")
    sign_in(page, live_server, "olga")
    page.goto(page_of(obj))


def rule(page: Page, place: int):
    return page.locator(".leadops-rule:visible").nth(place)


def test_it_builds_a_nested_rule_by_keyboard_and_tries_it(page: Page, live_server, flow):
    step = flow.steps.get(kind="filter")
    enter(page, live_server, step)
    expect(rule(page, 0).locator(".leadops-rule-field")).to_have_value("state")
    expect(rule(page, 0).locator(".leadops-chip")).to_have_count(3)
    picture(page, "rules-light-start")

    # A value more in the list; a rule below, then a group.
    rule(page, 0).locator(".leadops-rule-value input").click()
    page.keyboard.type("NY")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.type("score")
    page.keyboard.press("Tab")
    page.keyboard.type("is ab")
    page.keyboard.press("Tab")
    page.keyboard.type("75")
    page.get_by_role("button", name="Add group").first.click()
    page.keyboard.type("email.domain")
    page.keyboard.press("Tab")
    page.keyboard.type("contains")
    page.keyboard.press("Tab")
    page.keyboard.type("example")
    page.keyboard.press("Enter")
    page.keyboard.type("phone_1")
    page.keyboard.press("Tab")
    page.keyboard.type("is inv")
    page.locator(".leadops-rule-group .leadops-rule-group .leadops-rule-kind").select_option("none")
    rule(page, 2).locator(".leadops-rule-op").select_option("matches")
    rule(page, 2).locator(".leadops-rule-value input").fill("@(")

    page.get_by_role("button", name="Try on recent leads").click()
    wrong = rule(page, 2).locator(".leadops-rule-wrong")
    expect(wrong).to_contain_text("(character 3)")
    rule(page, 2).locator(".leadops-rule-value input").fill("^mailinator")
    found = page.locator(".leadops-rules-found")
    expect(found).to_contain_text("4 of the last 6 leads would pass.")
    expect(wrong).to_be_empty()
    expect(found.locator(".leadops-rules-decided li")).to_have_text("2score is above 75")
    expect(found.locator(".leadops-rules-examples li")).to_have_count(2)
    expect(found).to_contain_text("score is 70, not above 75")
    expect(rule(page, 1).locator(".leadops-rule-count")).to_have_text("4/6")
    picture(page, "rules-light")
    page.evaluate("document.documentElement.classList.add('dark')")
    picture(page, "rules-dark")
    page.click("button[name=_save]")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    step.refresh_from_db()
    assert step.rules == {
        "all": [
            {"field": "state", "op": "in", "value": ["TX", "CA", "FL", "NY"]},
            {"field": "score", "op": "gt", "value": 75},
            {
                "not": {
                    "any": [
                        {"field": "email.domain", "op": "matches", "value": "^mailinator"},
                        {"field": "phone_1", "op": "invalid"},
                    ]
                }
            },
        ]
    }
