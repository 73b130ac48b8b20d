"""Versions of flows: made by every way of changing one, compared, gone back to."""

from __future__ import annotations

import pytest

from flows import plans, versions
from flows.models import Flow, FlowField, Step
from flows.versions import NotPossible, difference
from leadops.changes import recorded
from leadops.config import loading
from tests.factories import make_flow, make_recipient, make_source, make_user
from tests.pages import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def flow() -> Flow:
    made = make_flow(make_source(), make_recipient("first"), make_recipient("second"))
    versions.keep_first(made)
    return made


def numbers(flow: Flow) -> list[int]:
    return [version.number for version in flow.versions.all()]


def rename(flow: Flow, name: str, *, by: str = "olga") -> None:
    with recorded(flow, by=by):
        flow.name = name
        flow.save()


def test_it_numbers_what_it_found_and_every_change(flow):
    assert [(v.number, v.note) for v in flow.versions.all()] == [(1, versions.FOUND)]
    rename(flow, "Cars")
    newest = flow.versions.first()
    assert (newest.number, newest.made_by) == (2, "olga")
    assert "name: Cars" in newest.content
    rename(flow, "Cars")
    assert numbers(flow) == [2, 1]


def test_it_keeps_changes_made_by_a_bundle(flow):
    text = loading.dump().replace("name: Auto Insurance", "name: Cars")
    loading.load(text.encode(), name="x.yaml", by="bundle")
    assert flow.versions.first().made_by == "bundle"
    loading.load(text.encode(), name="x.yaml", by="bundle")
    assert numbers(flow) == [2, 1]
    loading.load(text.replace("Cars", "Bikes").encode(), name="x", by="b", dry_run=True)
    assert numbers(flow) == [2, 1]


def test_it_keeps_changes_of_a_step_made_in_the_console(flow):
    client = sign_in(make_user("olga"))
    step = flow.steps.get(kind="filter")
    url = f"/admin/flows/step/{step.pk.replace('_', '_5F')}/change/"
    form = {"name": "states", "rules": "{}", "reason": "", "on_fail": "stop"}
    form["rules"] = "field: state\nop: is\nvalue: TX"
    assert client.post(url, form).status_code == 302
    assert numbers(flow) == [2, 1]
    assert flow.versions.first().made_by == "olga"


def test_it_goes_back_in_full(flow):
    plan = plans.load().flows[flow.pk]
    step = flow.steps.get(kind="deliver")
    with recorded(flow, by="olga"):
        step.recipients.last().delete()
        Step.objects.filter(kind="filter").delete()
        FlowField.objects.filter(flow=flow, name="score").delete()
        flow.slug = "cars"
        flow.save()
    versions.restore(flow, flow.versions.get(number=1), by="mia")
    flow.refresh_from_db()
    assert flow.slug == "cars"  # who posts to it finds it where it is
    again = plans.load().flows[flow.pk]
    assert [s.name for s in again.steps] == [s.name for s in plan.steps]
    assert again.steps[1] == plan.steps[1]
    assert again.fields == plan.fields
    newest = flow.versions.first()
    assert (newest.number, newest.made_by, newest.note) == (3, "mia", "back to version 1")


def test_it_says_why_a_version_cannot_come_back(flow):
    with recorded(flow, by="olga"):
        row = flow.steps.get(kind="deliver").recipients.last()
        gone = row.recipient
        row.delete()
    gone.delete()
    before = numbers(flow)
    with pytest.raises(NotPossible, match="second"):
        versions.restore(flow, flow.versions.get(number=1), by="mia")
    assert numbers(flow) == before


def test_it_compiles_a_content_without_changing_anything(flow):
    text = flow.versions.first().content.replace("TX", "NY")
    found = versions.documents().compiled(flow, text)
    rule = found.flows[flow.pk].steps[0].rule
    assert rule.evaluate({"state": "NY"}).passed
    assert not plans.load().flows[flow.pk].steps[0].rule.evaluate({"state": "NY"}).passed
    assert numbers(flow) == [1]


@pytest.mark.parametrize("wrong", ["steps: [", "- slug: x\n  name: X\n  colour: red\n", ""])
def test_it_says_what_is_wrong_with_a_draft(flow, wrong):
    with pytest.raises(NotPossible):
        versions.documents().compiled(flow, wrong)


def test_it_shows_what_differs_with_a_little_around_it():
    lines = [f"line {number}" for number in range(20)]
    found = difference("\n".join(lines), "\n".join([*lines[:10], "new", *lines[11:]]))
    assert [line.side for line in found] == ["gap", *["both"] * 3, "before", "after", *["both"] * 3]
    assert difference("a\nb", "a\nb") == []


def test_only_who_may_change_a_flow_goes_back(flow):
    rename(flow, "Cars")
    url = f"/admin/flows/flow/{flow.pk.replace('_', '_5F')}/versions/"
    auditor = sign_in(make_user("otto", role="auditor"))
    assert auditor.get(url).status_code == 200
    assert auditor.post(url, {"_restore": "1"}).status_code == 403
    manager = sign_in(make_user("mara", role="account_manager"))
    assert manager.get(url).status_code in (302, 403, 404)
    assert sign_in(make_user("olga")).post(url, {"_restore": "1"}).status_code == 302
    assert numbers(flow) == [3, 2, 1]
