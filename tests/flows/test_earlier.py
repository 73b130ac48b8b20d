"""Flows changed while leads are in them: each lead ends by the version it came under."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.models import Delivery, Lead
from flows import earlier, plans, tasks, versions
from flows.byhand import moving, retrying, reviewing
from flows.models import Enhancement, Flow, FlowVersion, Source, Step, StepRecipient, Work
from leadops.changes import recorded
from recipients.models import Recipient
from recipients.outcomes import Outcome
from tests.flows.scene import Scene, attempt, recipient, scene

pytestmark = pytest.mark.django_db

YES = attempt(Outcome.ACCEPTED)
NO = attempt(Outcome.REJECTED, reason="No")
SOME_TIME = 3600.0


@pytest.fixture
def play() -> Scene:
    return scene(recipient("abc"), recipient("best"), pattern="waterfall")


def slugs(starts):
    return [sending.plan.slug for sending in starts]


def step(name: str) -> Step:
    return Step.objects.get(name=name)


def deliver(flow: Flow, name: str, position: int, *recipients: Recipient, **facts) -> Step:
    made = Step.objects.create(flow=flow, name=name, kind="deliver", position=position, **facts)
    for place, each in enumerate(recipients):
        StepRecipient.objects.create(step=made, recipient=each, position=place)
    return made


def version_of(answer) -> int:
    return Lead.objects.get(id=answer.lead_id).flow_version


def test_a_lead_goes_by_the_rules_and_recipients_it_came_under(play):
    answer = play.post()
    with recorded(play.flow, by="olga"):
        Step.objects.filter(name="geographic_filter").update(
            rules={"field": "state", "op": "is", "value": "CA"}
        )
        StepRecipient.objects.filter(recipient__slug="abc").delete()
        StepRecipient.objects.filter(recipient__slug="best").update(price=Decimal(1))
        plans.changed()
    later = play.post(state="CA", email="b@example.com", phone_1="5555551235")
    assert version_of(later) == version_of(answer) + 1
    play.play(abc=[NO], best=[YES, YES])
    assert play.lead(answer).result == "sold"
    assert play.lead(answer).revenue == Decimal(45)
    assert play.lead(later).revenue == Decimal(1)
    assert Delivery.objects.filter(lead_id=later.lead_id).count() == 1


def test_a_disabled_flow_ends_the_leads_inside_by_the_same_plan(play):
    answer = play.post()
    with recorded(play.flow, by="olga"):
        play.flow.active = False
        play.flow.save()
    current = plans.current()
    assert not current.flows[play.flow.id].active
    assert current.flows[play.flow.id].version == version_of(answer) + 1
    # Nothing inside is another: no second plan is compiled for it.
    lead = Lead.objects.get(id=answer.lead_id)
    assert earlier.followed(current, lead) is current.flows[play.flow.id]
    play.play(abc=[YES])
    assert play.lead(answer).result == "sold"


def test_a_lead_passes_the_steps_of_its_version_and_no_others(play):
    pool = recipient("pool")
    answer = play.post()
    with recorded(play.flow, by="olga"):
        deliver(play.flow, "second", 2, pool)
        Step.objects.filter(name="geographic_filter").delete()
    play.play(abc=[NO], best=[NO])
    assert play.lead(answer).result == "unsold"
    assert play.types(answer).count("filter.passed") == 1
    assert not Delivery.objects.filter(recipient=pool).exists()


def test_a_step_that_is_gone_keeps_its_exclusiveness(play):
    answer = play.post()
    starts = play.start()
    with recorded(play.flow, by="olga"):
        step("buyers").delete()
    assert slugs(play.take((), [(starts[0], NO)]).starts) == ["best"]
    assert play.lead(answer).step_id == Delivery.objects.first().step_id


def test_a_recipient_that_was_deleted_is_skipped_and_the_record_says_why(play):
    answer = play.post()
    with recorded(play.flow, by="olga"):
        StepRecipient.objects.filter(recipient__slug="best").delete()
        Recipient.objects.get(slug="best").delete()
    play.play(abc=[NO])
    skipped = play.event(answer, "recipient.skipped")
    assert skipped.reason == "Best was deleted"
    assert play.types(answer)[-2:] == ["recipient.skipped", "flow.completed"]


def test_where_all_its_recipients_were_deleted_the_lead_says_so(play):
    answer = play.post()
    with recorded(play.flow, by="olga"):
        step("buyers").delete()
        Recipient.objects.all().delete()
    assert play.start() == []
    assert play.lead(answer).reason == "Best was deleted"


def test_what_limits_a_step_counts_as_it_is_now(play):
    answer = play.post()
    with recorded(play.flow, by="olga"):
        buyers = step("buyers")
        buyers.caps, buyers.order = [{"count": 1, "per": "day"}], "round_robin"
        buyers.save()
    Recipient.objects.filter(slug="abc").update(active=False)
    plans.changed()
    found = earlier.followed(plans.current(), Lead.objects.get(id=answer.lead_id))
    assert found.version == version_of(answer)
    assert [cap.most for cap in found.steps[1].caps] == [1]
    assert found.steps[1].order_name == "listed"
    assert found.step_caps == found.steps[1].caps
    play.play(best=[YES])
    assert play.delivery("abc").reason == "Abc is switched off"


def test_a_changed_cap_alone_makes_no_second_plan(play):
    answer = play.post()
    with recorded(play.flow, by="olga"):
        buyers = step("buyers")
        buyers.caps = [{"count": 1, "per": "day"}]
        buyers.save()
    current = plans.current()
    found = earlier.followed(current, Lead.objects.get(id=answer.lead_id))
    assert found is current.flows[play.flow.id]


def test_turns_read_what_an_earlier_version_needs(play):
    Step.objects.filter(name="buyers").update(order="weighted", learn_over=None)
    plans.changed()
    answer = play.post()
    with recorded(play.flow, by="olga"):
        Step.objects.filter(name="buyers").update(order="listed")
        plans.changed()
    current = plans.current()
    assert current.accounts == frozenset()
    [first] = play.start()
    assert current.accounts  # once a lead of it was met
    plans.forget()
    assert earlier.with_all_in_use(plans.current()).accounts == current.accounts
    tasks.learn()
    tasks.tidy()
    play.take((), [(first, YES)])
    assert play.lead(answer).result == "sold"


def test_an_enhancement_of_an_earlier_version_uses_todays_credentials():
    play = scene(recipient("abc"))
    asks = Step.objects.create(flow=play.flow, name="score", kind="enhance", position=0)
    Enhancement.objects.create(
        step=asks,
        url="https://score.example/v1",
        send={"email": "{{lead.email}}"},
        append={"score": "score"},
        auth="bearer",
        auth_secret="old",
    )
    answer = play.post()
    with recorded(play.flow, by="olga"):
        row = Enhancement.objects.get(step=asks)
        row.url, row.auth_secret = "https://score.example/v2", "new"
        row.save()
    lead = Lead.objects.get(id=answer.lead_id)
    found = earlier.followed(plans.current(), lead).steps[1]
    assert found.endpoint.url.render({}) == "https://score.example/v1"
    assert found.endpoint.auth.secret == "new"
    assert "new" not in FlowVersion.objects.get(number=lead.flow_version).content
    assert "old" not in str(FlowVersion.objects.get(number=lead.flow_version).inside)


def test_a_turn_asks_no_more_when_all_leads_are_on_the_newest_version(play):
    """Nor when a version of theirs has been compiled before."""

    def statements() -> int:
        play.post(email=f"{Work.objects.count()}x@example.com", phone_1="")
        claimed = play.claim()
        with CaptureQueriesContext(
            connection,
        ) as seen:
            play.take(claimed)
        return len(seen)

    play.post()
    play.start()
    usual = statements()
    answer = play.post(email="z@example.com", phone_1="")
    with recorded(play.flow, by="olga"):
        step("geographic_filter").delete()
    plans.current()
    claimed = play.claim()
    play.take(claimed)
    assert version_of(answer) != plans.current().flows[play.flow.id].version
    assert statements() == usual


def test_a_version_that_this_release_does_not_understand_is_held_for_a_person(play):
    answer = play.post()
    with recorded(play.flow, by="olga"):
        step("geographic_filter").delete()
    version = FlowVersion.objects.get(number=version_of(answer))
    version.inside["steps"][1]["pattern"] = "of_old"
    FlowVersion.objects.filter(pk=version.pk).update(inside=version.inside)
    stands = play.lead(answer).step_id
    assert play.start() == []
    lead = play.lead(answer)
    assert (lead.status, lead.step_id) == ("review", stands)
    assert "cannot be used any more" in lead.reason
    with pytest.raises(reviewing.NotNow, match="Move its leads"):
        reviewing.release(lead.id, by="olga")
    play.move()
    reviewing.release(lead.id, by="olga")
    play.play(abc=[YES])
    assert play.lead(answer).result == "sold"


def test_it_compiles_few_versions_at_a_time(play, monkeypatch):
    monkeypatch.setattr(earlier, "MOST", 2)
    answers = []
    for n in range(4):
        answers.append(play.post(email=f"{n}@example.com", phone_1=""))
        with recorded(play.flow, by="olga"):
            Step.objects.filter(name="geographic_filter").update(reason=f"No {n}")
            plans.changed()
    current = plans.current()
    for lead in Lead.objects.order_by("id"):
        earlier.followed(current, lead)
    assert len(current.earlier.known) == 2
    assert len(play.start()) == 4  # more than are kept, in one turn
    assert len(plans.current().earlier.known) == 4


def test_a_flow_changed_by_a_script_has_its_version_when_it_is_loaded(play):
    before = version_of(play.post())
    Step.objects.filter(name="geographic_filter").update(reason="Elsewhere")
    plans.changed()
    newest = plans.current().flows[play.flow.id]
    assert newest.version == before + 1
    found = FlowVersion.objects.get(flow=play.flow, number=newest.version)
    assert found.note == versions.FOUND
    assert "Elsewhere" in found.content
    plans.forget()
    assert plans.current().flows[play.flow.id].version == before + 1


def test_a_version_of_an_older_release_learns_what_its_leads_go_by(play):
    play.post()
    FlowVersion.objects.update(inside={}, digest="")
    plans.forget()
    assert plans.current().flows[play.flow.id].version == 1
    assert FlowVersion.objects.get().digest


def test_a_lead_from_before_versions_goes_by_the_flow_as_it_is(play):
    answer = play.post()
    Lead.objects.update(flow_version=0)
    with recorded(play.flow, by="olga"):
        StepRecipient.objects.filter(recipient__slug="abc").delete()
    play.play(best=[YES])
    assert play.lead(answer).result == "sold"


def test_what_a_person_has_sent_again_keeps_to_its_version(play):
    answer = play.post()
    play.play(abc=[NO], best=[NO])
    with recorded(play.flow, by="olga"):
        step("buyers").delete()
    retrying.retry_delivery(play.delivery("abc").id, by="olga")
    play.play(abc=[YES])
    assert play.lead(answer).result == "sold"


def test_leads_are_moved_to_the_current_version(play):
    answers = [play.post(email=f"{n}@example.com", phone_1="") for n in range(3)]
    first = play.start()
    best = Recipient.objects.get(slug="best")
    with recorded(play.flow, by="olga"):
        step("buyers").delete()
        deliver(play.flow, "right", 1, Recipient.objects.get(slug="abc"), best, pattern="waterfall")
    assert moving.behind(play.flow) == {1: 3}
    found = play.move()
    assert (found.state, found.total, found.moved, found.left) == ("done", 3, 3, 0)
    assert moving.behind(play.flow) == {}
    event = play.event(answers[0], "lead.moved")
    assert (event.data["from_version"], event.data["to_version"]) == (1, 2)
    assert event.data["step"]["name"] == "right"
    # Who has it at hand is waited for, and does not get it again from the new step.
    again = play.take((), [(sending, NO) for sending in first]).starts
    assert slugs(again) == ["best"] * 3
    play.take((), [(sending, YES) for sending in again])
    assert {play.lead(answer).result for answer in answers} == {"sold"}
    assert Delivery.objects.count() == 6


def test_a_move_can_be_cancelled_and_is_not_begun_twice(play):
    play.post()
    with pytest.raises(moving.NothingToMove):
        moving.start(play.flow, [1], by="olga")
    with recorded(play.flow, by="olga"):
        step("geographic_filter").delete()
    found = moving.start(play.flow, [1], by="olga")
    with pytest.raises(moving.NothingToMove, match="already"):
        moving.start(play.flow, [1], by="olga")
    assert moving.cancel(found.id, by="olga")
    assert not moving.cancel(found.id, by="olga")
    assert moving.work(found.id, seconds=1.0, stopping=lambda: False)
    assert Lead.objects.get().flow_version == 1


def test_a_lead_with_an_open_delivery_stays_where_nothing_would_wait_for_it(play):
    play.post()
    [sending] = play.start()
    with recorded(play.flow, by="olga"):
        step("buyers").delete()
    found = play.move()
    assert (found.moved, found.left) == (0, 1)
    play.take((), [(sending, YES)])
    assert Lead.objects.get().result == "sold"


def test_a_lead_that_waits_for_a_tier_is_asked_anew_when_it_is_moved():
    play = scene(recipient("abc"), recipient("best"), pattern="exclusive_window")
    tier = StepRecipient.objects.filter(recipient__slug="best")
    tier.update(opens_after=SOME_TIME)
    play.post()
    play.take((), [(play.start()[0], NO)])
    with recorded(play.flow, by="olga"):
        tier.update(opens_after=0.0)
        plans.changed()
    assert play.start() == []
    play.move()
    assert slugs(play.start()) == ["best"]


def clear() -> None:
    """One test has many examples."""
    for model in (Work, Delivery, Lead, Flow, Recipient, Source):
        model.objects.all().delete()
    plans.forget()


NAMES = ("a", "b", "c", "d")
STEPS = st.permutations(NAMES).flatmap(lambda names: st.integers(1, 4).map(lambda n: names[:n]))


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(edits=st.lists(STEPS, min_size=2, max_size=4), taken=st.data())
def test_whatever_is_changed_each_lead_ends_by_its_own_steps(edits, taken):
    """Steps come, go and change places while leads stand among them."""
    clear()
    play = scene(recipient("abc"))
    buyers = {name: recipient(name) for name in NAMES}
    expected, posted, under_way = {}, [], []
    for n, order in enumerate(edits):
        with recorded(play.flow, by="olga"):
            Step.objects.filter(flow=play.flow).exclude(name__in=order).delete()
            for place, name in enumerate(order):
                found = Step.objects.filter(flow=play.flow, name=name).first()
                if found is None:
                    deliver(play.flow, name, place, buyers[name])
                else:
                    found.position = place
                    found.save()
        answer = play.post(email=f"{n}@example.com", phone_1="")
        posted.append(answer)
        expected[answer.lead_id] = order
        under_way += play.start()
        # Some of those under way are declined before the next change, some after it.
        many = taken.draw(st.integers(0, len(under_way)))
        now, under_way = under_way[:many], under_way[many:]
        under_way += play.take((), [(sending, NO) for sending in now]).starts
    while under_way:
        under_way = play.take((), [(sending, NO) for sending in under_way]).starts
    for answer in posted:
        sent = Delivery.objects.filter(lead_id=answer.lead_id).order_by("id")
        assert [each.recipient.slug for each in sent] == expected[answer.lead_id]
        assert play.lead(answer).status == "done"
