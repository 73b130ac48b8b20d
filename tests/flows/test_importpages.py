"""The pages of imports: a file sent, looked at, started, watched, taken away; and who may."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from events.models import Lead
from flows import plans, tasks
from flows.importing import taking
from flows.models import Flow, FlowSource, LeadImport
from leadops.lib import queue
from tests.factories import make_flow, make_recipient, make_source, make_user, post_lead
from tests.pages import page_of, sign_in, text_of

pytestmark = pytest.mark.django_db

FILE = b"mail,Phone,Social Security Number,Notes\n"
FILE += b"ann@example.com,5125550100,078-05-1120,x\nnobody,12,,y\nann@example.com,,,z\none,two\n"


@pytest.fixture
def flow() -> Flow:
    return make_flow(make_source(), make_recipient())


@pytest.fixture
def olga(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(queue, "enqueue", lambda *_, **__: None)
    return sign_in(make_user("olga"))


def send(client: Client, data: bytes = FILE, **form: Any) -> Any:
    file = SimpleUploadedFile("leads.csv", data, "text/csv")
    form = {"file": file, "terms": "auto-insurance/web-form-a", "rate": "500", **form}
    return client.post("/imports/upload/", form, follow=True)


def act(client: Client, do: str, **form: Any) -> str:
    job = LeadImport.objects.latest("created_at")
    form = {"to": job.targets, "do": do, **form}
    return text_of(client.post(f"/imports/{job.id}/", form, follow=True))


def test_a_source_of_a_flow_leads_there(olga, flow):
    page = olga.get(page_of(flow)).content.decode()
    link = "/imports/?flow=auto-insurance&amp;source=web-form-a"
    assert link in page
    form = olga.get(link.replace("&amp;", "&")).content.decode()
    assert 'value="auto-insurance/web-form-a" selected' in form


def test_a_flow_has_a_button_that_leads_there(olga, flow):
    button = re.compile(r'href="([^"]*/import_leads/)"')
    (url,) = set(button.findall(olga.get(page_of(flow)).content.decode()))
    page = olga.get(url, follow=True)
    assert 'value="auto-insurance/web-form-a" selected' in page.content.decode()
    auditor = sign_in(make_user("aud", role="auditor"))
    assert not button.search(auditor.get(page_of(flow)).content.decode())


def test_it_shows_every_value_with_what_is_wrong(olga):
    shown = text_of(send(olga))
    assert "4 rows, 4 columns" in shown
    assert "UTF-8, commas; the first line names the columns" in shown
    assert "2 would be accepted" in shown
    assert "Invalid email: " in shown
    assert "It has 2 values where there are 4 columns" in shown
    assert "Up to 60.00 USD: 4 rows at 15.00" in shown
    assert "078-05-1120" not in shown
    assert "The flow looks for none" in shown
    assert not Lead.objects.exists()


def test_it_sees_duplicates_in_the_file_and_before_it(olga, flow):
    flow.duplicate_match, flow.duplicate_within = [["email"]], 3600.0
    flow.save()
    assert "1 of the first 4 repeat" in text_of(send(olga))
    post_lead(flow, FlowSource.objects.get().source, email="ann@example.com")
    shown = act(olga, "look")
    assert "2 of the first 4 repeat" in shown
    assert "Duplicate: Previously submitted" in shown


def test_columns_are_mapped_anew_then_it_starts(olga):
    send(olga)
    shown = act(olga, "look", to=["", "phone_1", "ssn", "Notes"])
    assert "email is required, and no column goes to it." in shown
    assert "email is required" in act(olga, "start")
    assert LeadImport.objects.get().state == "draft"
    shown = act(olga, "start", to=["email", "phone_1", "ssn", "Notes"])
    assert "0 of 4 rows" in shown
    job = LeadImport.objects.get()
    tasks.lead_import(job.id)
    shown = text_of(olga.get(f"/imports/{job.id}/"))
    assert "4 of 4 rows" in shown
    assert "Accepted2" in shown
    file = b"".join(olga.get(f"/imports/{job.id}/errors.csv").streaming_content).decode()
    assert file.count("\r\n") == 3
    ids = b"".join(olga.get(f"/imports/{job.id}/accepted.csv").streaming_content).decode()
    assert ids.count("lead_") == 3  # with the head
    assert "leads.csv" in text_of(olga.get("/imports/?flow=auto-insurance"))


def test_it_pauses_goes_on_changes_its_pace_and_is_cancelled(olga):
    send(olga)
    act(olga, "start")
    assert "Paused" in act(olga, "pause")
    assert "It goes on." in act(olga, "resume")
    assert "7 rows a second from now on." in act(olga, "rate", rate="7")
    assert "Cancelled." in act(olga, "cancel")
    assert "It had ended already." in act(olga, "cancel")


def test_a_file_can_be_discarded_before_it_starts(olga):
    send(olga)
    assert "Discarded the file." in act(olga, "discard")
    assert not LeadImport.objects.exists()


def test_the_same_file_is_imported_again_only_when_ticked(olga):
    send(olga)
    act(olga, "start")
    assert "This very file was imported on" in text_of(send(olga))
    assert "Tick that you want it again." in act(olga, "start")
    assert "0 of 4 rows" in act(olga, "start", again="1")


@pytest.mark.parametrize(
    ("data", "form", "said"),
    [
        (b"\x89PNG\r\n\0\0", {}, "This is no text file."),
        (b"mail\n", {}, "no lead below"),
        (FILE, {"terms": "auto-insurance/nope"}, "Choose a flow"),
        (FILE, {"terms": ""}, "Choose a flow"),
    ],
)
def test_it_says_why_it_does_not_take_a_file(olga, data, form, said):
    assert said in text_of(send(olga, data, **form))
    assert not LeadImport.objects.exists()


def test_latin_1_is_said(olga):
    shown = text_of(send(olga, "mail,first_name\na@example.com,José\n".encode("latin-1")))
    assert "line 2 is the first that is not" in shown
    assert "José" in shown


def test_card_numbers_are_not_shown(olga):
    shown = text_of(send(olga, b"mail,first_name\na@example.com,4111 1111 1111 1111\n"))
    assert "4111" not in shown
    assert "Card numbers are refused" in shown


def test_too_large_a_file_is_refused_before_it_is_read(olga, monkeypatch):
    monkeypatch.setattr(taking, "MOST_BYTES", 1024 * 1024)
    assert "A file has at most 1 MB." in text_of(send(olga, b"5" * 2_000_000))


def test_a_file_needs_the_token_of_a_form(flow):
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("olga"))
    assert send(client).status_code == 403
    assert not LeadImport.objects.exists()


def test_auditors_see_how_it_went_and_account_managers_nothing(olga):
    send(olga)
    job = LeadImport.objects.get()
    auditor = sign_in(make_user("aud", role="auditor"))
    manager = sign_in(make_user("dana", role="account_manager"))
    assert auditor.get(f"/imports/{job.id}/").status_code == 403  # the preview shows people's data
    act(olga, "start")
    assert "0 of 4 rows" in text_of(auditor.get(f"/imports/{job.id}/"))
    assert auditor.get(f"/imports/{job.id}/errors.csv").status_code == 403
    assert auditor.post(f"/imports/{job.id}/", {"do": "cancel"}).status_code == 403
    assert send(auditor).status_code == 403
    for url in ("/imports/", f"/imports/{job.id}/", f"/imports/{job.id}/errors.csv"):
        assert manager.get(url).status_code == 403
    assert Client().get("/imports/").status_code == 302


def test_a_flow_that_is_gone_from_the_plans_cannot_be_previewed(olga, flow):
    send(olga)
    FlowSource.objects.all().delete()
    plans.changed()
    shown = text_of(olga.get(f"/imports/{LeadImport.objects.get().id}/"))
    assert "The flow cannot be used now." in shown
