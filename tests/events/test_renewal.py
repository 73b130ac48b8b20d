"""Certificates that end soon raise an alert in time."""

from __future__ import annotations

import pytest
from django.utils import timezone

from events import tasks
from events.alerts import renewal as alerts
from events.models import Alert, Event
from recipients.models import Endpoint, Recipient, Secret
from tests.factories import make_recipient
from tests.leadops.http.certificates import Authority

pytestmark = pytest.mark.django_db

CA = Authority()
SOON, LATER = CA.issue("leadops.example", days=10), CA.issue("leadops.example", days=200)


@pytest.fixture
def endpoint() -> Endpoint:
    made: Endpoint = make_recipient().endpoints.get()
    give(made, SOON)
    return made


def give(endpoint: Endpoint, issued) -> None:
    endpoint.tls_certificate, endpoint.tls_key = issued.certificate, issued.key
    endpoint.save()


def open_alerts() -> list[str]:
    return list(Alert.objects.filter(resolved_at=None).values_list("text", flat=True))


def test_it_alerts_of_a_certificate_once(endpoint: Endpoint) -> None:
    assert alerts.warn() == 1
    (text,) = open_alerts()
    assert text.startswith(
        "The client certificate leadops.example of Abc Insurance (production) expires on 2"
    )
    event = Event.objects.get(type="alert.raised")
    assert event.entity_id == endpoint.recipient_id
    assert alerts.warn() == 0
    Alert.objects.update(resolved_at=timezone.now())  # somebody closed it
    assert alerts.warn() == 0


def test_it_closes_the_alert_when_it_is_replaced(endpoint: Endpoint) -> None:
    alerts.warn()
    give(endpoint, LATER)
    assert alerts.warn() == 0
    assert open_alerts() == []
    give(endpoint, CA.issue("leadops.example", days=5))
    assert alerts.warn() == 1


def test_one_in_a_secret_counts_too(endpoint: Endpoint) -> None:
    Secret.objects.create(name="CLIENT_PEM", value=SOON.certificate)
    Endpoint.objects.update(tls_certificate="${CLIENT_PEM}", tls_key="${CLIENT_KEY}")
    assert alerts.warn() == 1
    Secret.objects.all().delete()
    assert alerts.warn() == 0
    assert open_alerts() == []


def test_an_own_authority_counts_too(endpoint: Endpoint) -> None:
    Endpoint.objects.update(tls_certificate="", tls_key="", tls_ca=SOON.certificate)
    assert alerts.warn() == 1
    assert "The own authority leadops.example" in open_alerts()[0]


def test_whoever_gets_no_leads_is_left_alone(endpoint: Endpoint) -> None:
    Recipient.objects.update(active=False)
    assert alerts.warn() == 0


def test_the_task_looks_at_both(endpoint: Endpoint) -> None:
    tasks.secrets()
    assert len(open_alerts()) == 1
