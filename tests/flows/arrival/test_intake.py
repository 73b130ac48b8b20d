"""Leads at the door: what is checked, what is answered, what is stored."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import OperationalError, connection, transaction

from events.models import Event, Lead, LeadKey, Snapshot
from flows import plans
from flows.arrival.storing import Answer
from flows.models import Flow, FlowSource, Work
from tests.flows.scene import Scene, recipient, scene

MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture
def play(db) -> Scene:
    return scene(recipient("abc"))


def test_it_answers_an_accepted_lead_with_its_price(play):
    answer = play.post()
    assert (answer.outcome, answer.price, answer.reasons) == ("accepted", Decimal(15), ())
    assert play.lead(answer).cost == Decimal(15)
    assert Work.objects.get().lead_id == answer.lead_id


def test_it_stores_what_was_posted_and_what_was_read_as_two_versions(play):
    answer = play.post(email="Ann@Example.COM ", note="Tür")
    raw, parsed = Snapshot.objects.filter(lead_id=answer.lead_id).order_by("version")
    assert raw.body["email"] == "Ann@Example.COM "
    assert parsed.body["email"] == "ann@example.com"
    assert parsed.body["email.domain"] == "example.com"
    assert parsed.body["source.name"] == "Web Form A"
    assert parsed.body["note"] == "Tür"


def test_it_writes_the_moment_in_utc_to_the_millisecond(play):
    answer = play.post()
    for version in Snapshot.objects.filter(lead_id=answer.lead_id):
        written = version.body["timestamp"]
        assert written.endswith("Z")
        assert len(written) == len("2024-01-15T10:30:47.234Z")
        assert abs(datetime.fromisoformat(written) - play.lead(answer).created_at) < MILLISECOND


@pytest.mark.parametrize("blank", [None, "", "   "])
def test_it_names_a_missing_required_field(play, blank):
    answer = play.post(email=blank)
    assert answer.outcome == "rejected"
    assert answer.reason == "Missing required field: email"
    assert answer.price == 0
    assert play.types(answer) == ["source.submitted", "source.rejected"]
    assert not Work.objects.exists()


def test_it_names_an_invalid_required_field_and_what_it_saw(play):
    answer = play.post(email="nobody")
    assert answer.reason.startswith("Invalid email: ")
    assert "'nobody'" in answer.reason


def test_it_keeps_an_invalid_optional_field_as_it_came(play):
    answer = play.post(phone_1="call me")
    assert answer.outcome == "accepted"
    body = Snapshot.objects.filter(lead_id=answer.lead_id).latest("version").body
    assert (body["phone_1"], body["phone_1.valid"]) == ("call me", False)


def test_it_gives_every_reason_not_only_the_first(play):
    play.flow.fields.update(required=True)
    answer = play.post(email="", state="")
    assert set(answer.reasons) == {
        "Missing required field: email",
        "Missing required field: state",
    }


def test_it_rejects_by_the_sources_criteria_with_the_value_seen(play):
    FlowSource.objects.update(accept={"all": [{"field": "state", "op": "is", "value": "CA"}]})
    play.source.save()
    assert play.post().reason == "Not accepted from Web Form A: state is TX, not CA"


def test_it_finds_the_lead_by_email_and_phone_without_storing_them_as_keys(play):
    answer = play.post()
    keys = LeadKey.objects.filter(lead_id=answer.lead_id)
    assert {key.kind for key in keys} == {"email", "phone"}
    assert all(len(bytes(key.digest)) == 16 for key in keys)


@pytest.mark.parametrize("value", ["\x00", "a\x00b", "\u202eabc", "x" * 20_000, "\u0007", "😀"])
def test_it_takes_awkward_text_without_losing_the_lead(play, value):
    answer = play.post(first_name=value, note=value)
    assert answer.outcome == "accepted"
    assert Lead.objects.filter(id=answer.lead_id).exists()


@pytest.mark.parametrize("value", [True, 1.5, [], {"a": 1}, [1, {"b": None}], -(2**70)])
def test_it_takes_wrong_types_without_losing_the_lead(play, value):
    answer = play.post(email=value, other=value)
    assert answer.outcome == "rejected"
    assert Snapshot.objects.filter(lead_id=answer.lead_id).count() == 2


class TestDuplicates:
    @pytest.fixture
    def play(self, db) -> Scene:
        play = scene(recipient("abc"))
        play.flow.duplicate_match = [["email"], ["phone_1"]]
        play.flow.duplicate_within = 3600.0
        play.flow.save()
        return play

    def test_it_rejects_the_second_and_names_the_date_of_the_first(self, play):
        first = play.post()
        second = play.post()
        assert second.outcome == "rejected"
        date = play.lead(first).created_at
        assert second.reason == f"Duplicate: Previously submitted {date:%Y-%m-%d}"

    def test_any_set_of_fields_makes_a_duplicate(self, play):
        play.post()
        assert play.post(email="other@example.com").outcome == "rejected"

    def test_a_rejected_lead_blocks_nobody(self, play):
        play.post()
        play.post(email="other@example.com")  # rejected by its phone
        assert play.post(email="other@example.com", phone_1="5555559999").outcome == "accepted"

    def test_blank_values_make_no_duplicates(self, play):
        play.post(phone_1="")
        assert play.post(email="other@example.com", phone_1="").outcome == "accepted"

    def test_it_takes_the_lead_again_after_the_window(self, play):
        play.post()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE flows_duplicateclaim SET at = at - interval '2 hours'")
        assert play.post().outcome == "accepted"

    def test_a_set_listed_twice_is_one(self, play):
        play.flow.duplicate_match = [["email"], ["email"]]
        play.flow.save()
        assert [play.post().outcome for _ in range(2)] == ["accepted", "rejected"]

    def test_a_lead_that_cannot_be_stored_leaves_no_claim_and_no_key(self, play, monkeypatch):
        def fail(*_args, **_options):
            raise OperationalError("no space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("flows.arrival.storing.store", fail)
            with pytest.raises(OperationalError):
                play.post(key="k")
        again = play.post(key="k")
        assert (again.outcome, again.repeated) == ("accepted", False)

    def test_test_leads_and_real_ones_do_not_meet(self, play):
        assert play.post(test=True).outcome == "accepted"
        assert play.post().outcome == "accepted"


def test_a_key_gives_the_same_answer_and_one_lead(play):
    first, second = play.post(key="k1"), play.post(key="k1")
    assert second.lead_id == first.lead_id
    assert second.repeated
    assert Lead.objects.count() == 1
    assert play.post(key="k2").lead_id != first.lead_id


def test_a_key_is_free_in_another_flow(play):
    first = play.post(key="k")
    home = Flow.objects.create(slug="home", name="Home")
    FlowSource.objects.create(flow=home, source=play.source)
    plans.changed()
    second = replace(play, flow=home).post(key="k")
    assert second.lead_id != first.lead_id
    assert Lead.objects.get(id=second.lead_id).flow_id == home.id


def _at_once(play: Scene, count: int, **options: object) -> list[object]:
    """Post from so many threads at the same moment, each with a connection of its own."""
    gate = threading.Barrier(count)

    def one(_: int) -> object:
        gate.wait()
        try:
            return play.post(**options)  # type: ignore[arg-type]
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.django_db(transaction=True)
def test_of_many_identical_posts_in_flight_exactly_one_is_accepted():
    play = scene(recipient("abc"))
    play.flow.duplicate_match = [["email"], ["phone_1"]]
    play.flow.duplicate_within = 3600.0
    play.flow.save()
    answers = _at_once(play, 16)
    assert [a.outcome for a in answers].count("accepted") == 1
    assert Event.objects.filter(type="source.rejected").count() == 15


@pytest.mark.django_db(transaction=True)
def test_of_many_posts_with_one_key_in_flight_all_get_one_lead():
    play = scene(recipient("abc"))
    answers = _at_once(play, 16, key="same")
    assert len({a.lead_id for a in answers}) == 1
    assert Lead.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_key_whose_first_post_is_rolled_back_is_free_for_the_one_that_waits():
    play = scene(recipient("abc"))
    plans.current()
    began, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with transaction.atomic():
            play.post(key="k", email="first@example.com")
            began.set()
            go_on.wait(10)
            transaction.set_rollback(True)
        connection.close()

    def second() -> Answer:
        try:
            return play.post(key="k", email="second@example.com")
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        pool.submit(first)
        assert began.wait(10)
        waiting = pool.submit(second)
        with pytest.raises(TimeoutError):
            waiting.result(0.3)
        go_on.set()
        answer = waiting.result(10)
    assert not answer.repeated
    assert [lead.id for lead in Lead.objects.all()] == [answer.lead_id]


def test_the_source_is_told_the_value_it_sent_and_the_record_keeps_it_out(play):
    play.flow.fields.filter(name="email").update(privacy="personal")
    play.flow.save()
    answer = play.post(email="nobody")
    assert "'nobody'" in answer.reason
    rejected = play.event(answer, "source.rejected")
    assert rejected.reason.startswith("Invalid email: ")
    assert "nobody" not in f"{rejected.reason} {rejected.data}"
