"""Staff send files of leads over the API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from events.models import Event, Lead
from flows import tasks
from flows.importing import taking
from flows.models import Flow, LeadImport
from leadops.lib import queue
from tests.factories import bearer, make_flow, make_recipient, make_source, make_user

pytestmark = pytest.mark.django_db

OPS, AUDITOR = bearer("usr_test_key_0001"), bearer("usr_test_key_0002")
MANAGER, SOURCE = bearer("usr_test_key_0003"), bearer("src_test_key_0001")
PARTNER = bearer("rcp_test_key_0001")
URL = "/api/v1/flows/auto-insurance/imports"
FILE = b"E-Mail;Phone\nann@example.com;5125550100\nnobody;5125550101\n"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(queue, "enqueue", lambda *_, **__: None)
    recipient = make_recipient(key="rcp_test_key_0001")
    make_flow(make_source(key="src_test_key_0001"), recipient)
    make_source("other")
    make_user("olga", role="ops", key="usr_test_key_0001")
    make_user("aud", role="auditor", key="usr_test_key_0002")
    make_user("dana", role="account_manager", key="usr_test_key_0003")
    return Client()


def send(api: Client, data: bytes = FILE, *, query: str = "", headers: Any = OPS) -> Any:
    url = f"{URL}?source=web-form-a{query}"
    return api.post(url, data, content_type="text/csv", **headers)


def test_it_takes_a_bare_file_and_says_how_it_went(api):
    sent = send(api)
    assert sent.status_code == 202, sent.json()
    told = sent.json()
    assert (told["state"], told["rows"], told["done"]) == ("queued", 2, 0)
    assert told["columns"] == [
        {"name": "E-Mail", "to": "email"},
        {"name": "Phone", "to": "phone_1"},
    ]
    tasks.lead_import(told["id"])
    seen = api.get(f"/api/v1/imports/{told['id']}", **OPS).json()
    assert (seen["state"], seen["accepted"], seen["rejected"], seen["cost"]) == ("done", 1, 1, 15.0)
    errors = api.get(f"/api/v1/imports/{told['id']}/errors", **OPS)
    assert errors["Content-Type"].startswith("text/csv")
    text = b"".join(errors.streaming_content).decode()
    assert '"nobody";"5125550101";"Invalid email' in text
    ids = b"".join(api.get(f"/api/v1/imports/{told['id']}/accepted", **OPS).streaming_content)
    assert Lead.objects.get(status="working").id in ids.decode()
    taken = Event.objects.filter(type="import.downloaded")
    assert {(e.data["by"], e.entity_id) for e in taken} == {("olga", told["id"])}


def test_it_takes_a_form(api):
    file = SimpleUploadedFile("leads.csv", FILE, "text/csv")
    mapping = json.dumps({"Phone": ""})
    form = {"file": file, "source": "web-form-a", "test": "true", "mapping": mapping, "rate": "7"}
    told = api.post(URL, form, **OPS).json()
    assert (told["filename"], told["test"], told["rate"]) == ("leads.csv", True, 7)
    assert [column["to"] for column in told["columns"]] == ["email", ""]


def test_it_only_keeps_it_when_asked_to_and_starts_it_later(api):
    told = send(api, query="&start=false").json()
    assert told["state"] == "draft"
    assert api.post(f"/api/v1/imports/{told['id']}/resume", **OPS).json()["state"] == "queued"
    assert api.post(f"/api/v1/imports/{told['id']}/pause", **OPS).json()["state"] == "paused"
    assert api.post(f"/api/v1/imports/{told['id']}/resume", **OPS).json()["state"] == "queued"
    assert api.post(f"/api/v1/imports/{told['id']}/cancel", **OPS).json()["state"] == "cancelled"
    tasks.lead_import(told["id"])
    assert not Lead.objects.exists()


def test_the_same_file_is_taken_twice_only_when_told_to(api):
    first = send(api).json()
    again = send(api)
    assert again.status_code == 409
    assert first["id"] in again.json()["error"]["message"]
    assert LeadImport.objects.count() == 1
    assert send(api, query="&again=true").status_code == 202


@pytest.mark.parametrize(
    ("data", "query", "field", "said"),
    [
        (b"", "", "file", "A CSV file"),
        (b"\x89PNG\r\n\0\0", "", "file", "no text file"),
        (b"email\n", "", "file", "no lead below"),
        (b"phone\n5125550100\n", "", "mapping", "email is required"),
        (FILE, "&mapping=[]", "mapping", "An object"),
        (FILE, '&mapping={"nope":"email"}', "mapping", "no column 'nope'"),
        (FILE, '&mapping={"Phone":"nope"}', "file", "no field 'nope'"),
        (FILE, "&rate=0", "rate", "from 1 to"),
        (FILE, "&test=maybe", "test", "true or false"),
        (FILE, "&source=other", "source", "may send to"),
    ],
)
def test_it_says_what_is_wrong_and_keeps_nothing(api, data, query, field, said):
    answer = send(api, data, query=query)
    assert answer.status_code == 422, answer.json()
    assert said in answer.json()["error"]["fields"][field]
    assert not LeadImport.objects.exists()


def test_too_large_a_file_is_refused_before_it_is_read(api, monkeypatch):
    monkeypatch.setattr(taking, "MOST_BYTES", 1000)
    answer = api.post(f"{URL}?source=web-form-a", b"x" * 70_000, content_type="text/csv", **OPS)
    assert answer.status_code == 413


def test_it_wants_a_file_a_flow_and_a_type_it_knows(api):
    assert api.post(URL, {"source": "web-form-a"}, **OPS).status_code == 422
    wrong = api.post(URL, {}, content_type="application/json", **OPS)
    assert wrong.status_code == 415
    gone = api.post("/api/v1/flows/nope/imports", FILE, content_type="text/csv", **OPS)
    assert gone.status_code == 404
    assert api.get("/api/v1/imports/nope", **OPS).status_code == 404


@pytest.mark.parametrize("who", [AUDITOR, MANAGER, SOURCE, PARTNER])
def test_only_ops_and_administrators_import(api, who):
    assert send(api, headers=who).status_code == 403
    id = send(api).json()["id"]
    for call in ("", "/errors", "/accepted"):
        assert api.get(f"/api/v1/imports/{id}{call}", **who).status_code == 403
    for call in ("cancel", "pause", "resume"):
        assert api.post(f"/api/v1/imports/{id}/{call}", **who).status_code == 403
    assert LeadImport.objects.get().state == "queued"


def test_latin_1_and_double_names_are_said(api):
    told = send(api, "email,name,name\na@example.com,José,x\n".encode("latin-1")).json()
    assert told["encoding"] == "Windows-1252 (Latin-1)"
    assert len(told["warnings"]) == 2
    assert "Line 2" in told["warnings"][0]


def test_a_paused_flow_pauses_the_import(api):
    id = send(api).json()["id"]
    flow = Flow.objects.get()
    flow.active = False
    flow.save()
    tasks.lead_import(id)
    seen = api.get(f"/api/v1/imports/{id}", **OPS).json()
    assert seen["state"] == "paused"
    assert "is paused" in seen["problem"]
