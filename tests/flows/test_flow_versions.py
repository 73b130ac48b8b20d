"""Versions of flows: made by every way of changing one, compared, gone back to."""

from __future__ import annotations

import pytest

from events.models import Event, Lead
from flows import plans, tasks, versions
from flows.byhand import moving
from flows.loading import load_plans
from flows.models import Flow, FlowField, Step
from flows.versions import NotPossible, difference
from leadops.changes import recorded
from leadops.config import loading
from leadops.lib import queue
from tests.factories import make_flow, make_recipient, make_source, make_user, post_lead
from tests.pages import sign_in, submit

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
    plan = load_plans().flows[flow.pk]
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
    again = load_plans().flows[flow.pk]
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
    assert not load_plans().flows[flow.pk].steps[0].rule.evaluate({"state": "NY"}).passed
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


def address(flow: Flow, of: str) -> str:
    return f"/admin/flows/flow/{flow.pk.replace('_', '_5F')}/{of}"


def newest_is_what_is_compiled(flow: Flow) -> bool:
    plans.forget()
    before = numbers(flow)
    found = plans.current().flows[flow.pk]
    return [found.version, numbers(flow)] == [before[0], before]


def test_every_way_of_the_console_makes_the_version_that_is_compiled(flow):
    """None is left to be found by whoever loads it."""
    client = sign_in(make_user("olga"))
    first, last = flow.steps.all()
    steps = {"steps__0__position": last.position + 1, "steps__1__position": 0}
    assert submit(client, address(flow, "change/"), **steps).status_code == 302
    assert numbers(flow)[0] == 2
    assert newest_is_what_is_compiled(flow)
    delete = f"/admin/flows/step/{first.pk.replace('_', '_5F')}/delete/"
    assert client.post(delete, {"post": "yes"}).status_code == 302
    assert not Step.objects.filter(pk=first.pk).exists()
    assert newest_is_what_is_compiled(flow)
    assert flow.versions.first().made_by == "olga"
    add = {"flow": flow.pk, "kind": "filter", "name": "again", "on_fail": "stop"}
    client.post("/admin/flows/step/add/", {**add, "rules": "field: state\nop: is\nvalue: TX"})
    assert newest_is_what_is_compiled(flow)


def test_a_bundle_and_going_back_make_the_version_that_is_compiled(flow):
    text = loading.dump().replace("deliver: buyers", "deliver: takers")
    assert "takers" in text
    loading.load(text.encode(), name="x.yaml", by="bundle")
    assert numbers(flow)[0] == 2
    assert newest_is_what_is_compiled(flow)
    versions.restore(flow, flow.versions.get(number=1), by="mia")
    assert newest_is_what_is_compiled(flow)


def test_who_may_change_a_flow_moves_its_leads(flow, monkeypatch):
    asked = []
    monkeypatch.setattr(queue, "enqueue", lambda *given: asked.append(given))
    post_lead(flow, flow.sources.get().source)
    page, moves = address(flow, "versions/"), address(flow, "versions/moves/")
    olga, otto = sign_in(make_user("olga")), sign_in(make_user("otto", role="auditor"))
    assert "None. A lead ends by the version" in olga.get(page).content.decode()
    assert "under way by earlier" not in olga.get(address(flow, "change/")).content.decode()
    with recorded(flow, by="olga"):
        flow.steps.filter(kind="filter").delete()
    assert "1 lead is under way by earlier" in olga.get(address(flow, "change/")).content.decode()
    assert "Move 1 lead to version 2" in olga.get(page).content.decode()
    assert "Move 1 lead" not in otto.get(page).content.decode()
    assert otto.post(moves, {"_move": "1"}).status_code == 403
    assert olga.post(moves, {"_move": "x"}).status_code == 404
    assert olga.post(moves, {"_move": "1"}).status_code == 302
    [(task, id)] = asked
    assert task == moving.TASK
    assert "0 of 1 moved" in olga.get(moves).content.decode()
    assert "moved already" in olga.post(moves, {"_move": "all"}, follow=True).content.decode()
    tasks.flow_move(id)
    found = olga.get(page).content.decode()
    assert "Last: 1 lead moved by olga" in found
    assert Lead.objects.get().flow_version == 2
    said = Event.objects.filter(type__startswith="flow.move").order_by("-type")
    assert list(said.values_list("type", "data__by")) == [
        ("flow.move_started", "olga"),
        ("flow.move_ended", "olga"),
    ]


def test_the_rest_of_a_move_is_cancelled(flow):
    post_lead(flow, flow.sources.get().source)
    with recorded(flow, by="olga"):
        flow.steps.filter(kind="filter").delete()
    move = moving.start(flow, [1], by="mia")
    olga = sign_in(make_user("olga"))
    said = olga.post(address(flow, "versions/moves/"), {"_cancel": "1"}, follow=True)
    assert "Leads that were moved stay moved" in said.content.decode()
    move.refresh_from_db()
    assert move.state == "cancelled"
