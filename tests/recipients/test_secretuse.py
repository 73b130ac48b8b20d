from __future__ import annotations

import pytest
from django.db import DatabaseError

from flows import plans
from recipients.auth import Keyring, Used
from recipients.models import Secret
from recipients.secretuse import SecretUse

pytestmark = pytest.mark.django_db


@pytest.fixture
def keyring() -> Keyring:
    Secret.objects.create(name="ONE", value="one-value", second_value="next-value")
    Secret.objects.create(name="TWO", value="two-value")
    return Keyring()


def used(*names: str, second: tuple[str, ...] = ()) -> Used:
    return Used(frozenset(names), frozenset(second))


def test_it_writes_when_secrets_were_used(keyring: Keyring) -> None:
    keyring.give_back(used("ONE", second=("ONE",)))
    before = plans.newest()
    SecretUse(keyring).write()
    one, two = Secret.objects.order_by("name")
    assert one.used_at is not None
    assert one.serves_second
    assert two.used_at is None
    assert plans.newest() == before


def test_the_second_value_serves_no_more_once_the_values_are_changed(keyring: Keyring) -> None:
    keyring.give_back(used("ONE", second=("ONE",)))
    SecretUse(keyring).write()
    Secret.objects.get(name="ONE").save()
    assert not Secret.objects.get(name="ONE").serves_second


def test_it_writes_once_in_a_while_and_nothing_where_nothing_was_used(
    keyring: Keyring, django_assert_num_queries
) -> None:
    keyring.give_back(used("ONE"))
    with django_assert_num_queries(0):
        SecretUse(keyring).write_if_due()
    with django_assert_num_queries(1):
        SecretUse(keyring, interval=0.0).write_if_due()
    with django_assert_num_queries(0):
        SecretUse(keyring, interval=0.0).write_if_due()


def test_what_could_not_be_written_is_written_next_time(
    keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring.give_back(used("TWO"))
    with monkeypatch.context() as patch:
        patch.setattr("recipients.secretuse.USED", "SELECT * FROM nowhere WHERE %s = %s")
        from django.db import transaction

        with pytest.raises(DatabaseError), transaction.atomic():
            SecretUse(keyring).write()
    SecretUse(keyring).write()
    assert Secret.objects.get(name="TWO").used_at is not None
