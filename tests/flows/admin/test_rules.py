"""What the rules editor asks the server."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from tests.factories import make_flow, make_recipient, make_source, make_user, post_lead
from tests.pages import page_of, sign_in

pytestmark = pytest.mark.django_db

RULE = {"all": [{"field": "state", "op": "in", "value": ["TX"]}]}


@pytest.fixture
def ops():
    return sign_in(make_user("olga"))


@pytest.fixture
def recipient():
    return make_recipient()


@pytest.fixture
def flow(recipient):
    source = make_source()
    made = make_flow(source, recipient)
    for place, state in enumerate(("TX", "NY", "TX")):
        post_lead(made, source, email=f"a{place}@b.co", phone_1=f"512555000{place}", state=state)
    return made


def url():
    return reverse("admin:rules")


def ask(client, about, rule=RULE, **more):
    text = rule if isinstance(rule, str) else json.dumps(rule)
    return client.post(url(), {"about": about, "rule": text, "part": "try", **more})


def test_it_offers_fields_with_components_sources_and_what_leads_held(ops, flow):
    found = ops.get(url(), {"about": f"flow:{flow.pk}"}).json()
    fields = {each["name"]: each for each in found["fields"]}
    assert {"email", "email.domain", "phone_1.area", "source.name", "source.slug"} <= set(fields)
    assert fields["score"]["kind"] == "number"
    assert fields["email.is_free"] == {
        "name": "email.is_free", "label": "is free", "kind": "flag", "values": ["true", "false"],
    }  # fmt: skip
    assert "TX" in fields["state"]["values"]
    assert fields["source.slug"]["values"] == ["web-form-a"]
    assert found["types"]["date_of_birth"]["parts"][0]["name"] == "age"
    assert "a0@b.co" not in json.dumps(found)


@pytest.mark.parametrize("about", ["flow", "step", "recipient"])
def test_it_tries_a_rule_on_the_leads_that_it_is_about(ops, flow, recipient, about):
    key = {"flow": flow.pk, "step": flow.steps.first().pk, "recipient": recipient.pk}[about]
    found = ask(ops, f"{about}:{key}").json()
    assert (found["sum"], found["rest"]) == ("2 of the last 3 leads", "would pass.")
    assert found["held"] == {"all.0": 2}
    assert found["decided"] == [{"path": "all.0", "count": 1, "text": "not so: state is in TX"}]
    assert found["examples"][0]["why"] == "state is NY, not in TX"
    assert ops.get(found["examples"][0]["url"]).status_code == 200


def test_it_says_what_a_not_rules_out(ops, flow):
    found = ask(ops, f"flow:{flow.pk}", {"not": {"any": [RULE["all"][0]]}}).json()
    assert found["decided"][0]["text"] == "ruled out: state is in TX"


@pytest.mark.parametrize("about", ["flow:", "recipient:", "step:"])
def test_it_has_no_leads_for_what_is_not_saved_yet(ops, flow, about):
    found = ask(ops, about).json()
    assert (found["sum"], found["looked"]) == ("There are no leads yet", 0)


def test_a_recipient_of_no_flow_has_no_leads(ops, flow):
    found = ask(ops, f"recipient:{make_recipient('premier').pk}").json()
    assert found["sum"] == "There are no leads yet"


def test_it_gives_all_mistakes_with_their_places(ops, flow):
    rule = {"all": [{"field": "x", "op": "matches", "value": "(["}, {"field": "", "op": "is"}]}
    found = ask(ops, f"flow:{flow.pk}", rule).json()
    assert [each["path"] for each in found["problems"]] == [
        "all.0.value",
        "all.1.field",
        "all.1.value",
    ]
    assert "(character" in found["problems"][0]["message"]


def test_it_reads_yaml_as_json(ops, flow):
    text = "all:\n  - {field: state, op: in, value: [TX]}\n"
    found = ask(ops, f"flow:{flow.pk}", text, part="read").json()
    assert json.loads(found["text"]) == RULE
    found = ask(ops, f"flow:{flow.pk}", "all: [", part="read").json()
    assert "Line 1" in found["problems"][0]["message"]


@pytest.mark.parametrize("text", ["[]", "7", "", "{}", "{" * 5000, "all: x", "\x00"])
def test_it_answers_whatever_is_posted(ops, flow, text):
    for part in ("read", "try"):
        assert ask(ops, f"flow:{flow.pk}", text, part=part, judges="none").status_code == 200


@pytest.mark.parametrize("role", ["auditor", "account_manager"])
def test_those_who_may_not_write_rules_may_not_try_them(flow, recipient, role):
    client = sign_in(make_user("ann", role=role, recipients=[recipient]))
    for about in (f"flow:{flow.pk}", f"recipient:{recipient.pk}", "flow:"):
        assert ask(client, about).status_code == 403
        assert client.get(url(), {"about": about}).status_code == 403


def test_it_knows_nothing_of_what_is_not_there(ops, client, flow):
    for about in ("flow:flow_x", "step:step_x", "recipient:rcp_x"):
        assert ask(ops, about).status_code == 404
    assert ask(ops, "user:1").status_code == 403
    assert client.get(url()).status_code == 302
    assert ops.delete(url()).status_code == 405


def test_every_page_with_rules_has_the_editor(ops, flow, recipient):
    step = flow.steps.get(kind="filter")
    for page, about in (
        (page_of(flow), f"flow:{flow.pk}"),
        (page_of(step), f"step:{step.pk}"),
        (page_of(recipient), f"recipient:{recipient.pk}"),
        (f"/admin/flows/step/add/?flow={flow.pk}&kind=filter", f"flow:{flow.pk}"),
        ("/admin/flows/flow/add/", "flow:"),
    ):
        text = ops.get(page).content.decode()
        assert f'data-from="{about}"' in text, page
        assert "leadops/rules.js" in text
