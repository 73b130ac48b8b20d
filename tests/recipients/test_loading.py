from __future__ import annotations

import pytest

from recipients.loading import load_recipients
from recipients.models import Endpoint, MappingRow, Recipient, Secret
from recipients.plan import RecipientPlan

pytestmark = pytest.mark.django_db


def load() -> RecipientPlan:
    recipient = Recipient.objects.create(slug="abc", name="ABC")
    Endpoint.objects.create(
        recipient=recipient,
        url="https://a.example/${PATH_KEY}",
        auth="bearer",
        auth_secret="${BUYER_KEY}",
    )
    MappingRow.objects.create(recipient=recipient, key="key", value="${BODY_KEY}")
    (plan,) = load_recipients().values()
    return plan


def keep(**values: tuple[str, str]) -> None:
    for name, (value, second) in values.items():
        Secret.objects.create(name=name, value=value, second_value=second)


def test_a_secret_with_one_value_makes_one_plan() -> None:
    keep(BUYER_KEY=("key-one", ""), PATH_KEY=("path-one", ""), BODY_KEY=("body-one", ""))
    plan = load()
    assert plan.second is None
    assert plan.secrets == {"BUYER_KEY", "PATH_KEY", "BODY_KEY"}


def test_second_values_stand_in_credentials_address_and_mapping() -> None:
    keep(BUYER_KEY=("key-one", "key-two"), PATH_KEY=("path-one", "path-two"))
    keep(BODY_KEY=("body-one", ""))
    plan = load()
    assert plan.second is not None
    assert plan.production is not None
    assert plan.second.production is not None
    found = [(p.auth.secret, p.url.text({})) for p in (plan.production, plan.second.production)]
    assert found == [
        ("key-one", "https://a.example/path-one"),
        ("key-two", "https://a.example/path-two"),
    ]
    assert plan.second.mapping.render({}) == {"key": "body-one"}
    assert plan.production.auth.mark != plan.second.production.auth.mark


def test_both_values_are_kept_out_of_the_record() -> None:
    keep(BUYER_KEY=("key-one", "key-two"), PATH_KEY=("path-one", ""), BODY_KEY=("body-one", ""))
    assert load().redactor.text("it was key-two, not key-one") == "it was •••, not •••"


def test_the_environment_comes_first_and_the_second_value_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BUYER_KEY", "from-outside")
    keep(BUYER_KEY=("key-one", "key-two"), PATH_KEY=("path-one", ""), BODY_KEY=("body-one", ""))
    plan = load()
    assert plan.production is not None
    assert plan.second is not None
    assert plan.second.production is not None
    assert plan.production.auth.secret == "from-outside"
    assert plan.second.production.auth.secret == "key-two"


def test_a_second_value_that_will_not_do_leaves_the_first_in_use() -> None:
    keep(BUYER_KEY=("key-one", ""), PATH_KEY=("path-one", "{{"), BODY_KEY=("body-one", ""))
    plan = load()
    assert plan.paused_reason == ""
    assert plan.second is None
