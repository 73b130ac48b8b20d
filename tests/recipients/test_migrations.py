"""What migrations make of the rows that are there."""

from __future__ import annotations

import importlib

import pytest
from django.apps import apps

from recipients.models import Endpoint, Recipient

pytestmark = pytest.mark.django_db


def test_it_lets_endpoints_say_what_they_go_out_with():
    soap = Recipient.objects.create(slug="soap", name="Soap", integration="soap", price=1)
    Endpoint.objects.create(recipient=soap, url="https://a.example/", method="PUT")
    Endpoint.objects.create(
        recipient=soap, kind="fallback", url="https://b.example/", integration="http", format="csv"
    )
    module = importlib.import_module("recipients.migrations.0013_formats_that_integrations_fix")
    module.say(apps, None)
    found = list(Endpoint.objects.order_by("url").values_list("format", "method"))
    assert found == [("xml", "POST"), ("csv", "POST")]
