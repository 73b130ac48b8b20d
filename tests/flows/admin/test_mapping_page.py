"""The mapping editor, without a browser: who may, what is refused, what is shown and saved."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from events.models import Event, Lead, Snapshot
from recipients.models import Endpoint, MappingRow, Recipient, ResponseRule, Secret, TestCase
from recipients.outcomes import Outcome
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, make_user
from tests.pages import sign_in, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops():
    return sign_in(make_user("olga"))


def url_of(recipient: Recipient) -> str:
    pk = recipient.pk.replace("_", "_5F")
    return reverse("admin:recipients_recipient_mapping", args=[pk])


def posted(*rows: tuple[str, ...], **values: Any) -> dict[str, Any]:
    """What the page sends: rows of key, value, when; none of them saved before."""
    form = {
        "way": "rows", "mapping_text": "", "with_reading": "", "lead": "sample", "pasted": "",
        "mapping_rows-TOTAL_FORMS": str(len(rows)), "mapping_rows-INITIAL_FORMS": "0",
        "rules-TOTAL_FORMS": "0", "rules-INITIAL_FORMS": "0",
    }  # fmt: skip
    for number, (key, value, *when) in enumerate(rows):
        form[f"mapping_rows-{number}-key"] = key
        form[f"mapping_rows-{number}-value"] = value
        form[f"mapping_rows-{number}-when"] = when[0] if when else ""
        form[f"mapping_rows-{number}-position"] = str(number)
    return {**form, **values}


def part(client: Client, recipient: Recipient, name: str, *rows: Any, **values: Any) -> Any:
    headers = {"X-Leadops-Part": name}
    return client.post(url_of(recipient), posted(*rows, **values), headers=headers)


def preview(client: Client, recipient: Recipient, *rows: Any, **values: Any) -> str:
    answer = part(client, recipient, "preview", *rows, **values)
    assert answer.status_code == 200
    return text_of(answer)


@pytest.fixture
def sold():
    """A recipient that took a lead and refused another."""
    source, recipient = make_source(), make_recipient()
    flow = make_flow(source, recipient)
    deliver_lead(flow, source)
    outcomes = {recipient.slug: [Outcome.REJECTED]}
    deliver_lead(flow, source, outcomes=outcomes, email="b@example.com", phone_1="5125550002")
    return recipient


def test_it_opens_with_the_request_for_the_newest_lead(ops, sold):
    MappingRow.objects.create(recipient=sold, key="income", value="{{lead.income}}", position=1)
    page = text_of(ops.get(url_of(sold)))
    assert '"email": "b@example.com"' in page
    assert "POST https://api.abc-insurance.example/leads" in page
    assert "Left out: income blank" in page


def test_it_opens_with_a_sample_before_there_is_a_lead(ops):
    page = text_of(ops.get(url_of(make_recipient())))
    assert "As it would go out for this lead" in page
    assert "@" in page


def test_it_writes_the_body_in_the_endpoints_format(ops, sold):
    Endpoint.objects.update(format="xml", xml_root="lead")
    assert "<state>TX</state>" in preview(ops, sold, ("state", "TX"))
    Endpoint.objects.update(format="query", method="GET")
    assert "GET https://api.abc-insurance.example/leads?state=TX" in preview(
        ops, sold, ("state", "TX")
    )


def test_it_marks_paths_that_no_lead_has_at_their_rows(ops, sold):
    answer = part(ops, sold, "preview", ("a", "{{lead.email}}"), ("b", "{{lead.frist_name}}"))
    html = answer.content.decode()
    assert "lead.frist_name: no such field; did you mean lead.first_name?" in html
    assert 'data-row="1"' in html
    assert 'data-row="0"' not in html


def test_it_says_that_a_sensitive_value_is_not_shown(ops, sold):
    lead = Lead.objects.first().pk
    found = preview(ops, sold, ("a", "{{lead.ssn}}"), ("b", "{{lead.last_name}}"), lead=lead)
    assert "Too sensitive to be shown here, but sent: lead.ssn" in found


def test_a_mistake_stands_at_its_row_with_its_position(ops, sold):
    html = part(ops, sold, "preview", ("a", "x"), ("b", "xy {{uper lead.state}}")).content.decode()
    assert "Did you mean upper?" in html
    assert 'data-row="1" data-field="value" data-line="1" data-column="6"' in html
    html = part(ops, sold, "preview", ("a", "x"), ("a", "y")).content.decode()
    assert "The key is given twice" in html
    assert 'data-row="1"' in html


def test_a_mistake_in_the_text_has_its_line(ops, sold):
    html = part(ops, sold, "preview", way="text", mapping_text="a: x\nb: '{{uper 1}}'\n")
    assert 'data-field="mapping_text" data-line="2"' in html.content.decode()


def test_a_new_row_without_anything_is_no_mistake(ops, sold):
    assert "The request" in preview(ops, sold, ("a", "x"), ("", ""))


def test_it_hides_secrets_whatever_a_template_does_to_them(ops, sold):
    Secret.objects.create(name="KEY", value="s3cr3tvalue")
    Endpoint.objects.update(auth="bearer", auth_secret="${KEY}")
    rows = [("k", "${KEY}"), ("a", '{{left "${KEY}" 4}}'), ("b", '{{base64 "${KEY}"}}')]
    html = part(ops, sold, "preview", *rows).content.decode()
    assert "The request" in html
    for text in ("s3cr", "czNjcjN0"):
        assert text not in html
    assert "neither in the environment" in preview(ops, sold, ("k", "${NOWHERE}"))


def test_a_pasted_lead_is_read_as_the_flows_fields(ops, sold):
    lead = json.dumps({"phone_1": "(512) 555-0199", "state": "tx", "x": {"y": [1, 2]}})
    rows = [("p", "{{lead.phone_1}}"), ("s", "{{lead.state}}"), ("y", "{{lead.x.y.1}}")]
    found = preview(ops, sold, *rows, lead="pasted", pasted=lead)
    assert '"p": "5125550199"' in found
    assert '"s": "TX"' in found
    assert '"y": 2' in found


@pytest.mark.parametrize(
    ("lead", "said"),
    [
        ("{", "This is no JSON"),
        ("[1]", "Write an object of fields"),
        ('{"a": NaN}', "is no number"),
        ("[" * 30_000, "nests too deep"),
        ('{"a": ' * 20 + "1" + "}" * 20, "deeper than 10 levels"),
        (json.dumps({f"f{n}": n for n in range(501)}), "500 fields at most"),
        ('{"a": "' + "x" * 70_000 + '"}', "at most 65536 characters"),
    ],
)
def test_it_says_what_is_wrong_with_a_pasted_lead(ops, sold, lead, said):
    assert said in preview(ops, sold, ("a", "x"), lead="pasted", pasted=lead)


@pytest.mark.parametrize(
    "template",
    [
        "{{" * 5000,
        "{{#if lead.a}}" * 50,
        "(" * 500,
        "{{" + "(" * 500 + "1",
        "{{lead.__class__.__mro__}}",
        "x" * 70_000,
        '{{pad_left "x" 999999999}}',
        "{{#each lead.vehicles}}" * 3 + "{{this}}" + "{{/each}}" * 3,
        "\0",
        "${A}" * 200,
    ],
)
def test_a_hostile_template_is_shown_as_a_mistake_or_as_text(ops, sold, template):
    for values in ({}, {"way": "text", "mapping_text": f"a: {json.dumps(template)}"}):
        answer = part(ops, sold, "preview", ("a", template), **values)
        assert answer.status_code == 200
        assert "Not yet" in text_of(answer) or "The request" in text_of(answer)


def test_it_writes_what_stands_in_a_mapping_as_text_alone(ops, sold):
    script = "<script>alert(1)</script>"
    answer = part(ops, sold, "preview", (script, script), ("b", "{{lead.<script>}}"))
    assert script not in answer.content.decode()
    answer = part(ops, sold, "run", ("<img src=x>", script))
    assert "<img" not in answer.json()["summary"] + answer.json()["rows"]


def test_it_offers_fields_helpers_and_the_services_keys(ops, sold):
    Recipient.objects.update(integration="hubspot.create_or_update_contact")
    page = ops.get(url_of(sold)).content.decode()
    for text in ("lead.email.domain", "lead.phone_1", "source.slug", "recipient.tier",
                 "delivery.attempt", 'data-insert="upper"', 'data-kind="key"'):  # fmt: skip
        assert text in page


def test_a_dry_run_says_what_would_differ_by_key(ops, sold):
    found = part(ops, sold, "run", ("email", "{{upper lead.email}}"), ("n", "1")).json()
    assert "2 of 2 payloads would differ" in found["summary"]
    assert "in 2" in found["summary"]
    assert "B@EXAMPLE.COM" in found["rows"]
    assert "Of 2 recorded replies, none would be read as another outcome" in found["summary"]
    assert (found["looked"], found["state"]) == (2, "")


def test_a_dry_run_of_the_same_finds_nothing(ops, sold):
    found = part(ops, sold, "run", ("email", "{{lead.email}}")).json()
    assert "0 of 2 payloads would differ" in found["summary"]
    assert found["rows"].strip() == ""


def test_a_dry_run_reads_replies_by_draft_rules(ops, sold):
    rules = {"with_reading": "1", "success": 'status = "rejected"', "capture": "{}"}
    found = part(ops, sold, "run", ("email", "{{lead.email}}"), **rules).json()
    assert "2 would be read as another outcome" in found["summary"]


def test_a_dry_run_leaves_out_who_was_erased(ops, sold):
    Snapshot.objects.filter(body__email="b@example.com").delete()
    found = part(ops, sold, "run", ("n", "1")).json()
    assert "1 of 1 payload would differ" in found["summary"]
    assert "1 of persons erased is left out" in found["summary"]


def going_on(**changes: str) -> str:
    """What a part of a dry run gives to the next, with texts in place of some of it."""
    state = {
        "looked": "1", "payloads": "1", "replies": "1", "outcomes": "0", "problems": "0",
        "erased": "0", "seconds": "0.5", "keys": "{}", "at": "2999-01-01T00:00:00+00:00",
        "lead": "lead_x", **changes,
    }  # fmt: skip
    texts = ("at", "lead")
    written = [f'"{name}": ' + (f'"{v}"' if name in texts else v) for name, v in state.items()]
    return "{" + ", ".join(written) + "}"


def test_a_dry_run_goes_on_where_it_stood(ops, sold):
    found = part(ops, sold, "run", ("n", "1"), count="2", state=going_on()).json()
    assert found["looked"] == 2
    assert "2 of 2 payloads would differ" in found["summary"]


@pytest.mark.parametrize(
    "values",
    [
        {"count": "many"},
        {"state": "{"},
        {"state": "[]"},
        {"state": '{"looked": 1}'},
        {"state": "x" * 70_000},
        {"state": "null"},
        {"state": going_on(lead="\\u0000")},
        {"state": going_on(at="0001-01-01T00:00:00+14:00")},
        {"state": going_on(at="2026-01-01T00:00:00")},
        {"state": going_on(seconds="1e999")},
        {"state": going_on(looked="9" * 400)},
    ],
)
def test_a_dry_run_refuses_to_go_on_with_nonsense(ops, sold, values):
    assert part(ops, sold, "run", ("n", "1"), **values).status_code == 400


def test_a_dry_run_wants_a_draft_that_is_right(ops, sold):
    assert "Correct the draft" in part(ops, sold, "run", ("n", "{{")).json()["error"]


def test_it_saves_through_the_recipients_own_form_and_history(ops, sold):
    row = sold.mapping_rows.get()
    MappingRow.objects.create(recipient=sold, key="old", value="x", position=1)
    old = sold.mapping_rows.get(key="old")
    form = posted(("email", "{{lower lead.email}}"), ("old", "x"), ("state", "{{lead.state}}"))
    form |= {
        "mapping_rows-INITIAL_FORMS": "2", "mapping_rows-0-id": str(row.pk),
        "mapping_rows-1-id": str(old.pk), "mapping_rows-1-DELETE": "on",
        "mapping_rows-0-position": "5", "_save": "1",
    }  # fmt: skip
    assert ops.post(url_of(sold), form).status_code == 302
    assert [(r.position, r.key) for r in sold.mapping_rows.all()] == [(0, "state"), (1, "email")]
    changed = Event.objects.filter(type="config.changed", entity_id=sold.pk)
    assert changed.count() == 1
    assert "lower lead.email" in str(changed.get().data)
    assert "lower lead.email" in str(sold.mapping_versions.first().content)


def test_saving_rows_takes_the_text_out_of_use(ops):
    recipient = make_recipient(mapping_text="a: x\n")
    recipient.mapping_rows.all().delete()
    assert ops.post(url_of(recipient), posted(("b", "y"), _save="1")).status_code == 302
    assert Recipient.objects.get().mapping_text == ""
    text = {"way": "text", "mapping_text": "c: z\n", "_save": "1"}
    assert ops.post(url_of(recipient), posted(**text)).status_code == 302
    assert Recipient.objects.get().mapping_text.strip() == "c: z"
    assert recipient.mapping_rows.count() == 1


def test_a_mapping_that_breaks_a_test_case_is_not_saved_unless_somebody_insists(ops, sold):
    TestCase.objects.create(
        recipient=sold, name="e-mail", lead={"email": "a@example.com"},
        request='{"email": "a@example.com"}',
    )  # fmt: skip
    row = sold.mapping_rows.get()
    form = posted(("email", "{{upper lead.email}}"), _save="1")
    form |= {"mapping_rows-INITIAL_FORMS": "1", "mapping_rows-0-id": str(row.pk)}
    page = text_of(ops.post(url_of(sold), form))
    assert "1 test case would fail, so nothing was saved" in page
    assert "{{upper lead.email}}" in page
    assert sold.mapping_rows.get().value == "{{lead.email}}"
    assert ops.post(url_of(sold), {**form, "_publish": "1"}).status_code == 302
    assert sold.mapping_rows.get().value == "{{upper lead.email}}"


def test_what_is_wrong_is_not_saved(ops, sold):
    page = ops.post(url_of(sold), posted(("email", "{{uper 1}}"), _save="1"))
    assert page.status_code == 200
    assert "Did you mean upper?" in page.content.decode()
    assert [row.value for row in sold.mapping_rows.all()] == ["{{lead.email}}"]


def test_draft_rules_are_saved_only_while_they_are_tried(ops, sold):
    reading = {
        "success": "ok = 1", "capture": "{}", "price_path": "pay", "_save": "1",
        "rules-TOTAL_FORMS": "1", "rules-0-when": "x = 1", "rules-0-outcome": "duplicate",
    }  # fmt: skip
    sold.mapping_rows.all().delete()
    assert ops.post(url_of(sold), posted(("a", "x"), **reading)).status_code == 302
    assert Recipient.objects.get().price_path == ""
    MappingRow.objects.all().delete()
    reading["with_reading"] = "1"
    assert ops.post(url_of(sold), posted(("a", "x"), **reading)).status_code == 302
    assert Recipient.objects.get().price_path == "pay"
    assert ResponseRule.objects.get().when == "x = 1"


def test_a_row_of_another_recipient_cannot_be_changed(ops, sold):
    other = make_recipient("other").mapping_rows.get()
    form = posted(("email", "mine"), _save="1")
    form |= {"mapping_rows-INITIAL_FORMS": "1", "mapping_rows-0-id": str(other.pk)}
    assert "Somebody changed these rows" in text_of(ops.post(url_of(sold), form))
    other.refresh_from_db()
    assert other.value == sold.mapping_rows.get().value == "{{lead.email}}"


def test_a_lead_of_another_flow_cannot_be_looked_at(ops, sold):
    lead = Event.objects.exclude(lead_id="").first().lead_id
    found = preview(ops, make_recipient("other"), ("a", "{{lead.email}}"), lead=lead)
    assert "This lead is not there" in found


def test_who_may_not_change_the_recipient_may_not_use_it(sold):
    dana = sign_in(make_user("dana", role="account_manager", recipients=[sold]))
    audit = sign_in(make_user("audra", role="auditor"))
    for client in (dana, audit):
        assert client.get(url_of(sold)).status_code == 403
        assert client.post(url_of(sold), posted(("a", "x"), _save="1")).status_code == 403
        for name in ("preview", "run", "rows"):
            assert part(client, sold, name, ("a", "x")).status_code == 403
    assert "/login" in Client().get(url_of(sold)).headers["Location"]


def test_an_unknown_recipient_is_not_there(ops):
    assert ops.get("/admin/recipients/recipient/rcp_5Fnone/mapping/").status_code == 404


def many(count: int) -> list[tuple[str, str]]:
    return [(f"key_{number}", "{{upper lead.state}}") for number in range(count)]


def test_it_takes_a_thousand_rows(ops, sold):
    sold.mapping_rows.all().delete()
    assert '"key_999": "TX"' in preview(ops, sold, *many(1000))
    answer = ops.post(url_of(sold), posted(*many(1000), _save="1"))
    assert answer.status_code == 302
    assert sold.mapping_rows.count() == 1000
    assert ops.get(url_of(sold)).status_code == 200


def test_as_text_they_come_back_as_rows_in_place_of_a_thousand(ops, sold):
    sold.mapping_rows.all().delete()
    MappingRow.objects.bulk_create(
        MappingRow(recipient=sold, key=key, value=value, position=place)
        for place, (key, value) in enumerate(many(1000))
    )
    text = "\n".join(f"other_{number}: x" for number in range(1000))
    made = part(ops, sold, "rows", way="text", mapping_text=text)
    assert "other_999" in made.content.decode()


def test_more_than_a_mapping_may_have_are_refused(ops, sold):
    assert "1000" in preview(ops, sold, *many(1001))
    assert ops.post(url_of(sold), posted(*many(1001), _save="1")).status_code == 200
    assert sold.mapping_rows.count() != 1001
    endless = {f"field_{number}": "x" for number in range(15_001)}
    assert ops.post(url_of(sold), endless).status_code == 400
