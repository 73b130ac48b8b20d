"""What staff do to deliveries under way."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from events import verify
from events.models import Alert, Delivery, Event
from flows.byhand import by_hand, retrying, steering
from flows.delivery import settling
from flows.models import Revision, Work
from flows.steps import engine
from recipients.models import Recipient
from recipients.outcomes import Outcome
from tests.flows.scene import attempt, recipient, scene

pytestmark = pytest.mark.django_db

FAR = datetime(9000, 1, 1, tzinfo=UTC)


def accepted(**facts):
    return attempt(Outcome.ACCEPTED, **facts)


def rejected():
    return attempt(Outcome.REJECTED, reason="No thanks")


def due() -> int:
    return Work.objects.filter(due_at__lt=FAR).count()


def test_it_passes_a_paused_recipient_by():
    play = scene(recipient("abc"))
    assert steering.pause_recipient(Recipient.objects.get(), by="olga", reason="CRM down")
    answer = play.post()
    assert play.start() == []
    skipped = play.event(answer, "recipient.skipped")
    assert skipped.reason == "Abc is paused: CRM down"
    assert skipped.data["failure"]["category"] == "business"
    assert skipped.data["failure"]["retry_eligible"] is False


def test_it_holds_what_the_buyer_may_have_until_it_is_resumed():
    play = scene(recipient("abc"))
    answer = play.post()
    (sending,) = play.start()
    steering.pause_recipient(Recipient.objects.get(), by="olga")
    play.take((), [(sending, attempt(Outcome.SERVER_ERROR, reason="500"))])
    play.hurry()
    assert play.start() == []
    assert (due(), play.delivery("abc").waits_for) == (0, "Abc is paused: by olga")
    steering.resume_recipient(Recipient.objects.get(), by="olga")
    play.play(abc=[accepted()])
    assert play.lead(answer).result == "sold"


def test_it_records_who_paused_and_resumed_and_why():
    recipient("abc")
    steering.pause_recipient(Recipient.objects.get(), by="olga", reason="CRM down")
    steering.resume_recipient(Recipient.objects.get(), by="ada")
    resumed, paused = Event.objects.order_by("-timestamp", "-id")
    assert (paused.type, paused.reason, paused.data["by"]) == (
        "recipient.paused",
        "CRM down",
        "olga",
    )
    assert (resumed.type, resumed.data["by"]) == ("recipient.resumed", "ada")
    assert resumed.data["was_paused_for"] == "CRM down"
    found = Recipient.objects.get()
    for event in (paused, resumed):
        assert event.data["recipient"] == {
            "id": found.id,
            "name": found.name,
            "slug": "abc",
            "type": "buyer",
        }


def test_it_pauses_and_resumes_once():
    recipient("abc")
    found = Recipient.objects.get()
    assert not steering.resume_recipient(found, by="olga")
    assert steering.pause_recipient(found, by="olga", reason="one")
    assert not steering.pause_recipient(found, by="ada", reason="two")
    assert Event.objects.count() == 1
    assert Recipient.objects.get().paused_reason == "one"


def test_it_tells_the_workers_by_a_new_revision():
    recipient("abc")
    before = Revision.objects.get().number
    steering.pause_recipient(Recipient.objects.get(), by="olga")
    assert Revision.objects.get().number > before


def test_it_resumes_an_endpoint_that_refused_our_credentials():
    play = scene(recipient("abc"))
    play.post()
    play.play(abc=[attempt(Outcome.UNAUTHORIZED, reason="HTTP 401")])
    endpoint = Recipient.objects.get().endpoints.get()
    assert endpoint.paused_at
    assert Alert.objects.get().resolved_at is None
    second = play.post(email="second@example.com", phone_1="5555550000")
    play.start()
    assert due() == 0
    assert steering.resume_endpoint(endpoint, by="olga")
    assert Alert.objects.get().resolved_at is not None
    play.play(abc=[accepted()])
    assert play.lead(second).result == "sold"
    assert not steering.resume_endpoint(endpoint, by="olga")


def test_it_sends_a_failed_delivery_again_with_all_of_its_retries():
    play = scene(recipient("abc"))
    answer = play.post()
    play.play(abc=[rejected()])
    assert play.lead(answer).result == "unsold"
    retrying.retry_delivery(play.delivery("abc").id, by="olga")
    assert play.lead(answer).status == "working"
    event = play.event(answer, "retry.scheduled")
    assert (event.data["manual"], event.data["by"]) == (True, "olga")
    play.play(abc=[attempt(Outcome.SERVER_ERROR, reason="500"), accepted()])
    lead = play.lead(answer)
    assert (lead.status, lead.result, lead.revenue) == ("done", "sold", Decimal("45.0000"))
    assert play.types(answer).count("recipient.delivered") == 1


def test_it_takes_a_delivery_out_of_review():
    play = scene(recipient("abc"))
    answer = play.post()
    play.play(abc=[attempt(Outcome.UNREADABLE, reason="Not understood")])
    assert play.lead(answer).status == "review"
    retrying.retry_delivery(play.delivery("abc").id, by="olga")
    play.play(abc=[accepted()])
    assert play.lead(answer).result == "sold"


def test_it_goes_on_with_the_waterfall_after_a_review():
    play = scene(recipient("abc"), recipient("premier"), pattern="waterfall")
    answer = play.post()
    play.play(abc=[attempt(Outcome.UNREADABLE, reason="Not understood")])
    retrying.retry_delivery(play.delivery("abc").id, by="olga")
    play.play(abc=[rejected()], premier=[accepted()])
    assert play.lead(answer).result == "sold"
    assert play.delivery("premier").state == "accepted"


def test_it_refuses_what_is_under_way():
    play = scene(recipient("abc"))
    play.post()
    play.start()
    with pytest.raises(by_hand.NotNow, match="under way"):
        retrying.retry_delivery(play.delivery("abc").id, by="olga", force=True)


def test_it_refuses_what_was_accepted_unless_forced():
    play = scene(recipient("abc"))
    answer = play.post()
    play.play(abc=[accepted()])
    with pytest.raises(by_hand.NotNow, match="accepted"):
        retrying.retry_delivery(play.delivery("abc").id, by="olga")
    retrying.retry_delivery(play.delivery("abc").id, by="olga", force=True)
    play.play(abc=[accepted()])
    lead = play.lead(answer)
    assert (lead.revenue, lead.sales) == (Decimal("45.0000"), 1)  # earned once
    assert play.event(answer, "recipient.delivered").data["late"] is True


def test_it_does_not_sell_an_exclusive_lead_again_unless_forced():
    play = scene(recipient("abc"), recipient("premier"), pattern="waterfall")
    play.post()
    play.play(abc=[rejected()], premier=[accepted()])
    with pytest.raises(by_hand.NotNow, match="sold"):
        retrying.retry_delivery(play.delivery("abc").id, by="olga")


def test_it_knows_no_other_delivery():
    with pytest.raises(Delivery.DoesNotExist):
        retrying.retry_delivery("dlv_none", by="olga")


class TestHeldForNothing:
    """What waits for a recipient to be resumed is let go when nothing holds the recipient."""

    def held(self):
        play = scene(recipient("abc"))
        answer = play.post()
        (sending,) = play.start()
        buyer = Recipient.objects.get()
        buyer.active = False
        buyer.save()
        play.take((), [(sending, attempt(Outcome.SERVER_ERROR, reason="500"))])
        play.hurry()
        play.start()
        return play, answer

    def test_it_goes_on_when_the_recipient_is_switched_on_again(self):
        play, answer = self.held()
        assert steering.wake_held() == 0
        assert due() == 0
        buyer = Recipient.objects.get()
        buyer.active = True
        buyer.save()
        assert steering.wake_held() == 1
        play.play(abc=[accepted()])
        assert play.lead(answer).result == "sold"

    def test_a_lead_that_could_not_even_be_put_aside_is_tried_again(self, monkeypatch):
        def fail(*_args):
            raise RuntimeError("broken")

        play = scene(recipient("abc"))
        answer = play.post()
        with monkeypatch.context() as patch:
            patch.setattr(engine, "advance", fail)
            patch.setattr(settling, "quarantine", fail)
            assert play.start() == []
        assert due() == 0
        assert steering.wake_held() == 1
        play.play(abc=[accepted()])
        assert play.lead(answer).result == "sold"

    def test_it_leaves_what_waits_for_an_endpoint(self):
        play = scene(recipient("abc"))
        play.post()
        play.post()
        first, second = play.start()
        play.take((), [(first, attempt(Outcome.UNAUTHORIZED, reason="401"))])
        play.take((), [(second, attempt(Outcome.SERVER_ERROR, reason="500"))])
        play.hurry()
        play.start()
        assert due() == 0
        assert steering.wake_held() == 0


class TestSoldOnce:
    """A delivery that was sold stays sold and earns nothing again, whatever it is sent for."""

    def sold_twice_sent(self):
        """A waterfall: abc refused, premier bought and is sent it again, for a fee of its own."""
        play = scene(recipient("abc"), recipient("premier"), pattern="waterfall")
        answer = play.post()
        play.play(abc=[rejected()], premier=[accepted(price=Decimal(40))])
        retrying.retry_delivery(play.delivery("premier").id, by="olga", force=True)
        return play, answer

    def test_it_stays_sold_when_it_is_refused_the_second_time(self):
        play, answer = self.sold_twice_sent()
        play.play(premier=[rejected()])
        with pytest.raises(by_hand.NotNow, match="sold"):
            retrying.retry_delivery(play.delivery("abc").id, by="olga")
        retrying.retry_delivery(play.delivery("abc").id, by="olga", force=True)
        play.play(abc=[rejected()])
        lead = play.lead(answer)
        assert (lead.result, lead.revenue) == ("sold", Decimal(40))

    def test_it_earns_once_though_the_lead_is_on_its_way_again(self):
        play, answer = self.sold_twice_sent()
        retrying.retry_delivery(play.delivery("abc").id, by="olga", force=True)
        play.play(abc=[rejected()], premier=[accepted(price=Decimal(40))])
        assert play.lead(answer).revenue == Decimal(40)
        assert [check for check in verify.run() if check.problems] == []

    def test_what_is_put_aside_leaves_a_completed_lead_done(self):
        play, answer = self.sold_twice_sent()
        Work.objects.update(claims=5)
        play.start()
        assert play.delivery("premier").state == "review"
        assert play.lead(answer).status == "done"
