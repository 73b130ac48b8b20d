"""Versions of mappings: numbered when they differ, restored, tried."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from recipients import versions
from recipients.loading import load_recipients
from recipients.models import MappingRow, MappingVersion, Recipient
from recipients.plan import RecipientPlan
from tests.factories import make_recipient

LEAD = {"lead": {"email": "ann@example.com", "state": "TX"}, "recipient": {}}


def load() -> RecipientPlan:
    (plan,) = load_recipients().values()
    return plan


def configure(recipient: Recipient, key: str, value: str = "{{lead.email}}") -> None:
    recipient.mapping_rows.all().delete()
    MappingRow.objects.create(recipient=recipient, key=key, value=value)


@pytest.fixture
def recipient(db: None) -> Recipient:
    made = make_recipient()
    configure(made, "first")
    versions.keep(made, by="olga", note="the beginning")
    return made


def on_trial(recipient: Recipient, percent: int) -> RecipientPlan:
    """Version 2 is configured, version 1 on trial."""
    configure(recipient, "second")
    versions.keep(recipient, by="olga")
    Recipient.objects.update(trial_version=1, trial_percent=percent)
    return load()


def test_it_numbers_only_what_differs(recipient: Recipient):
    assert versions.keep(recipient, by="olga") is None
    configure(recipient, "second")
    made = versions.keep(recipient, by="peter", note="their new schema")
    assert made is not None
    assert (made.number, made.made_by, made.note) == (2, "peter", "their new schema")
    assert load().version == 2


def test_it_numbers_a_change_of_any_part_and_of_the_order(recipient: Recipient):
    for change in ({"when": "lead.email"}, {"keep_blank": True}, {"value": "x"}, {"key": "k"}):
        recipient.mapping_rows.update(**change)
        assert versions.keep(recipient, by="olga") is not None
    MappingRow.objects.create(recipient=recipient, key="z", value="1", position=5)
    versions.keep(recipient, by="olga")
    recipient.mapping_rows.filter(key="z").update(position=0)
    recipient.mapping_rows.exclude(key="z").update(position=1)
    assert versions.keep(recipient, by="olga") is not None


def test_it_holds_a_block_as_text(recipient: Recipient):
    Recipient.objects.update(mapping_text="email: {{lead.email}}\n")
    made = versions.keep(recipient, by="olga")
    assert made is not None
    assert made.content == {"text": "email: {{lead.email}}\n"}


def test_it_numbers_what_scripts_changed(recipient: Recipient, django_assert_num_queries):
    configure(recipient, "scripted")
    versions.keep_all()
    newest = recipient.mapping_versions.first()
    assert newest is not None
    assert (newest.number, newest.note) == (2, versions.FOUND)
    with django_assert_num_queries(3):  # recipients, their rows, newest versions
        versions.keep_all()
    assert MappingVersion.objects.count() == 2


def test_it_loads_without_any_version(db: None):
    make_recipient()
    assert load().version == 1


def test_it_restores_rows_with_everything_they_say(recipient: Recipient):
    recipient.mapping_rows.update(when="lead.email", keep_blank=True)
    kept = versions.keep(recipient, by="olga")
    assert kept is not None
    Recipient.objects.update(mapping_text="other: 1")
    versions.keep(recipient, by="olga")
    recipient.refresh_from_db()
    versions.restore(recipient, kept)
    recipient.save()
    again = versions.keep(recipient, by="olga")
    assert again is not None
    assert again.number == 4
    assert again.content == kept.content


def test_it_restores_nothing_that_is_no_longer_valid(recipient: Recipient):
    MappingVersion.objects.update(
        content={"rows": [{"key": "a", "value": "{{nope", "when": "", "keep_blank": False}]}
    )
    version = MappingVersion.objects.get()
    with pytest.raises(ValidationError):
        versions.restore(recipient, version)
    assert recipient.mapping_rows.get().key == "first"


def test_a_trial_sends_its_own_payload_under_its_own_number(recipient: Recipient):
    plan = on_trial(recipient, 100)
    chosen = plan.of_version(plan.version_for("lead_1"))
    assert (plan.version, chosen.version) == (2, 1)
    assert chosen.mapping.render(LEAD) == {"first": "ann@example.com"}
    assert plan.mapping.render(LEAD) == {"second": "ann@example.com"}


def test_a_trial_spreads_about_as_asked(recipient: Recipient):
    plan = on_trial(recipient, 30)
    tried = sum(plan.version_for(f"lead_{n}") == 1 for n in range(10_000))
    assert 2_700 < tried < 3_300  # more than six standard deviations either side


def test_a_lead_keeps_to_its_version(recipient: Recipient):
    plan = on_trial(recipient, 50)
    for lead in map(str, range(200)):
        first = plan.version_for(lead)
        assert plan.version_for(lead) == first
    # Even where the share has changed since.
    Recipient.objects.update(trial_percent=0)
    assert load().version_for("lead", before=1) == 1
    Recipient.objects.update(trial_percent=100)
    assert load().version_for("lead", before=2) == 2


def test_a_delivery_of_an_ended_trial_goes_by_what_is_configured(recipient: Recipient):
    on_trial(recipient, 50)
    Recipient.objects.update(trial_version=None)
    assert load().version_for("lead", before=1) == 2


def test_a_trial_that_does_not_compile_is_left_out(recipient: Recipient):
    MappingVersion.objects.update(
        content={
            "rows": [{"key": "a", "value": "${NO_SUCH_SECRET}", "when": "", "keep_blank": False}]
        }
    )
    plan = on_trial(recipient, 100)
    assert plan.trial is None
    assert plan.paused_reason == ""


def test_it_asks_for_no_trials_where_there_are_none(
    recipient: Recipient, django_assert_num_queries
):
    with django_assert_num_queries(0):
        assert versions.on_trial([recipient]) == {}


@given(st.text(max_size=20), st.text(max_size=50), st.text(max_size=10), st.booleans())
def test_every_row_is_one_line(key: str, value: str, when: str, keep: bool):
    row = {"key": key, "value": value, "when": when, "keep_blank": keep}
    assert len(versions.lines_of({"rows": [row, row]})) == 2
