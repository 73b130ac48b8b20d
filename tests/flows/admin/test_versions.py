"""The page of a recipient's mapping versions."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from events.byversion import Went
from events.models import Delivery, Event
from flows.admin.versions import judged, versions_url
from flows.models import Revision
from flows.trying import trials
from recipients import versions
from recipients.models import MappingRow, Recipient, TestCase
from tests.factories import deliver_lead, make_flow, make_recipient, make_source, make_user
from tests.pages import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def recipient() -> Recipient:
    """Version 1 sends `first`, version 2 `second`."""
    made = make_recipient()
    for number, key in enumerate(("first", "second"), 1):
        made.mapping_rows.all().delete()
        MappingRow.objects.create(recipient=made, key=key, value="{{lead.email}}")
        versions.keep(made, by="olga", note=f"note {number}")
    return made


@pytest.fixture
def olga(client: Client) -> Client:
    user = make_user("olga")
    client.force_login(user)
    return client


def post(client: Client, recipient: Recipient, **values: Any) -> Any:
    return client.post(versions_url(recipient.pk), values, follow=True)


def keys(recipient: Recipient) -> list[str]:
    return list(recipient.mapping_rows.values_list("key", flat=True))


def test_it_lists_versions_and_what_differs(olga: Client, recipient: Recipient):
    page = olga.get(versions_url(recipient.pk))
    text = text_of(page)
    assert "note 1" in text
    assert "note 2" in text
    assert "by olga" in text
    html = page.content.decode()
    assert "<del>− first: {{lead.email}}</del>" in html
    assert "<ins>+ second: {{lead.email}}</ins>" in html


def test_it_goes_back(olga: Client, recipient: Recipient):
    page = post(olga, recipient, _restore="1")
    assert "that of version 1 again" in text_of(page)
    assert keys(recipient) == ["first"]
    newest = recipient.mapping_versions.first()
    assert newest is not None
    assert (newest.number, newest.made_by, newest.note) == (3, "olga", "back to version 1")
    event = Event.objects.get(type="config.changed")
    assert "first" in event.data["after"]["mapping_rows"]
    assert "second" in event.data["before"]["mapping_rows"]


def test_going_back_is_held_against_test_cases(olga: Client, recipient: Recipient):
    TestCase.objects.create(
        recipient=recipient,
        name="Second",
        lead={"email": "a@b.example"},
        request='{"second": "a@b.example"}',
    )
    page = post(olga, recipient, _restore="1")
    assert "would fail" in text_of(page)
    assert keys(recipient) == ["second"]
    assert recipient.mapping_versions.count() == 2
    post(olga, recipient, _restore="1", _publish="1")
    assert keys(recipient) == ["first"]


def test_it_goes_back_to_nothing_that_is_no_longer_valid(olga: Client, recipient: Recipient):
    bad = {"rows": [{"key": "a", "value": "{{nope", "when": "", "keep_blank": False}]}
    recipient.mapping_versions.filter(number=1).update(content=bad)
    page = post(olga, recipient, _restore="1")
    assert "no longer valid" in text_of(page)
    assert keys(recipient) == ["second"]


def test_a_trial_is_started_made_the_mapping_and_recorded(olga: Client, recipient: Recipient):
    before = Revision.objects.get().number
    page = post(olga, recipient, _try="1", version="1", percent="25")
    assert "Version 1 gets 25 % of the leads" in text_of(page)
    recipient.refresh_from_db()
    assert (recipient.trial_version, recipient.trial_percent) == (1, 25)
    assert Revision.objects.get().number > before
    event = Event.objects.get(type="config.changed")
    assert event.data["after"]["mapping_trial"] == {"version": 1, "percent": 25}
    post(olga, recipient, _adopt="1")
    recipient.refresh_from_db()
    assert recipient.trial_version is None
    assert keys(recipient) == ["first"]


def test_a_trial_becomes_the_mapping_whole_or_not_at_all(
    olga: Client, recipient: Recipient, monkeypatch: pytest.MonkeyPatch
):
    trials.start(recipient, recipient.mapping_versions.get(number=1), 25, by="olga")

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("the connection broke")

    with monkeypatch.context() as patch:
        patch.setattr(trials, "end", fails)
        with pytest.raises(RuntimeError):
            post(olga, recipient, _adopt="1")
    recipient.refresh_from_db()
    assert (recipient.trial_version, keys(recipient)) == (1, ["second"])
    assert recipient.mapping_versions.count() == 2


def test_a_trial_is_ended(olga: Client, recipient: Recipient):
    trials.start(recipient, recipient.mapping_versions.get(number=1), 10, by="olga")
    page = post(olga, recipient, _end="1")
    assert "The trial has ended" in text_of(page)
    recipient.refresh_from_db()
    assert recipient.trial_version is None
    assert keys(recipient) == ["second"]


@pytest.mark.parametrize(
    ("version", "percent", "says"),
    [("2", "50", "is the mapping itself"), ("1", "100", "1 to 99"), ("1", "", "1 to 99")],
)
def test_it_starts_no_trial_of(
    version: str, percent: str, says: str, olga: Client, recipient: Recipient
):
    page = post(olga, recipient, _try="1", version=version, percent=percent)
    assert says in text_of(page)
    recipient.refresh_from_db()
    assert recipient.trial_version is None


def test_it_counts_deliveries_by_version(olga: Client, recipient: Recipient):
    source = make_source()
    flow = make_flow(source, recipient)
    for number in range(3):
        deliver_lead(flow, source, email=f"a{number}@example.com")
    Delivery.objects.update(mapping_version=1)
    page = olga.get(versions_url(recipient.pk))
    rows = {row.version.number: row.went for row in page.context["rows"]}
    assert rows[1].ended == 3
    assert rows[1].accepted == Delivery.objects.filter(state="accepted").count() == 3
    assert rows[1].revenue == sum(each.revenue for each in Delivery.objects.all())
    assert rows[2].ended == 0
    Delivery.objects.update(endpoint="sandbox")
    page = olga.get(versions_url(recipient.pk))
    assert all(row.went.ended == 0 for row in page.context["rows"])


def test_it_says_in_words_what_is_chance():
    def words(accepted: int, other: int, of: int = 1000) -> str:
        return judged((4, Went(of, accepted)), (3, Went(of, other)))

    assert "Too few" in words(5, 6, of=10)
    assert "may well be chance" in words(500, 510)
    assert "Version 3 is accepted more often than version 4" in words(500, 600)
    assert "less often" in words(600, 500)


def test_a_trial_counts_from_its_beginning(olga: Client, recipient: Recipient):
    source = make_source()
    deliver_lead(make_flow(source, recipient), source)
    before = Delivery.objects.get()
    Delivery.objects.update(mapping_version=1)
    trials.start(recipient, recipient.mapping_versions.get(number=1), 50, by="olga")
    page = olga.get(versions_url(recipient.pk))
    assert [went.ended for _, went in page.context["trial_rows"]] == [0, 0]
    Recipient.objects.update(trial_since=before.created_at)
    page = olga.get(versions_url(recipient.pk))
    assert [went.ended for _, went in page.context["trial_rows"]] == [0, 1]


def test_who_may_not_change_only_looks(client: Client, recipient: Recipient):
    user = make_user("vera", role="auditor")
    client.force_login(user)
    page = client.get(versions_url(recipient.pk))
    assert page.status_code == 200
    assert "Go back to this" not in text_of(page)
    assert post(client, recipient, _restore="1").status_code == 403
    assert keys(recipient) == ["second"]


def test_unknown_versions_are_not_found(olga: Client, recipient: Recipient):
    assert post(olga, recipient, _restore="99").status_code == 404
    assert olga.get(versions_url(recipient.pk), {"before": "1", "after": "7"}).status_code == 404
