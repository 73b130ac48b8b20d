"""The rules editor: rows and groups by hand, tried on recent leads, without JavaScript too."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from flows.models import FlowSource, Step
from tests.browser.conftest import picture, sign_in
from tests.factories import make_flow, make_recipient, make_source, make_user, post_lead
from tests.pages import page_of

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
    expect(found.locator(".leadops-rules-decided li")).to_have_text("2not so: score is above 75")
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


def test_it_moves_rules_through_groups_by_keyboard(page: Page, live_server, flow):
    step = flow.steps.get(kind="filter")
    step.rules = {
        "all": [
            {"field": "state", "op": "is", "value": "TX"},
            {"any": [{"field": "score", "op": "between", "value": [10, 90]}]},
        ]
    }
    step.save()
    enter(page, live_server, step)
    rule(page, 0).locator(".leadops-rule-field").focus()
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator(".leadops-rule-group .leadops-rule-group .leadops-rule")).to_have_count(2)
    page.keyboard.press("Alt+ArrowDown")
    expect(rule(page, 1).locator(".leadops-rule-field")).to_be_focused()
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator(".leadops-rule-group .leadops-rule-group .leadops-rule")).to_have_count(1)
    expect(rule(page, 1).locator(".leadops-rule-field")).to_have_value("state")
    rule(page, 1).get_by_role("button", name="Remove rule").click()
    page.click("button[name=_save]")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    step.refresh_from_db()
    assert step.rules == {
        "all": [{"any": [{"field": "score", "op": "between", "value": [10, 90]}]}]
    }


def test_a_page_that_nobody_touched_changes_nothing(page: Page, live_server, flow):
    step = flow.steps.get(kind="filter")
    kept = {
        "not": {
            "all": [
                {"field": "score", "op": "in", "value": [1, "1", 1.5, True]},
                {"not": {"field": "state", "op": "is", "value": "80"}},
                {"not": {"not": {"field": "email", "op": "valid"}}},
            ]
        }
    }
    step.rules = kept
    step.save()
    enter(page, live_server, step)
    expect(rule(page, 2)).to_be_visible()
    rule(page, 1).locator(".leadops-rule-value input").fill("81")
    rule(page, 1).locator(".leadops-rule-value input").fill("80")
    page.fill("[name=reason]", "Other words")
    page.click("button[name=_save]")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    step.refresh_from_db()
    assert step.rules == kept


def test_it_shows_mistakes_of_a_save_at_their_rows(page: Page, live_server, flow):
    step = flow.steps.get(kind="filter")
    enter(page, live_server, step)
    page.get_by_role("button", name="Add rule").click()
    rule(page, 1).locator(".leadops-rule-field").fill("postal_kode")
    rule(page, 1).locator(".leadops-rule-op").select_option("matches")
    rule(page, 1).locator(".leadops-rule-value input").fill("^(78|79")
    page.get_by_role("button", name="Add rule").click()
    rule(page, 2).locator(".leadops-rule-op").select_option("between")
    page.click("button[name=_save]")
    wrong = page.locator(".leadops-rule-wrong:visible")
    expect(wrong).to_have_count(2)
    expect(wrong.first).to_contain_text("(character 8)")
    expect(wrong.last).to_contain_text("Choose a field. Value 1: needs a value")
    expect(page.get_by_text("Line 3:")).to_be_hidden()
    expect(rule(page, 1).locator(".leadops-rule-value input")).to_have_attribute(
        "aria-invalid", "true"
    )
    expect(rule(page, 1).locator(".leadops-rule-doubt")).to_contain_text("postal_kode")
    expect(rule(page, 0).locator("[aria-invalid]")).to_have_count(0)
    picture(page, "rules-mistakes")
    page.evaluate("document.documentElement.classList.add('dark')")
    picture(page, "rules-mistakes-dark")
    rule(page, 2).get_by_role("button", name="Remove rule").click()
    rule(page, 1).locator(".leadops-rule-value input").fill(r"^78\d{3}$")
    expect(rule(page, 1).locator(".leadops-rule-wrong")).to_be_hidden()
    page.click("button[name=_save]")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    step.refresh_from_db()
    assert step.rules["all"][1] == {"field": "postal_kode", "op": "matches", "value": r"^78\d{3}$"}


def test_it_turns_to_text_and_back(page: Page, live_server, flow):
    step = flow.steps.get(kind="filter")
    enter(page, live_server, step)
    page.get_by_role("button", name="As text").click()
    box = page.locator("[name=rules]")
    expect(box).to_have_value(
        '{"all": [\n  {"field": "state", "op": "in", "value": ["TX", "CA", "FL"]}\n]}'
    )
    box.fill("any:\n  - {field: state, op: iss, value: TX}\n  - {field: score, op: lt, value: 80}")
    page.get_by_role("button", name="As rows").click()
    expect(page.locator(".leadops-rules-said")).to_contain_text("did you mean is?")
    box.fill("any:\n  - {field: state, op: is, value: NO}\n  - {field: score, op: lt, value: 80}")
    page.get_by_role("button", name="As rows").click()
    expect(rule(page, 1).locator(".leadops-rule-op")).to_have_value("lt")
    expect(rule(page, 0).locator(".leadops-rule-value input")).to_have_value("NO")
    page.click("button[name=_save]")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    step.refresh_from_db()
    assert step.rules == {
        "any": [
            {"field": "state", "op": "is", "value": "NO"},
            {"field": "score", "op": "lt", "value": 80},
        ]
    }


def test_another_operator_keeps_the_values(page: Page, live_server, flow):
    enter(page, live_server, flow.steps.get(kind="filter"))
    op = rule(page, 0).locator(".leadops-rule-op")
    value = rule(page, 0).locator(".leadops-rule-value")
    op.select_option("is")
    expect(value.locator("input")).to_have_value("TX")
    op.select_option("blank")
    expect(value.locator("input")).to_have_count(0)
    op.select_option("not_in")
    expect(value.locator(".leadops-chip")).to_have_count(3)
    value.locator("input").fill("New Mexico, NV;")
    expect(value.locator(".leadops-chip")).to_have_count(5)
    value.locator("input").press("Backspace")
    expect(value.locator(".leadops-chip")).to_have_count(4)
    value.get_by_role("button", name="Remove CA").click()
    box = page.locator("[name=rules]")
    expect(box).to_have_value(
        '{"all": [\n  {"field": "state", "op": "not_in", "value": ["TX", "FL", "New Mexico"]}\n]}'
    )


def test_criteria_of_a_source_are_tried_on_what_it_sent(page: Page, live_server, flow):
    post_lead(flow, make_flow_source(flow, "other"), email="z@example.com", state="NY")
    enter(page, live_server, flow)
    page.locator("a[href='#sources']").click()
    card = page.locator("#sources-group .leadops-rules:visible").first
    card.get_by_role("button", name="Add rule").click()
    page.keyboard.type("state")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("NY")
    card.get_by_role("button", name="Try on recent leads").click()
    expect(card.locator(".leadops-rules-sum")).to_have_text("2 of the last 6 leads would pass.")
    page.click("button[name=_continue]")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    row = FlowSource.objects.get(source__slug="web-form-a")
    assert row.accept == {"all": [{"field": "state", "op": "is", "value": "NY"}]}
    assert FlowSource.objects.get(source__slug="other").accept == {}


def make_flow_source(flow, slug):
    made = make_source(slug)
    FlowSource.objects.create(flow=flow, source=made, position=5)
    return made


def test_a_new_flow_offers_the_fields_on_its_page(page: Page, live_server):
    make_source()
    make_user("olga")
    sign_in(page, live_server, "olga")
    page.goto("/admin/flows/flow/add/")
    page.locator("a[href='#fields']").click()
    page.locator("#fields-group a.add-row").click()
    page.fill("[name=fields-0-name]", "home")
    page.select_option("[name=fields-0-type]", "state")
    page.locator("a[href='#sources']").click()
    page.locator("#sources-group a.add-row").click()
    card = page.locator("#sources-group .leadops-rules:visible").first
    card.get_by_role("button", name="Add rule").click()
    offered = card.locator("[id^=leadops-rule-fields] option")
    expect(offered.first).to_have_attribute("value", "home")
    expect(card.locator("[id^=leadops-rule-fields] option[value='home.code']")).to_have_count(1)
    card.get_by_role("button", name="Try on recent leads").click()
    page.keyboard.type("home")
    expect(card.locator(".leadops-error")).to_contain_text("cannot be tried")
    card.locator(".leadops-rule-field").fill("home")
    card.locator(".leadops-rule-value input").fill("TX")
    expect(card.locator(".leadops-rules-sum")).to_have_text("There are no leads yet to try it on.")


def test_a_recipients_filter_is_tried_on_the_leads_of_its_flows(page: Page, live_server, flow):
    recipient = make_recipient("premier")
    step = flow.steps.get(kind="deliver")
    step.recipients.create(recipient=recipient, position=3)
    recipient.filter = {"field": "state", "op": "is", "value": "TX"}
    recipient.save()
    enter(page, live_server, recipient)
    page.get_by_text("Filter", exact=True).first.click()
    page.get_by_role("button", name="Try on recent leads").first.click()
    expect(page.locator(".leadops-rules-sum").first).to_have_text(
        "2 of the last 6 leads would pass."
    )
    picture(page, "rules-recipient")


def test_without_its_script_it_is_a_box_of_json(browser: Browser, page: Page, live_server, flow):
    make_user("olga")
    context = browser.new_context(base_url=live_server.url)
    plain = context.new_page()
    plain.route("**/leadops/rules.js", lambda route: route.abort())
    sign_in(plain, live_server, "olga")
    step = flow.steps.get(kind="filter")
    plain.goto(page_of(step))
    box = plain.locator("[name=rules]")
    expect(box).to_have_value(
        '{"all": [\n  {"field": "state", "op": "in", "value": ["TX", "CA", "FL"]}\n]}'
    )
    box.fill('{"field": "state", "op": "iz", "value": "TX"}')
    plain.click("button[name=_continue]")
    expect(plain.get_by_text("Line 1: op:")).to_be_visible()
    picture(plain, "rules-plain")
    box.fill('{"field": "state", "op": "is", "value": "TX"}')
    plain.click("button[name=_save]")
    expect(plain.get_by_text("was changed successfully")).to_be_visible()
    context.close()
    assert Step.objects.get(pk=step.pk).rules == {"field": "state", "op": "is", "value": "TX"}
