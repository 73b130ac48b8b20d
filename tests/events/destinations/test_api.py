from __future__ import annotations

import pytest
from django.test import Client

from events.models import Destination
from leadops.accounts.roles import Role
from tests.factories import make_user

pytestmark = pytest.mark.django_db
URL = "/api/v1/destinations/shelf/test"


def post(key: str):
    return Client().post(URL, headers={"Authorization": f"Bearer {key}"})


def test_it_sends_a_test_file(settings, tmp_path):
    settings.LEADOPS_HOME = tmp_path
    make_user("olga", key="usr_ops")
    assert post("usr_ops").status_code == 404
    shelf = Destination.objects.create(slug="shelf", kind="file", settings={"folder": "exports"})
    told = post("usr_ops").json()
    assert told["delivered"]
    assert told["where"] == "outbox/exports/leadops-test.txt"
    shelf.active = False
    shelf.save()
    told = post("usr_ops").json()
    assert not told["delivered"]
    assert told["error"] == "Destination is switched off: shelf"


def test_only_those_who_operate_may(settings, tmp_path):
    settings.LEADOPS_HOME = tmp_path
    Destination.objects.create(slug="shelf", kind="file", settings={"folder": "exports"})
    make_user("ada", role=Role.AUDITOR, key="usr_ada")
    assert post("usr_ada").status_code == 403
    assert post("nothing").status_code == 401
    assert not (tmp_path / "outbox").exists()
