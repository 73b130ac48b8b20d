"""Breakers at work: turns that count, open, probe, ramp and close them, and hands that do."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace

import pytest
from django.db import connection, connections

from events.models import Alert, Delivery, Event
from flows.byhand import retrying, steering
from flows.delivery import endpoints
from flows.models import Step, Work
from recipients.breaker import BAD, GOOD
from recipients.models import Breaker, Endpoint, Recipient
from recipients.outcomes import Outcome
from tests.events.conftest import clear_record
from tests.flows.scene import Scene, attempt, recipient, scene

__all__ = ["clear_record"]

pytestmark = pytest.mark.django_db

FAILED = Outcome.SERVER_ERROR


@pytest.fixture(autouse=True)
def _nothing_known():
    endpoints._at_rest.clear()


def shop(*slugs: str, pattern: str = "waterfall", **fields) -> Scene:
    """Buyers without retries, whose breakers open at the third failure in a row."""
    made = [recipient(slug) for slug in slugs or ("a",)]
    for each in made:
        for outcome in ("server_error", "unavailable", "unknown"):
            each.retry_rules.create(outcome=outcome, times=0)
        values = {"breaker_of": 10, "breaker_at_least": 4, "breaker_in_a_row": 3, **fields}
        Recipient.objects.filter(pk=each.pk).update(**values)
        each.refresh_from_db()
        each.save()
    return scene(*made, pattern=pattern)


def state(slug: str = "a") -> Breaker:
    return Breaker.objects.get(endpoint__recipient__slug=slug, endpoint__kind="production")


def post(here: Scene, count: int = 1) -> None:
    for number in range(count):
        here.post(email=f"p{uuid.uuid4().hex[:12]}{number}@example.com")


def send(here: Scene, *outcomes: Outcome) -> None:
    """A lead for each outcome, one after the other."""
    for outcome in outcomes:
        post(here)
        (sending,) = here.start()
        here.take((), [(sending, attempt(outcome))])


def time_passes(slug: str = "a") -> None:
    """What the breaker waits for, and the deliveries that wait for it, are due."""
    Breaker.objects.filter(endpoint__recipient__slug=slug).update(until="2020-01-01T00:00Z")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE flows_work SET due_at = clock_timestamp() - interval '1 s' WHERE lease IS NULL"
        )


def types() -> list[str]:
    found = Event.objects.filter(type__startswith="breaker.").order_by("id")
    return [event.type.removeprefix("breaker.") for event in found]


def alerts(slug: str = "a") -> list[Alert]:
    """What is open about the endpoint."""
    found = Alert.objects.filter(subject=failed_endpoint(slug).id, resolved_at=None)
    return list(found)


def failed_endpoint(slug: str = "a") -> Endpoint:
    return Endpoint.objects.get(recipient__slug=slug, kind="production")


def waiting() -> list[str]:
    return list(Delivery.objects.filter(state="waiting").values_list("waits_for", flat=True))


def test_it_counts_answers_and_failures_in_order():
    here = shop()
    send(here, Outcome.ACCEPTED, FAILED, Outcome.REJECTED, Outcome.RATE_LIMITED)
    assert state().window == GOOD + BAD + GOOD
    assert types() == []


def test_it_opens_raises_an_alert_and_lets_deliveries_wait():
    here = shop()
    send(here, FAILED, FAILED, FAILED)
    opened = Event.objects.get(type="breaker.opened")
    assert opened.reason == "3 failures in a row"
    assert opened.entity_id == Recipient.objects.get().id
    assert opened.data["endpoint"]["kind"] == "production"
    assert (opened.data["failed"], opened.data["wait_seconds"]) == (3, 300.0)
    (alert,) = alerts()
    assert "A: the production endpoint is left alone" in alert.text
    post(here, 3)
    assert here.start() == []
    assert waiting() == ["Breaker open: A (production)"] * 3
    assert set(Delivery.objects.filter(state="waiting").values_list("attempts", flat=True)) == {0}


def test_it_probes_ramps_up_and_closes():
    here = shop()
    send(here, FAILED, FAILED, FAILED)
    post(here, 40)
    assert here.start() == []
    time_passes()
    (probe,) = here.start()
    assert state().state == "probing"
    assert len(waiting()) == 39
    here.take((), [(probe, attempt(Outcome.ACCEPTED))])
    assert state().state == "ramping"
    for quota in (2, 4, 8):
        time_passes()
        starts = here.start()
        assert len(starts) == quota
        here.take((), [(sending, attempt(Outcome.ACCEPTED)) for sending in starts])
    assert (state().state, state().window) == ("closed", GOOD * 10)
    time_passes()
    assert len(here.start()) == 25
    assert types() == ["opened", "probed", "closed"]
    assert alerts() == []


def test_a_failed_probe_waits_twice_as_long():
    here = shop()
    send(here, FAILED, FAILED, FAILED)
    post(here, 2)
    here.start()
    time_passes()
    (probe,) = here.start()
    here.take((), [(probe, attempt(FAILED))])
    assert (state().state, state().wait) == ("open", 600)
    assert types() == ["opened", "probed", "opened"]
    assert len(alerts()) == 1


def test_a_probe_that_never_returns_is_followed_by_another():
    """Its worker was killed: the lease of its delivery and the probe's run out."""
    here = shop()
    send(here, FAILED, FAILED, FAILED)
    post(here, 3)
    here.start()
    time_passes()
    (lost,) = here.start()
    assert state().probe == f"{lost.delivery_id}:1"
    other = replace(here, lease=str(uuid.uuid4()))
    assert other.start() == []
    time_passes()
    (second,) = other.start()
    assert second.delivery_id != lost.delivery_id
    assert state().probe == f"{second.delivery_id}:1"
    # The first worker comes back after all: its answer is taken, but is not the probe's any more.
    here.take((), [(lost, attempt(Outcome.ACCEPTED))])
    assert state().state == "probing"
    other.take((), [(second, attempt(Outcome.ACCEPTED))])
    assert state().state == "ramping"


def test_a_worker_that_does_not_come_back_is_no_failure_of_the_buyer():
    here = shop()
    post(here, 6)
    assert len(here.start()) == 6
    here.expire()
    here.start()
    assert not Breaker.objects.filter(state="open").exists()
    lost = Delivery.objects.filter(outcome="unknown")
    assert lost.count() == 6


def test_the_probe_of_a_lost_worker_is_released_when_its_lease_runs_out():
    here = shop()
    send(here, FAILED, FAILED, FAILED)
    post(here)
    here.start()
    time_passes()
    assert len(here.start()) == 1
    here.expire()
    here.start()
    assert state().state == "open"
    assert types() == ["opened", "probed"]


@pytest.mark.django_db(transaction=True)
def test_of_two_pumps_one_gets_the_probe(clear_record):
    """Both see that it is due; the one that commits second finds its probe refused, and waits."""
    here = shop()
    send(here, FAILED, FAILED, FAILED)
    post(here, 2)
    here.start()
    time_passes()
    pumps = [replace(here, lease=str(uuid.uuid4())) for _ in range(2)]
    claims = pumps[0].claim()
    parts = [claims[:1], claims[1:]]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE flows_work SET lease = %s WHERE id = %s", [pumps[1].lease, parts[1][0].id]
        )
    both, starts = threading.Barrier(2), []
    write = endpoints.write_breakers

    def write_together(desk):
        if any(visits.events for visits in desk.breakers.visits.values()):
            both.wait(20)
        write(desk)

    def run(pump, part):
        starts.extend(pump.take(part).starts)
        connections.close_all()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(endpoints, "write_breakers", write_together)
        threads = [
            threading.Thread(target=run, args=pair) for pair in zip(pumps, parts, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    (probe,) = starts
    assert state().probe == f"{probe.delivery_id}:1"
    assert len(waiting()) == 1
    assert types() == ["opened", "probed"]


def test_leads_go_to_the_backup_while_it_is_open():
    here = shop()
    backup = Endpoint.objects.create(
        recipient=Recipient.objects.get(), kind="backup", url="https://backup.example/"
    )
    send(here, FAILED)
    for _ in range(2):
        finish(here, backup)
        send(here, FAILED)
    assert state().state == "open"
    finish(here, backup)
    post(here)
    (sending,) = here.start()
    assert sending.endpoint.id == backup.id


def finish(here: Scene, backup: Endpoint) -> None:
    """What failed at the production endpoint goes to the backup."""
    here.hurry()
    (sending,) = here.start()
    assert sending.endpoint.id == backup.id
    here.take((), [(sending, attempt(Outcome.ACCEPTED))])


def test_a_step_may_move_on_instead_of_waiting():
    here = shop("a", "b")
    Step.objects.filter(kind="deliver").update(while_open="skip")
    Step.objects.get(kind="deliver").save()
    for _ in range(3):
        post(here)
        (sending,) = here.start()
        (to_b,) = here.take((), [(sending, attempt(FAILED))]).starts
        here.take((), [(to_b, attempt(Outcome.ACCEPTED))])
    post(here)
    (sending,) = here.start()
    assert sending.plan.slug == "b"
    skipped = Event.objects.get(type="recipient.skipped")
    assert skipped.reason == "Breaker open: A (production)"


def test_what_was_tried_moves_on_too_unless_the_buyer_may_have_it():
    here = shop("a", "b")
    Recipient.objects.get(slug="a").retry_rules.update(times=3)
    Recipient.objects.get(slug="a").save()
    Step.objects.filter(kind="deliver").update(while_open="skip")
    Step.objects.get(kind="deliver").save()
    post(here, 2)
    failed, unsure = here.start()
    here.take((), [(failed, attempt(FAILED)), (unsure, attempt(Outcome.UNKNOWN))])
    steering.open_breaker(failed_endpoint("a"), by="ann", reason="Down")
    here.hurry()
    (sending,) = here.start()
    assert (sending.plan.slug, sending.lead_id) == ("b", failed.lead_id)
    assert Delivery.objects.get(id=failed.delivery_id).state == "failed"
    assert Delivery.objects.get(id=unsure.delivery_id).state == "waiting"


def test_staff_open_and_close_it_with_a_reason():
    here = shop()
    steering.open_breaker(failed_endpoint(), by="ann", reason="Maintenance")
    opened = Event.objects.get(type="breaker.opened")
    assert (opened.reason, opened.data["by"]) == ("By ann: Maintenance", "ann")
    post(here)
    assert here.start() == []
    assert state().until is None
    assert steering.close_breaker(failed_endpoint(), by="ann", reason="Done")
    assert Event.objects.get(type="breaker.closed").reason == "By ann: Done"
    assert len(here.start()) == 1  # what waited is due
    assert not steering.close_breaker(failed_endpoint(), by="ann", reason="")


def test_closing_by_hand_resolves_the_alert_and_empties_the_window():
    here = shop()
    send(here, FAILED, FAILED, FAILED)
    steering.close_breaker(failed_endpoint(), by="ann", reason="They fixed it")
    assert alerts() == []
    assert state().window == ""
    send(here, FAILED, FAILED)
    assert state().state == "closed"


def test_a_recipient_may_go_without():
    here = shop(breaker_enabled=False)
    send(here, *[FAILED] * 6)
    assert not Breaker.objects.exists()


def test_a_full_window_of_successes_is_not_written_again(django_capture_on_commit_callbacks):
    here = shop()
    with django_capture_on_commit_callbacks(execute=True):
        send(here, *[Outcome.ACCEPTED] * 10)
    assert state().at_rest
    touched = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(endpoints, "_locked", lambda ids: touched.append(ids) or {})
        send(here, *[Outcome.ACCEPTED] * 5)
    assert touched == []
    send(here, FAILED)
    assert state().window == GOOD * 9 + BAD
    assert not state().at_rest


def test_it_counts_exactly_around_its_threshold():
    """Half of all attempts fail for a long time: it flaps, and never opens."""
    here = shop()
    send(here, *[Outcome.ACCEPTED, FAILED] * 12)
    assert state().window == (GOOD + BAD) * 5
    assert types() == []
    send(here, FAILED)
    assert (state().state, state().reason) == ("open", "6 of the last 10 attempts failed")


def test_an_endpoint_that_is_gone_has_no_breaker():
    here = shop()
    post(here)
    (sending,) = here.start()
    Endpoint.objects.all().delete()
    here.take((), [(sending, attempt(FAILED))])
    assert not Breaker.objects.exists()
    assert not Work.objects.exists()


def test_no_retry_comes_after_the_age_that_the_policy_allows():
    here = shop(retry_max_age=3600.0)
    one = Recipient.objects.get()
    one.retry_rules.update(times=5)
    one.save()
    post(here)
    (sending,) = here.start()
    here.take((), [(sending, attempt(FAILED))])
    assert Delivery.objects.get().state == "waiting"
    Delivery.objects.update(first_attempt_at="2020-01-01T00:00Z")
    here.hurry()
    assert here.start() == []
    assert Delivery.objects.get().state == "failed"
    failed = Event.objects.get(type="recipient.failed")
    assert (failed.outcome, "too late to try again" in failed.reason) == ("server_error", True)


def test_a_retry_by_hand_is_young_again():
    here = shop(retry_max_age=3600.0)
    one = Recipient.objects.get()
    one.retry_rules.update(times=5)
    one.save()
    post(here)
    (sending,) = here.start()
    Delivery.objects.update(first_attempt_at="2020-01-01T00:00Z")
    here.take((), [(sending, attempt(FAILED))])
    assert Delivery.objects.get().state == "failed"
    retrying.retry_delivery(sending.delivery_id, by="ann")
    (again,) = here.start()
    here.take((), [(again, attempt(FAILED))])
    assert Delivery.objects.get().state == "waiting"
