"""The page of a list's entries: looking up, changing, uploading, and who may."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from flows import tasks
from flows.suppression import entries, uploads
from leadops.lib import queue
from recipients.models import SuppressionEntry, SuppressionList, SuppressionUpload
from tests.factories import make_user
from tests.pages import sign_in, text_of

pytestmark = pytest.mark.django_db

URL = "/suppression/dnc/"
PHONE = "5125550100"


@pytest.fixture
def row() -> SuppressionList:
    return SuppressionList.objects.create(slug="dnc", name="Do not call", fields=["phone_1"])


@pytest.fixture
def olga(monkeypatch: pytest.MonkeyPatch, row: SuppressionList) -> Client:
    monkeypatch.setattr(queue, "enqueue", lambda *_, **__: None)
    return sign_in(make_user("olga"))


def send(client: Client, data: bytes, **form: Any) -> Any:
    file = SimpleUploadedFile("list.csv", data, "text/csv")
    return client.post(f"{URL}upload/", {"file": file, "mode": "add", **form}, follow=True)


def test_it_shows_the_number_of_entries_and_who_uses_it(olga, row):
    entries.add(row, [PHONE, "5125550101"], by="olga")
    shown = text_of(olga.get(URL))
    assert "2 entries" in shown
    assert "no flow yet" in shown


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("(512) 555-0100", "It is on the list."),
        ("5125550199", "It is not on the list."),
        ("x", "It can be no value of this list: not a phone number."),
    ],
)
def test_it_looks_a_value_up(olga, row, value, said):
    entries.add(row, [PHONE], by="olga")
    assert said in text_of(olga.post(URL, {"value": value}))


def test_it_adds_and_removes_one(olga, row):
    added = olga.post(f"{URL}change/", {"value": PHONE, "do": "add"}, follow=True)
    assert "Added." in text_of(added)
    assert "1 entry" in text_of(added)
    again = olga.post(f"{URL}change/", {"value": PHONE, "do": "add"}, follow=True)
    assert "It was on the list already." in text_of(again)
    gone = olga.post(f"{URL}change/", {"value": PHONE, "do": "remove"}, follow=True)
    assert "Removed." in text_of(gone)
    wrong = olga.post(f"{URL}change/", {"value": "x", "do": "add"}, follow=True)
    assert "not a phone number" in text_of(wrong)
    assert not SuppressionEntry.objects.exists()


def test_it_takes_a_file_and_shows_how_it_went(olga):
    page = send(olga, b"name,phone\nAnn,5125550100\nBob,nothing\n")
    assert "Queued" in text_of(page)
    made = SuppressionUpload.objects.get()
    assert (made.by, made.filename) == ("olga", "list.csv")
    tasks.suppression_upload(made.id)
    shown = text_of(olga.get(f"/suppression/uploads/{made.id}/"))
    assert "Bad lines1" in shown
    assert "3The value is not a phone number" in shown
    assert "list.csv" in text_of(olga.get(URL))


@pytest.mark.parametrize(
    ("data", "form", "said"),
    [
        (b"\x89PNG\r\n\0\0", {}, "This is no text file."),
        (b"PK\x03\x04", {}, "This is an Excel or zip file."),
        (b"name,phone\nAnn,5125550100\n", {"column": "email"}, "There is no column 'email'"),
        (b"", {}, "Choose a file"),
        (b"5125550100\n", {"mode": "burn"}, "Choose a file, and what to do with it."),
    ],
)
def test_it_says_why_it_does_not_take_a_file(olga, data, form, said):
    shown = text_of(send(olga, data, **form))
    assert said in shown or (not data and "The file is empty." in shown)
    assert not SuppressionUpload.objects.exists()


def test_too_large_a_file_is_refused_before_it_is_read(olga, monkeypatch):
    monkeypatch.setattr(uploads, "MOST_BYTES", 1024 * 1024)
    assert "A file has at most 1 MB." in text_of(send(olga, b"5" * 2_000_000))


def test_an_upload_can_be_cancelled(olga):
    send(olga, b"5125550100\n")
    made = SuppressionUpload.objects.get()
    page = olga.post(f"/suppression/uploads/{made.id}/", follow=True)
    assert "Cancelled. What was added stays." in text_of(page)


def test_a_file_needs_the_token_of_a_form(row):
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("olga"))
    assert send(client, b"5125550100\n").status_code == 403
    assert not SuppressionUpload.objects.exists()


def test_auditors_look_and_change_nothing(olga, row):
    auditor = sign_in(make_user("aud", role="auditor"))
    assert "Upload a file" not in text_of(auditor.get(URL))
    assert auditor.post(URL, {"value": PHONE}).status_code == 200
    assert auditor.post(f"{URL}change/", {"value": PHONE, "do": "add"}).status_code == 403
    assert send(auditor, b"5125550100\n").status_code == 403
    assert not SuppressionEntry.objects.exists()


def test_account_managers_and_strangers_see_nothing(olga, row):
    manager = sign_in(make_user("dana", role="account_manager"))
    assert manager.get(URL).status_code == 403
    assert Client().get(URL).status_code == 302
    assert Client().post(f"{URL}upload/").status_code == 302


def test_there_must_be_such_a_list(olga):
    assert olga.get("/suppression/none/").status_code == 404
    assert olga.get("/suppression/uploads/none/").status_code == 404


class TestAdmin:
    def test_it_lists_lists_with_their_users(self, olga, row):
        entries.add(row, [PHONE], by="olga")
        shown = text_of(olga.get("/admin/recipients/suppressionlist/"))
        assert "Do not call" in shown
        assert "Nobody yet" in shown

    def test_it_makes_a_list_and_records_it(self, olga):
        form = {"name": "Out", "slug": "out", "fields": '["email"]', "type": "", "hashed": "md5"}
        olga.post("/admin/recipients/suppressionlist/add/", form)
        made = SuppressionList.objects.get(slug="out")
        assert (made.fields, made.value_type, made.hashed) == (["email"], "email", "md5")

    def test_it_leads_to_the_entries(self, olga, row):
        page = olga.get(f"/admin/recipients/suppressionlist/{row.pk}/change/")
        assert "Search and upload entries" in text_of(page)
