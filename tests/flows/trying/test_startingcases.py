"""The set of cases that a recipient begins with."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flows import fields
from flows.trying.startingcases import LONG_EMAIL, Field, boundaries, drafts, success_of
from flows.trying.testcases import add_starting_set, cases_of, compiled, run
from recipients.models import Endpoint, MappingRow, ResponseRule, TestCase
from recipients.outcomes import Outcome
from tests.factories import make_flow, make_recipient, make_source


@pytest.mark.django_db
@pytest.mark.parametrize(
    "success",
    [
        'status = "accepted"',
        'response.result.state = "sold"',
        "ok = true",
        "code = 0",
        'state = "ok" and result.code = 0',
        "results.0.id or id",
        '//result = "accepted"',
        '//answer/state = "ok"',
        '//input[@id="F9errCode"]/@value = "0"',
        'css:#F9errCode@value = "0"',
        'css:.outcome = "sold"',
        'css:h1 = "Thanks"',
        "",
    ],
)
def test_it_finds_a_reply_that_means_success(success: str):
    recipient = make_recipient()
    recipient.success = success
    recipient.save()
    plan = compiled(recipient.pk)
    reply = success_of(plan)
    assert reply is not None
    assert plan.reader.read(reply).outcome is Outcome.ACCEPTED


@pytest.mark.django_db
def test_it_finds_one_by_the_rules_where_these_ask_for_more():
    recipient = make_recipient()
    recipient.success = 'status = "success"'
    recipient.save()
    accepted = {"when": 'status = "success" and leadId and price', "outcome": "accepted"}
    doubtful = {"when": 'status = "success"', "outcome": "unreadable"}
    for place, rule in enumerate([accepted, doubtful]):
        ResponseRule.objects.create(recipient=recipient, position=place, **rule)
    plan = compiled(recipient.pk)
    reply = success_of(plan)
    assert reply is not None
    assert plan.reader.read(reply).outcome is Outcome.ACCEPTED


@pytest.mark.django_db
def test_it_looks_at_the_request_alone_where_no_reply_means_success():
    recipient = make_recipient()
    recipient.success = 'status ~ "^Z[0-9]{9}$" and other != ""'
    recipient.full_clean()
    recipient.save()
    made = list(drafts([Field("email", "email")], compiled(recipient.pk)))
    assert (made[0].reply, made[0].outcome) == (None, "")
    assert (made[1].reply.status, made[1].outcome) == (400, "invalid")  # type: ignore[union-attr]


@pytest.fixture
def recipient():
    source, recipient = make_source(), make_recipient(timezone="America/New_York")
    make_flow(source, recipient)
    rows = {
        "name": "{{lead.first_name}}",
        "phone": '{{format lead.phone_1 "(###) ###-####"}}',
        "domain": "{{lead.email.domain}}",
        "hour": '{{format now "YYYY-MM-DD HH:mm" "America/New_York"}}',
    }
    for place, (key, value) in enumerate(rows.items(), 1):
        row = MappingRow(recipient=recipient, position=place, key=key, value=value)
        row.full_clean()
        row.save()
    return recipient


@pytest.mark.django_db
def test_every_case_of_the_set_passes_at_once_and_goes_through_the_models_checks(recipient):
    made = add_starting_set(recipient)
    plan = compiled(recipient.pk)
    assert [
        (j.case.name, j.failures) for j in run(plan, cases_of(recipient, plan)) if not j.passed
    ] == []
    for row in made:
        row.full_clean()
    names = {row.name for row in made}
    assert {"Success", "Invalid data (400)", "Longest values", "Emoji", "Accents",
            "Right-to-left text", "Quotes and backslashes", "Markup and braces",
            "Optional fields missing"} <= names  # fmt: skip
    assert {"Just before clocks go forward in America/New_York",
            "As clocks go back in America/New_York"} <= names  # fmt: skip
    by_name = {row.name: row for row in made}
    assert by_name["Invalid data (400)"].outcome == "invalid"
    assert '"name": "Zoë' in by_name["Accents"].request
    assert "{{lead.email}}" in by_name["Markup and braces"].request
    assert set(by_name["Optional fields missing"].lead) == {"email"}
    assert '"phone"' not in by_name["Optional fields missing"].request
    assert '"hour": "2026-03-08 01:59"' in (
        by_name["Just before clocks go forward in America/New_York"].request
    )
    assert '"hour": "2026-03-08 03:00"' in (
        by_name["As clocks go forward in America/New_York"].request
    )


@pytest.mark.django_db
def test_it_adds_only_what_is_missing(recipient):
    made = add_starting_set(recipient)
    assert add_starting_set(recipient) == []
    TestCase.objects.filter(name="Emoji").delete()
    again = add_starting_set(recipient)
    assert [row.name for row in again] == ["Emoji"]
    assert again[0].position == len(made)


@pytest.mark.django_db
@pytest.mark.parametrize("format", ["json", "xml", "form", "query", "csv"])
def test_it_is_right_for_every_format(recipient, format: str):
    Endpoint.objects.update(format=format, method="GET" if format == "query" else "POST")
    add_starting_set(recipient)
    plan = compiled(recipient.pk)
    assert [j.failures for j in run(plan, cases_of(recipient, plan)) if not j.passed] == []


def test_the_longest_email_is_one_that_intake_takes():
    assert fields.parse("email", LONG_EMAIL).valid


def test_a_zone_without_summer_time_has_its_midnights_alone():
    assert dict(boundaries("UTC")) == {
        "Last second of a month in UTC": datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC),
        "First second of a month in UTC": datetime(2026, 3, 1, tzinfo=UTC),
    }


def test_clocks_are_changed_at_their_moment():
    found = dict(boundaries("Europe/Berlin"))
    assert found["As clocks go forward in Europe/Berlin"] == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert found["As clocks go back in Europe/Berlin"] == datetime(2026, 10, 25, 1, tzinfo=UTC)
