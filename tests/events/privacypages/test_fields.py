"""The pages of what recipients get, their file, and the call of the API."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from events.privacypages import fields
from recipients import versions
from recipients.models import MappingRow
from tests import factories
from tests.pages import page_of, sign_in, text_of

pytestmark = pytest.mark.django_db
KEY = "key_of_dana_0001"


@pytest.fixture
def world() -> SimpleNamespace:
    source = factories.make_source()
    own = factories.make_recipient("own-buyer", consent_required=True, consent_max_age=86400)
    other = factories.make_recipient("zebra-buyer")
    factories.make_flow(source, own, other)
    MappingRow.objects.create(recipient=other, key="ssn", value="{{lead.ssn}}", position=1)
    versions.keep_all()
    return SimpleNamespace(own=own, other=other)


def test_it_lists_all_to_the_staff_page_by_page(world, monkeypatch):
    monkeypatch.setattr(fields, "SHOWN", 1)
    client = sign_in(factories.make_user())
    first = client.get("/fields/")
    assert "Own Buyer" in text_of(first)
    assert "not older than 1d" in text_of(first)
    assert "Zebra Buyer" not in text_of(first)
    second = client.get("/fields/", {"after": first.context["after"]})
    assert "Zebra Buyer" in text_of(second)
    assert second.context["after"] == ""
    assert client.get("/fields/", {"after": "%%%"}).status_code == 200
    detail = client.get("/fields/zebra-buyer/")
    assert "ssnsensitivemappingversion 1" in text_of(detail)
    assert "What nobody is told" in text_of(detail)
    assert client.get("/fields/zebra-buyer/", {"before": "x"}).status_code == 200
    assert client.get("/fields/nobody/").status_code == 404
    lead = client.get(f"{page_of(world.own).removesuffix('change/')}fields_told/")
    assert lead["Location"] == "/fields/own-buyer/"


def test_it_shows_account_managers_their_own_alone(world):
    client = sign_in(
        factories.make_user("dana", role="account_manager", recipients=[world.own], key=KEY)
    )
    assert "zebra" not in text_of(client.get("/fields/")).lower()
    assert client.get("/fields/zebra-buyer/").status_code == 404
    assert "What nobody is told" not in text_of(client.get("/fields/own-buyer/"))
    lines = b"".join(client.get("/fields.csv")).decode().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith('"Own Buyer","own-buyer","email","personal","mapping","1",')
    assert lines[1].endswith('"yes","1d","","auto-insurance"')
    told = client.get("/api/v1/recipients/own-buyer/fields", **factories.bearer(KEY))
    assert told.json()["fields"][0]["since_version"] == 1
    hidden = client.get("/api/v1/recipients/zebra-buyer/fields", **factories.bearer(KEY))
    assert hidden.status_code == 404
