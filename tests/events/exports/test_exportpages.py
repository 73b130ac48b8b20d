"""The pages of exports: look first, then have it made, watch it and take it."""

from __future__ import annotations

import pytest
from django.test import Client

from events.masking import MASK
from events.models import Event, Export
from tests.events.exports.conftest import World, work


@pytest.fixture
def olga(client: Client, world: World) -> Client:
    client.login(username="olga", password="correct-horse")
    return client


def test_one_looks_before_one_exports(olga: Client, world: World):
    world.lead()
    shown = olga.get("/exports/new/?look=1&type=flow.completed&format=csv").content.decode()
    assert "lead.email" in shown
    assert "john.smith@example.com" in shown
    assert not Export.objects.exists()
    begun = olga.post(
        "/exports/new/",
        {
            "what": "events",
            "format": "csv",
            "type": ["flow.completed"],
            "reason": "For a look",
            "do": "export",
        },
    )
    export = Export.objects.get()
    assert begun["Location"] == f"/exports/{export.id}/"
    assert (export.filters, export.reason) == ({"type": ["flow.completed"]}, "For a look")
    assert "Cancel" in olga.get(f"/exports/{export.id}/").content.decode()
    work(export.id)
    page = olga.get(f"/exports/{export.id}/").content.decode()
    assert "Download" in page
    assert "Cancel" not in page
    assert "flow.completed" in page
    file = b"".join(olga.get(f"/exports/{export.id}/download/").streaming_content)
    assert b"john.smith@example.com" in file
    assert export.id in olga.get("/exports/").content.decode()


def test_what_is_wrong_stands_above_the_form(olga: Client):
    for path in (
        "/exports/new/?look=1&start=2026-02-02&end=2026-01-01",
        "/exports/new/?look=1&what=leads&fields=salt",
        "/exports/new/?look=1&what=%00&format=x&lead_id=%00",
    ):
        assert olga.get(path).status_code == 200
    shown = olga.get("/exports/new/?look=1&start=never").content.decode()
    assert 'id="problems"' in shown
    answer = olga.post("/exports/new/", {"what": "events", "format": "doc", "do": "export"})
    assert 'id="problems"' in answer.content.decode()


def test_a_link_and_a_cancel(olga: Client, world: World):
    world.lead()
    for _ in range(2):
        olga.post("/exports/new/", {"what": "leads", "format": "jsonl", "do": "export"})
    one, two = Export.objects.order_by("id")
    olga.post(f"/exports/{one.id}/", {"do": "cancel"})
    assert Export.objects.get(pk=one.id).state == "cancelled"
    work(two.id)
    shown = olga.post(f"/exports/{two.id}/", {"do": "link"}, follow=True).content.decode()
    assert "/exports/file/" in shown
    assert Event.objects.filter(type="export.linked").count() == 1


def test_account_managers_look_at_their_own_masked(client: Client, world: World):
    world.lead()
    client.login(username="dana", password="correct-horse")
    shown = client.get("/exports/new/?look=1&what=leads").content.decode()
    assert MASK in shown
    assert "john.smith" not in shown
    assert "Xyz Mutual" not in shown


def test_auditors_see_who_exported_and_take_nothing(client: Client, world: World):
    world.lead()
    export = world.make(client, format="csv")
    client.login(username="audit", password="correct-horse")
    assert export.id in client.get("/exports/").content.decode()
    page = client.get(f"/exports/{export.id}/").content.decode()
    assert "Download" not in page
    assert client.get("/exports/new/").status_code == 403
    assert client.get(f"/exports/{export.id}/download/").status_code == 403
    assert client.post(f"/exports/{export.id}/", {"do": "link"}).status_code == 403
