from __future__ import annotations

from datetime import timedelta

import pytest

from events.alerts import expiry as alerts
from events.models import Alert
from recipients import expiry
from recipients.models import Secret

pytestmark = pytest.mark.django_db


def secret(days: int, name: str = "BUYER_KEY") -> Secret:
    return Secret.objects.create(
        name=name, value="v", expires_at=expiry.today() + timedelta(days=days)
    )


def open_alerts() -> list[str]:
    return list(Alert.objects.filter(resolved_at=None).values_list("text", flat=True))


def test_it_alerts_of_a_date_once() -> None:
    soon = secret(5)
    secret(60, "LATER")
    assert alerts.warn() == 1
    assert open_alerts() == [
        f"The secret BUYER_KEY expires on {soon.expires_at:%Y-%m-%d}: rotate it"
    ]
    assert alerts.warn() == 0
    Alert.objects.update(resolved_at=soon.updated_at)  # somebody closed it
    assert alerts.warn() == 0


def test_it_closes_the_alert_when_the_date_is_moved() -> None:
    soon = secret(-1)
    alerts.warn()
    assert "expired on" in open_alerts()[0]
    soon.expires_at = expiry.today() + timedelta(days=90)
    soon.save()
    assert alerts.warn() == 0
    assert open_alerts() == []


def test_another_date_that_is_near_is_another_alert() -> None:
    soon = secret(2)
    alerts.warn()
    soon.expires_at = expiry.today() + timedelta(days=10)
    soon.save()
    assert alerts.warn() == 1
    assert len(open_alerts()) == 1


def test_a_long_name_keeps_nothing_from_being_told() -> None:
    secret(2, "SALESFORCE_PRODUCTION_CLIENT_SECRET")
    secret(2, "OTHER")
    assert alerts.warn() == 2
    Secret.objects.all().delete()
    assert alerts.warn() == 0
    assert open_alerts() == []
