"""Pings of sources: an offer from the auction, honoured once for the lead that comes for it."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum

from events.models import Event, Lead, Tally
from flows import plans
from flows.arrival import offers, pings
from flows.arrival.preparing import Submission
from flows.models import Bid, Enhancement, FlowSource, Source, SourceKey, SourcePing, Step
from flows.turns import askers, turn
from recipients.deliver import Attempt
from recipients.models import Endpoint, Recipient
from recipients.outcomes import Outcome, Result
from tests.flows.scene import LEAD, Scene, attempt, recipient, scene
from tests.flows.steps.test_auctions import bid, bidder
from tests.flows.steps.test_enhancing import enhance, says
from tests.flows.test_suppressed_leads import make_list

pytestmark = pytest.mark.django_db
PARTIAL = {"state": "TX"}
KEY = "web-form-a-key-0123456789"
FILTERED = (("first_name", "Ann"), ("state", "TX"))


@pytest.fixture
def bids(monkeypatch: pytest.MonkeyPatch) -> dict[str, Attempt]:
    """What buyers answer, by slug; nothing from those that are not named."""
    made: dict[str, Attempt] = {}
    monkeypatch.setattr(
        askers, "put_all", lambda inquiry: [made.get(q.plan.slug) for q in inquiry.questions]
    )
    return made


@pytest.fixture
def stage() -> Scene:
    play = scene(bidder("a", margin=Decimal("0.1")), bidder("b"), pattern="ping_post")
    Source.objects.update(price=0)
    play.source.refresh_from_db()
    play.source.save()
    return play


def ping(stage: Scene, *, test: bool = False, **values: Any) -> pings.Offer:
    current = plans.current()
    return pings.answer(
        current.flows[stage.flow.id],
        current.sources[stage.source.id],
        Submission({**PARTIAL, **values}, test=test),
        at=datetime.now(UTC),
    )


def post(stage: Scene, ping_id: str, **values: Any) -> Any:
    from flows.arrival import intake

    current = plans.current()
    return intake.receive(
        current.flows[stage.flow.id],
        current.sources[stage.source.id],
        Submission({**LEAD, **values}, ping=ping_id),
        at=datetime.now(UTC),
    )


def test_it_offers_what_remains_of_the_best_bid(stage: Scene, bids: dict[str, Attempt]) -> None:
    bids.update(a=bid("50.05"), b=bid("40"))
    offer = ping(stage)
    assert offer.price == Decimal("45.04")  # 50.05 less a tenth, rounded down
    assert offer.id.startswith("ping_")
    assert not Lead.objects.exists()
    event = Event.objects.get(type="ping.answered")
    assert (event.data["offered"], event.data["price"]) == (True, 45.04)
    assert [each["bid"] for each in event.data["bids"]] == [50.05, 40.0]


def test_the_lead_is_paid_the_offer_and_goes_to_the_bid(
    stage: Scene, bids: dict[str, Attempt]
) -> None:
    bids.update(a=bid("50", "A-1"), b=bid("40"))
    told = post(stage, ping(stage).id)
    assert (told.outcome, told.price) == ("accepted", Decimal(45))
    (sending,) = stage.take(stage.claim()).starts  # nobody is asked again
    assert sending.plan.slug == "a"
    assert sending.context["bid"] == {"id": "A-1", "amount": Decimal(50)}
    stage.take((), [(sending, attempt(Outcome.ACCEPTED))])
    lead = stage.lead(told)
    assert (lead.cost, lead.revenue) == (Decimal(45), Decimal(50))
    assert stage.event(told, "source.accepted").data["pricing"] == {"by": "ping"}


def test_a_flow_changed_since_honours_its_offer(stage: Scene, bids: dict[str, Attempt]) -> None:
    bids.update(a=bid("50", "A-1"))
    offer = ping(stage)
    Step.objects.filter(kind="deliver").delete()
    plans.changed()
    told = post(stage, offer.id)
    newest = plans.current().flows[stage.flow.id].version
    assert stage.lead(told).flow_version == newest - 1
    (sending,) = stage.take(stage.claim()).starts
    assert sending.context["bid"] == {"id": "A-1", "amount": Decimal(50)}


def test_an_offer_is_honoured_once(stage: Scene, bids: dict[str, Attempt]) -> None:
    bids.update(b=bid("40"))
    offer = ping(stage)
    assert post(stage, offer.id).outcome == "accepted"
    again = post(stage, offer.id, email="other@example.com")
    assert (again.outcome, again.reason) == ("rejected", offers.UNKNOWN)


def test_an_offer_ends(stage: Scene, bids: dict[str, Attempt]) -> None:
    bids.update(b=bid("40"))
    offer = ping(stage)
    SourcePing.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert post(stage, offer.id).reason == offers.UNKNOWN


@pytest.mark.parametrize("name", ["ping_unknown", "x" * 300, "'; --", "ping_\u0000"])
def test_what_names_no_offer_is_rejected(stage: Scene, name: str) -> None:
    assert post(stage, name.replace("\0", "")).reason == offers.UNKNOWN


def test_nobody_else_has_the_offer(stage: Scene, bids: dict[str, Attempt]) -> None:
    bids.update(b=bid("40"))
    offer = ping(stage)
    other = Source.objects.create(slug="other", name="Other")
    FlowSource.objects.create(flow=stage.flow, source=other)
    thief = Scene(stage.flow, other)
    assert post(thief, offer.id).reason == offers.UNKNOWN
    assert post(stage, offer.id).outcome == "accepted"


def test_a_rejected_lead_leaves_the_offer_standing(stage: Scene, bids: dict[str, Attempt]) -> None:
    bids.update(b=bid("40"))
    offer = ping(stage)
    assert post(stage, offer.id, email="nonsense").outcome == "rejected"
    assert post(stage, offer.id).outcome == "accepted"


def test_the_agreed_price_stands_and_must_be_covered(
    stage: Scene, bids: dict[str, Attempt]
) -> None:
    FlowSource.objects.update(price=Decimal(30))
    stage.source.save()
    bids.update(b=bid("40"))
    assert ping(stage).price == Decimal(30)
    bids.update(b=bid("29.99"))
    assert ping(stage).reason == "No bid covers the agreed price"


def test_who_has_the_lead_already_is_not_asked(stage: Scene, bids: dict[str, Attempt]) -> None:
    a = Recipient.objects.get(slug="a")
    a.duplicate_match, a.duplicate_within = [["phone_1"]], 86_400.0
    a.save()
    bids.update(a=bid("50"), b=bid("40"))
    post(stage, ping(stage).id)
    (sending,) = stage.take(stage.claim()).starts
    stage.take((), [(sending, attempt(Outcome.ACCEPTED))])
    assert ping(stage).price == Decimal(45)
    assert ping(stage, phone_1=LEAD["phone_1"]).price == Decimal(40)
    told = [bid for e in Event.objects.filter(type="ping.answered") for bid in e.data["bids"]]
    assert any(bid["reason"].startswith("Duplicate: Previously submitted") for bid in told)


def test_who_must_not_have_the_lead_is_not_asked(stage: Scene, bids: dict[str, Attempt]) -> None:
    Recipient.objects.get(slug="a").suppress.add(make_list("opt-outs", LEAD["phone_1"]))
    bids.update(a=bid("50"), b=bid("40"))
    assert ping(stage).price == Decimal(45)
    assert ping(stage, phone_1=LEAD["phone_1"]).price == Decimal(40)


def test_nothing_is_offered_where_nobody_bids(stage: Scene, bids: dict[str, Attempt]) -> None:
    offer = ping(stage)
    assert (offer.id, offer.reason) == ("", "No buyer wants it")
    assert not SourcePing.objects.exists()


def test_filters_hold_and_what_is_not_told_yet_decides_nothing(
    stage: Scene, bids: dict[str, Attempt]
) -> None:
    bids.update(b=bid("40"))
    assert ping(stage, state="NY").reason == "State not in approved list"
    assert ping(stage, state="").id


def test_a_test_ping_asks_nobody_and_is_for_test_leads(stage: Scene) -> None:
    offer = ping(stage, test=True)
    assert offer.id
    assert post(stage, offer.id).reason == offers.UNKNOWN


def test_a_flow_without_auctions_offers_the_price_of_who_would_take_it() -> None:
    stage = scene(recipient("a", "20.00"), recipient("b", "35.00"), pattern="waterfall")
    Recipient.objects.filter(slug="b").update(active=False)
    stage.source.save()
    assert ping(stage).price == Decimal(15)  # the source's price, covered by 20


def test_a_refused_ping_pauses_its_address(stage: Scene, bids: dict[str, Attempt]) -> None:
    bids.update(a=attempt(Outcome.UNAUTHORIZED, reason="HTTP 401"), b=bid("40"))
    assert ping(stage).id
    assert Endpoint.objects.get(recipient__slug="a", kind="ping").paused_at is not None


def test_an_offer_of_a_step_that_is_gone_ends_in_a_new_auction(
    stage: Scene, bids: dict[str, Attempt]
) -> None:
    bids.update(b=bid("40"))
    told = post(stage, ping(stage).id)
    Bid.objects.update(step_id="step_gone")
    done = stage.take(stage.claim())
    assert len(done.asks) == 1
    assert told.price == Decimal(40)
    assert Step.objects.filter(kind="deliver").exists()


def test_the_api_answers_with_an_offer(stage: Scene, bids: dict[str, Attempt], client: Any) -> None:
    bids.update(b=bid("40"))
    key = SourceKey(source=stage.source)
    key.set(KEY)
    key.save()

    def call(path: str, body: Any) -> Any:
        return client.post(
            f"/api/v1/flows/auto/{path}",
            json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {KEY}"},
        )

    reply = call("pings", PARTIAL)
    assert reply.status_code == 201
    told = reply.json()
    assert (told["outcome"], told["price"]) == ("accepted", 40.0)
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}Z", told["ping"]["expires_at"])
    lead = call("leads", {**LEAD, "ping_id": told["ping"]["id"]})
    assert (lead.status_code, lead.json()["price"]) == (201, 40.0)
    assert (
        client.post("/api/v1/flows/auto/pings", "{}", content_type="application/json").status_code
        == 401
    )
    assert call("pings", [1]).status_code == 422


def asks_consent(stage: Scene, slug: str) -> None:
    """The flow's evidence is a tick; one recipient requires it."""
    stage.flow.consent_field = "agreed"
    stage.flow.save()
    Recipient.objects.filter(slug=slug).update(consent_required=True)
    plans.changed()


def test_consent_that_is_not_told_yet_is_judged_at_the_post(
    stage: Scene, bids: dict[str, Attempt]
) -> None:
    asks_consent(stage, "a")
    bids.update(a=bid("50"), b=bid("40"))
    assert ping(stage, agreed="no").price == Decimal(40)
    told = post(stage, ping(stage).id)
    assert told.price == Decimal(45)  # of the best bid
    (sending,) = stage.take(stage.claim()).starts
    assert sending.plan.slug == "b"  # for the lead came without consent all the same
    skipped = stage.event(told, "recipient.skipped")
    assert skipped.reason == "Consent required: agreed is missing"


def test_a_recipients_filter_hangs_on_what_is_told_only(
    stage: Scene, bids: dict[str, Attempt]
) -> None:
    rules = [{"field": name, "op": "is", "value": said} for name, said in FILTERED]
    Recipient.objects.filter(slug="a").update(filter={"all": rules})
    plans.changed()
    bids.update(a=bid("50"), b=bid("40"))
    assert ping(stage).price == Decimal(45)
    assert ping(stage, state="CA").price == Decimal(40)  # whatever the name will be


@pytest.fixture
def services(
    stage: Scene, monkeypatch: pytest.MonkeyPatch, bids: dict[str, Attempt]
) -> dict[str, Attempt]:
    """Two services before the auction, of which the second needs a field that pings may lack; what
    they and the buyers answer, by name."""
    Step.objects.filter(kind="deliver").update(position=90)
    enhance(stage, "area", send={"state": "{{lead.state}}"}, cost=Decimal("0.5"))
    enhance(stage, "line", cost=Decimal(2), append={"kind": "kind"})
    plans.changed()
    bids.update(a=bid("50"), b=bid("40"), area=says(carrier="ACME"), line=says(kind="mobile"))
    return bids


def test_a_ping_asks_the_services_that_it_has_the_fields_for(
    stage: Scene, services: dict[str, Attempt]
) -> None:
    told = post(stage, ping(stage).id)
    answered = Event.objects.get(type="ping.answered").data["services"]
    assert [(s["enhancement"]["name"], s["outcome"], s.get("cost")) for s in answered] == [
        ("area", "accepted", 0.5),
        ("line", "skipped", None),
    ]
    (inquiry,) = stage.take(stage.claim()).asks  # the post asks what the ping could not
    assert [q.plan.slug for q in inquiry.questions] == ["line"]
    assert turned(stage, inquiry, services["line"])[0].plan.slug == "a"
    kept, fresh = Event.objects.filter(type="enhancement.success").order_by("seq")
    assert (kept.data["of_ping"], kept.data.get("cost")) == (True, None)
    assert fresh.data["cost"] == 2.0
    lead = stage.lead(told)
    assert (lead.cost, lead.services_cost) == (Decimal("47.5"), Decimal("2.5"))
    counted = Tally.objects.filter(kind="lead").aggregate(Sum("cost"), Sum("n"))
    assert counted == {"cost__sum": lead.cost, "n__sum": 1}


def turned(stage: Scene, inquiry: Any, *answers: Attempt) -> Any:
    given = [(inquiry, answers)]
    return turn.take(
        turn.Turn([], [], stage.lease, stage.lease_seconds, lambda _: True, given)
    ).starts


def test_another_question_at_the_post_is_asked(stage: Scene, services: dict[str, Attempt]) -> None:
    post(stage, ping(stage, phone_1=LEAD["phone_1"]).id, phone_1="5555559876")
    (inquiry,) = stage.take(stage.claim()).asks
    assert [q.plan.slug for q in inquiry.questions] == ["line"]


def test_a_service_that_fails_or_is_not_for_pings_is_gone_without(
    stage: Scene, services: dict[str, Attempt]
) -> None:
    Enhancement.objects.filter(step__name="line").update(pings="never", on_fail="stop")
    Enhancement.objects.filter(step__name="area").update(on_fail="stop")
    plans.changed()
    down = services.pop("area")
    assert ping(stage, phone_1=LEAD["phone_1"]).price == Decimal(45)
    assert SourcePing.objects.get().services_cost == 0
    services["area"] = dataclasses.replace(down, result=Result(Outcome.REJECTED, reason="No"))
    assert ping(stage).reason == "Stopped by area"  # for it has answered, and its step says so


def test_what_is_appended_to_a_ping_is_judged(stage: Scene, services: dict[str, Attempt]) -> None:
    rule = {"field": "appended.area.carrier", "op": "is_not", "value": "ACME"}
    Recipient.objects.filter(slug="a").update(filter=rule)
    plans.changed()
    assert ping(stage).price == Decimal(40)
