"""The page of secrets: two values, last use, dates."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from events.models import Event
from recipients import expiry
from recipients.models import Secret
from tests.factories import make_user
from tests.pages import page_of, sign_in, submit, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops() -> Client:
    return sign_in(make_user("olga"))


@pytest.fixture
def secret() -> Secret:
    return Secret.objects.create(
        name="BUYER_KEY", value="first-value", expires_at=expiry.today() + timedelta(days=3)
    )


def test_a_second_value_is_kept_and_removed(ops: Client, secret: Secret) -> None:
    assert submit(ops, page_of(secret), second_value="next-value").status_code == 302
    secret.refresh_from_db()
    assert (secret.value, secret.second_value) == ("first-value", "next-value")
    page = ops.get(page_of(secret))
    assert "Two; the first one serves" in text_of(page)
    assert "next-value" not in page.content.decode()
    submit(ops, page_of(secret), **{"second_value-clear": "on"})
    secret.refresh_from_db()
    assert secret.second_value == ""


def test_the_rotation_ends_with_the_second_value_alone(ops: Client, secret: Secret) -> None:
    Secret.objects.filter(pk=secret.pk).update(used_at=timezone.now())
    secret.second_value = "next-value"
    secret.save()
    url = f"/admin/recipients/secret/{secret.pk}/settle/"
    answer = ops.post(url, {"_form_submitted": "1"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    secret.refresh_from_db()
    assert (secret.value, secret.second_value) == ("next-value", "")
    assert Event.objects.filter(type="config.changed").exists()
    assert "next-value" not in str(list(Event.objects.values()))


def test_the_list_says_when_it_was_used_and_when_it_ends(ops: Client, secret: Secret) -> None:
    assert "Never" in text_of(ops.get("/admin/recipients/secret/"))
    Secret.objects.update(used_at="2026-01-31T12:00Z")
    text = text_of(ops.get("/admin/recipients/secret/"))
    assert "2026-01-31 12:00 UTC" in text
    assert "Soon" in text


def test_the_overview_names_what_must_be_rotated(ops: Client, secret: Secret) -> None:
    text = text_of(ops.get("/admin/"))
    assert f"The secret BUYER_KEY expires on {secret.expires_at:%Y-%m-%d}: rotate it" in text
    Secret.objects.update(expires_at=None)
    assert "Secrets to rotate" not in text_of(ops.get("/admin/"))
