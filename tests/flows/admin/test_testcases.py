"""Test cases of a recipient in the console: who may, what is run, what is refused."""

from __future__ import annotations

from contextlib import closing
from ipaddress import ip_network
from typing import Any

import pytest
from django.urls import reverse

from events.models import Event
from flows.admin.testcases import PUBLISH
from leadops.buyers import running_buyers
from leadops.lib.http import Door
from recipients.models import Endpoint, MappingRow, Recipient, TestCase
from tests.factories import make_flow, make_recipient, make_source, make_user
from tests.pages import errors_of, page_of, sign_in, submit, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops():
    return sign_in(make_user("olga"))


@pytest.fixture
def recipient():
    source, recipient = make_source(), make_recipient()
    make_flow(source, recipient)
    return recipient


def url_of(recipient: Recipient) -> str:
    pk = recipient.pk.replace("_", "_5F")
    return reverse("admin:recipients_recipient_cases", args=[pk])


def make_case(recipient: Recipient, name: str = "Sold", **fields: Any) -> TestCase:
    values = {
        "lead": {"email": "a@example.com"},
        "reply_status": 200,
        "reply_body": '{"status": "accepted"}',
        "request": '{"email": "a@example.com"}',
        "outcome": "accepted",
        **fields,
    }
    case = TestCase(recipient=recipient, name=name, **values)
    case.full_clean()
    case.save()
    return case


def test_it_runs_all_cases_or_one(ops: Any, recipient: Recipient):
    one = make_case(recipient)
    make_case(recipient, "Refused", outcome="rejected")
    page = text_of(ops.post(url_of(recipient), {"_run": "all"}))
    assert "1 of 2 failed" in page
    assert "Outcome: expected rejected, got accepted" in page
    page = text_of(ops.post(url_of(recipient), {"_run": str(one.pk)}))
    assert "It passed" in page
    assert "Not run" in page


def test_it_parses_values_as_intake_does(ops: Any, recipient: Recipient):
    MappingRow.objects.update(value="{{lead.email.domain}} {{source.campaign}} {{lead.id}}")
    make_case(
        recipient,
        lead={"email": "A@EXAMPLE.com", "source.campaign": "winter"},
        request='{"email": "example.com winter test_00000000000000000000CASE"}',
    )
    assert "It passed" in text_of(ops.post(url_of(recipient), {"_run": "all"}))


def test_it_adds_the_starting_set_and_records_it(ops: Any, recipient: Recipient):
    page = ops.post(url_of(recipient), {"_begin": "1"}, follow=True)
    count = TestCase.objects.count()
    assert count >= 9
    assert f"Added {count} test cases" in text_of(page)
    changed = Event.objects.filter(type="config.changed").latest("timestamp")
    assert "Right-to-left text" in str(changed.data)
    page = text_of(ops.post(url_of(recipient), {"_run": "all"}))
    assert f"All {count} passed" in page


@pytest.mark.parametrize(("role", "sees", "runs"), [
    ("auditor", 200, 403), ("account_manager", 403, 403), ("ops", 200, 200),
])  # fmt: skip
def test_it_is_for_those_who_configure(recipient: Recipient, role: str, sees: int, runs: int):
    client = sign_in(make_user("x", role=role, recipients=[recipient]))
    assert client.get(url_of(recipient)).status_code == sees
    assert client.post(url_of(recipient), {"_run": "all"}).status_code == runs


def test_a_case_is_added_changed_and_deleted_on_its_own_page(ops: Any, recipient: Recipient):
    add = f"{reverse('admin:recipients_testcase_add')}?recipient={recipient.pk}"
    values = {"name": "New", "lead": "email: b@example.com", "request": "{email: b@example.com}"}
    answer = submit(ops, add, **values)
    assert answer.url == url_of(recipient)
    case = TestCase.objects.get()
    assert case.request == '{\n  "email": "b@example.com"\n}'
    assert "one" not in errors_of(submit(ops, add, **values))
    assert any("of this name already" in said for said in errors_of(submit(ops, add, **values)))
    assert submit(ops, page_of(case), name="Newer").url == url_of(recipient)
    history = Event.objects.filter(type="config.changed", entity_id=recipient.pk)
    assert "Newer" in str(history.latest("timestamp").data)
    delete = page_of(case).replace("change", "delete")
    assert ops.post(delete, {"post": "yes"}).url == url_of(recipient)
    assert not TestCase.objects.exists()


def test_a_case_that_expects_nothing_is_refused(ops: Any, recipient: Recipient):
    add = f"{reverse('admin:recipients_testcase_add')}?recipient={recipient.pk}"
    assert any("Say what is expected" in text for text in errors_of(submit(ops, add, name="New")))
    said = errors_of(submit(ops, add, name="New", outcome="accepted"))
    assert any("Without a reply" in text for text in said)


# --- what a change must not break


def test_a_mapping_that_breaks_a_case_is_not_saved(ops: Any, recipient: Recipient):
    make_case(recipient)
    answer = submit(ops, page_of(recipient), mapping_rows__0__value="{{lead.first_name}}")
    assert answer.status_code == 200
    said = " ".join(errors_of(answer)) + text_of(answer)
    assert "1 test case would fail" in said
    assert "Sold" in said
    assert f'name="{PUBLISH}"' in answer.content.decode()
    assert MappingRow.objects.get().value == "{{lead.email}}"
    assert not Event.objects.filter(type="config.changed").exists()
    # What was entered is still there.
    assert "{{lead.first_name}}" in answer.content.decode()


def test_reply_rules_that_break_a_case_are_not_saved(ops: Any, recipient: Recipient):
    make_case(recipient)
    answer = submit(ops, page_of(recipient), success='status = "sold"')
    assert "Outcome is rejected, expected accepted" in text_of(answer)
    assert Recipient.objects.get().success == 'status = "accepted"'


def test_it_is_saved_when_somebody_insists(ops: Any, recipient: Recipient):
    make_case(recipient)
    answer = submit(ops, page_of(recipient), success='status = "sold"', **{PUBLISH: "1"})
    assert answer.status_code == 302
    assert Recipient.objects.get().success == 'status = "sold"'


def test_a_change_is_not_blamed_for_what_failed_before(ops: Any, recipient: Recipient):
    make_case(recipient, outcome="duplicate")
    assert submit(ops, page_of(recipient), notes="Call first").status_code == 302
    assert Recipient.objects.get().notes == "Call first"


def test_a_change_that_breaks_nothing_is_saved(ops: Any, recipient: Recipient):
    make_case(recipient)
    answer = submit(ops, page_of(recipient), price_path="price", lead_id_path="leadId")
    assert answer.status_code == 302
    assert Recipient.objects.get().price_path == "price"


def test_rules_from_a_sample_are_held_against_the_cases(ops: Any, recipient: Recipient):
    make_case(recipient)
    url = url_of(recipient).replace("/cases/", "/sample/")
    form = {
        "recorded": "", "status": "200", "headers": "", "body": '{"state": "sold"}',
        "success": 'state = "sold"', "capture": "", "_use": "1",
        "rules-TOTAL_FORMS": "0", "rules-INITIAL_FORMS": "0",
    }  # fmt: skip
    answer = ops.post(url, form)
    assert answer.status_code == 200
    assert "1 test case would fail" in text_of(answer)
    assert Recipient.objects.get().success == 'status = "accepted"'
    assert ops.post(url, {**form, PUBLISH: "1"}).status_code == 302
    assert Recipient.objects.get().success == 'state = "sold"'


# --- the sandbox


def test_a_case_may_call_the_sandbox(
    ops: Any, recipient: Recipient, monkeypatch: pytest.MonkeyPatch
):
    with (
        running_buyers() as buyers,
        closing(Door(private_networks=[ip_network("127.0.0.0/8")])) as door,
    ):
        monkeypatch.setattr("flows.trying.testcases._door", lambda _: door)
        Endpoint.objects.create(
            recipient=recipient, kind="sandbox", url=f"{buyers.url}/b/abc/accept?price=41"
        )
        make_case(recipient, sandbox=True, reply_status=None, reply_body="")
        page = text_of(ops.post(url_of(recipient), {"_run": "all"}))
        assert "It passed" in page, page
    tested = Event.objects.get(type="recipient.tested")
    assert (tested.outcome or tested.data["result"], tested.data["test_case"]) == (
        "accepted",
        "Sold",
    )


def test_a_save_calls_no_sandbox(ops: Any, recipient: Recipient):
    Endpoint.objects.create(recipient=recipient, kind="sandbox", url="https://127.0.0.1:1/x")
    make_case(recipient, sandbox=True, reply_status=None, reply_body="")
    answer = submit(ops, page_of(recipient), success='status = "sold"')
    assert answer.status_code == 302
    assert not Event.objects.filter(type="recipient.tested").exists()
