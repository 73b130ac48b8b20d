"""A file of leads from its flow to its end: chosen, mapped, started, watched."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from flows import tasks
from flows.models import LeadImport
from leadops.lib import queue
from tests.browser.conftest import pictures, sign_in
from tests.factories import make_flow, make_recipient, make_source, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ROWS = [
    "E-Mail;Mobile;Given name;Last Name;St;Score;Remarks",
    "ann@example.com;(512) 555-0100;Ann;Ames;tx;1e3;called twice",
    "bob@nowhere;5125550101;Bob;Byrd;CA;85;",
    "cy@example.com;12;Cy;Clay;ZZ;many;",
    'dee@example.com;5125550103;"Dee;Lou";Day;FL;70;',
    "only;two",
    *(f"lead{n}@example.com;512555{n:04};Lea;Li;TX;{n};" for n in range(200, 240)),
]


def test_a_file_is_mapped_tried_and_taken_in(
    page: Page, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "enqueue", lambda *_, **__: None)
    make_user("olga")
    flow = make_flow(make_source(), make_recipient())
    flow.duplicate_match, flow.duplicate_within = [["email"]], 2592000.0
    flow.save()
    sign_in(page, live_server, "olga")

    page.goto(f"/admin/flows/flow/{flow.pk}/change/")
    link = page.get_by_role("link", name="Import, watch", include_hidden=True).first
    page.goto(link.get_attribute("href") or "")
    data = "\r\n".join(ROWS).encode()
    page.set_input_files(
        "[name=file]", {"name": "leads.csv", "mimeType": "text/csv", "buffer": data}
    )
    pictures(page, "import-choose")
    page.get_by_role("button", name="Upload and look at it").click()

    expect(page.locator("#verdict")).to_contain_text("would be accepted")
    expect(page.locator("#preview")).to_contain_text("It has 2 values where there are 7 columns")
    state = page.get_by_label("St goes to")
    before = state.input_value()
    state.select_option("" if before else "state")
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_label("St goes to")).to_have_value("" if before else "state")
    page.get_by_label("St goes to").select_option("state")
    page.get_by_role("button", name="Look again").click()
    expect(page.locator("#preview")).to_contain_text("is not a state")
    pictures(page, "import-preview")

    page.get_by_role("button", name="Start").click()
    expect(page.locator("#progress")).to_contain_text("0 of 45 rows")
    made = LeadImport.objects.get()
    pictures(page, "import-queued")
    LeadImport.objects.update(rate=500)
    tasks.lead_import(made.id)
    expect(page.locator("#progress")).to_contain_text("45 of 45 rows")  # it looks again by itself
    expect(page.locator("#accepted")).to_have_text("43")
    with page.expect_download() as download:
        page.get_by_role("link", name="File of rejected rows").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    assert text.splitlines()[0].endswith('"leadops_reason";"leadops_line"')
    assert "bob@nowhere" in text
    pictures(page, "import-done")
    page.goto("/imports/")
    pictures(page, "imports")
