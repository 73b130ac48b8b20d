from __future__ import annotations

import pytest

from events.models import Destination, Event, RecordSettings
from leadops.accounts.roles import Role
from tests.factories import make_user
from tests.pages import errors_of, page_of, sign_in, submit, text_of

pytestmark = pytest.mark.django_db
ADD = "/admin/events/destination/add/"


@pytest.fixture
def ops():
    return sign_in(make_user("olga"))


def fill(ops, **changes):
    return submit(ops, ADD, **{name.replace("__", ":"): value for name, value in changes.items()})


def test_it_adds_a_destination(ops):
    answer = fill(
        ops,
        slug="nightly",
        kind="object_store",
        settings__object_store__bucket="acme-leads",
        settings__object_store__access_key="AKIA1",
        settings__email__to="left@over.example",
        secret="s3cret-key",
    )
    assert answer.status_code == 302, errors_of(answer)
    destination = Destination.objects.get()
    assert destination.settings == {"bucket": "acme-leads", "access_key": "AKIA1"}
    assert destination.secret == "s3cret-key"
    assert "s3cret-key" not in str(Event.objects.get().data)
    page = ops.get(page_of(destination)).content.decode()
    assert "acme-leads" in page
    assert "s3cret-key" not in page
    assert "s3://acme-leads/" in text_of(ops.get("/admin/events/destination/"))


def test_it_says_beside_a_setting_what_is_wrong_with_it(ops):
    page = fill(
        ops, slug="x", kind="sftp", settings__sftp__url="http://files.example.com", secret="p"
    )
    html = page.content.decode()
    assert "write server and folder, e.g. sftp://files.example.com/exports/" in html
    assert 'class="leadops-wrong"' in html


def test_it_sends_a_test_file(ops, settings, tmp_path):
    settings.LEADOPS_HOME = tmp_path
    destination = Destination.objects.create(
        slug="shelf", kind="file", settings={"folder": "exports"}
    )
    url = page_of(destination).replace("/change/", "/send_test_file/")
    page = ops.post(url, {"_form_submitted": "1"}, headers={"HX-Request": "true"})
    assert page.status_code == 200
    written = (tmp_path / "outbox/exports/leadops-test.txt").read_text()
    assert "destination shelf, by olga" in written
    destination.refresh_from_db()
    assert destination.delivered_at is not None


def test_it_keeps_what_heads_of_seals_go_to(ops):
    kept = Destination.objects.create(slug="shelf", kind="file", settings={"folder": "heads"})
    RecordSettings.objects.update_or_create(id=1, defaults={"heads_to": ["shelf"]})
    url = page_of(kept).replace("/change/", "/delete/")
    assert "Heads of the seals go to shelf" in text_of(ops.get(url))
    ops.post(url, {"post": "yes"})
    assert Destination.objects.exists()


def test_who_only_reads_sends_nothing(settings, tmp_path):
    settings.LEADOPS_HOME = tmp_path
    destination = Destination.objects.create(
        slug="shelf", kind="file", settings={"folder": "exports"}
    )
    auditor = sign_in(make_user("ada", role=Role.AUDITOR))
    page = auditor.get(page_of(destination))
    assert page.status_code == 200
    assert "Send a test file" not in page.content.decode()
    url = page_of(destination).replace("/change/", "/send_test_file/")
    assert auditor.post(url, {"_form_submitted": "1"}).status_code in (302, 403)
    assert not (tmp_path / "outbox").exists()
