"""The seals in the console, and a lead's proof on its page."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from events.models import Seal
from events.sealing import heads, seals
from leadops.accounts.models import User
from tests.events.sealing.written import sql, write
from tests.flows.scene import recipient, scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client):
    def sign_in(role: str):
        client.force_login(User.objects.create_user(f"{role}-1", password="x", role=role))
        return client

    return sign_in


@pytest.fixture
def lead():
    """A lead whose events settled long ago."""
    posted = scene(recipient("abc")).post().lead_id
    sql("UPDATE events_event SET tx = '5'")
    return posted


def test_it_lists_seals_and_says_how_sealing_stands(staff, tmp_path, settings):
    settings.LEADOPS_HOME = tmp_path
    client, url = staff("auditor"), reverse("admin:events_seal_changelist")
    assert "nothing yet" in client.get(url).content.decode()
    write(10, 3)
    seals.seal(batch=3)
    heads.publish()
    write(20)
    page = client.get(url).content.decode()
    assert "Head published: file" in page
    assert "1 event<" in page
    hashed = bytes(Seal.objects.get().hash).hex()
    assert hashed[:16] in page
    assert hashed in client.get(reverse("admin:events_seal_change", args=[1])).content.decode()
    assert client.post(reverse("admin:events_seal_delete", args=[1])).status_code == 403


def test_a_lead_s_proof_is_a_file(staff, lead):
    client, url = staff("ops"), reverse("leads:proof", args=[lead])
    assert url in client.get(reverse("leads:lead", args=[lead])).content.decode()
    waiting = client.get(url, follow=True)
    assert "is sealed yet" in waiting.content.decode()
    seals.seal()
    answer = client.get(url)
    assert answer["Content-Disposition"].startswith("attachment")
    assert json.loads(answer.content)["lead"] == lead


def test_who_does_not_see_all_gets_no_proof(staff, lead):
    seals.seal()
    client = staff("account_manager")
    assert client.get(reverse("leads:proof", args=[lead])).status_code == 404
