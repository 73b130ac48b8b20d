"""Single feedback by every way and in every format: real servers on loopback, the real door."""

from __future__ import annotations

import csv
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from events import verify
from events.models import Destination, Event, Exchange, PassedFeedback
from events.passing import filing
from events.privacy import erasing, finding
from leadops.lib import webhooks
from recipients.models import Secret
from tests.events.passing.stage import SECRET, Receiver, Sold, run
from tests.objectstores import Store
from tests.recipients.transports.file_servers import PASSWORD, USER, file_server
from tests.recipients.transports.mail_servers import Mailbox, mail_server

pytestmark = pytest.mark.django_db(transaction=True)


def tell(sold: Sold, format: str, template: str = "", **changed: Any) -> None:
    """Have the source told one by one in that format."""
    source = sold.source
    source.feedback_format, source.feedback_template = format, template
    for name, value in changed.items():
        setattr(source, f"feedback_{name}", value)
    source.full_clean()
    source.save()


def place(sold: Sold, kind: str, settings: dict[str, Any], secret: str = "") -> Destination:
    """Where the source's feedback goes from now on."""
    made = Destination(slug="partner", kind=kind, settings=settings, secret=secret)
    made.full_clean()
    made.save()
    sold.source.feedback_url, sold.source.feedback_destination = "", made
    return made


def mailed(sold: Sold, mailbox: Mailbox) -> None:
    settings = {"to": "partner@example.com", "host": "127.0.0.1", "port": mailbox.port}
    place(sold, "email", {**settings, "security": "none"})


def sent() -> Event:
    return Event.objects.filter(type="feedback.sent").latest("id")


def kept(event: Event) -> Exchange:
    return Exchange.objects.get(id=event.exchange_id)


# --- posts


def test_a_post_of_another_format_is_signed_as_it_is(sold: Sold, receiver: Receiver) -> None:
    tell(sold, "xml")
    sold.say(value="1250.00")
    assert run() == 1
    ((headers, body),) = receiver.got
    webhooks.verify([SECRET], headers, body, now=time.time())
    assert headers["content-type"] == "application/xml; charset=utf-8"
    assert b"<kind>conversion</kind>" in body
    event = sent()
    said = {name: event.data[name] for name in ("method", "format", "rows", "kind", "attempts")}
    assert said == {
        "method": "webhook", "format": "xml", "rows": 1, "kind": "conversion", "attempts": 1,
    }  # fmt: skip
    assert event.data["place"] == receiver.url.partition("?")[0]
    assert event.data["feedback_id"].startswith("fbk_")
    assert event.data["source"]["slug"] == sold.source.slug
    assert (event.lead_id, event.entity_id) == (sold.lead_id, sold.source.id)
    assert (kept(event).request_body, kept(event).status) == (body.decode(), 200)


def test_a_workbook_is_recorded_as_people_read_it(sold: Sold, receiver: Receiver) -> None:
    tell(sold, "xlsx")
    sold.say(value="99.50")
    assert run() == 1
    ((_, body),) = receiver.got
    assert zipfile.is_zipfile(io.BytesIO(body))
    (row,) = csv.DictReader(io.StringIO(kept(sent()).request_body))
    assert (row["kind"], row["value"], row["fields.state"]) == ("conversion", "99.50", "TX")


def test_its_own_template_reads_plain_values_alone(sold: Sold, receiver: Receiver) -> None:
    Secret.objects.create(name="PARTNER_TOKEN", value="t0ken-of-partner")
    template = "id: {{lead.id}}\nstate: {{lead.state}}\nmail: {{lead.email}}\nkey: ${PARTNER_TOKEN}"
    tell(sold, "json", template, fields=[])
    sold.say()
    assert run() == 1
    ((_, body),) = receiver.got
    assert json.loads(body) == {"id": sold.lead_id, "state": "TX", "key": "t0ken-of-partner"}
    assert "t0ken-of-partner" not in kept(sent()).request_body
    assert not verify.passed_on().problems


def test_of_an_erased_lead_a_template_reads_its_id_alone(sold: Sold, receiver: Receiver) -> None:
    tell(sold, "text", "{{lead.id}}|{{lead.state}}|{{feedback.value}}|{{feedback.kind}}")
    sold.say(value="1250.00")
    erasing.erase(finding.person("email", "ann@example.com"), by="ada", reason="Asked by mail")
    assert run() == 1
    ((_, body),) = receiver.got
    assert body.decode() == f"{sold.lead_id}|||conversion"
    assert sent().exchange_id == ""


def test_a_template_that_cannot_be_used_waits_until_it_is_mended(
    sold: Sold, receiver: Receiver
) -> None:
    type(sold.source).objects.update(feedback_template="key: ${NOWHERE_TO_BE_FOUND}")
    sold.say()
    assert run() == 0
    row = PassedFeedback.objects.get()
    assert row.state == "waiting"
    assert "NOWHERE_TO_BE_FOUND" in row.error
    type(sold.source).objects.update(feedback_template="")
    assert run() == 1


# --- files, at once


def test_a_text_goes_as_a_mail_of_its_own(sold: Sold) -> None:
    with mail_server() as mailbox:
        mailed(sold, mailbox)
        tell(sold, "text", "Dear partner,\n{{lead.id}} is a {{feedback.kind}}.\n")
        sold.say()
        mailbox.answer = "451 4.3.0 Try again"
        assert run() == 0
        mailbox.answer = "250 2.0.0 Ok: queued as 4AbC"
        assert run() == 1
    (message,) = mailbox.messages
    assert message["Subject"] == f"Conversion of {sold.lead_id}"
    assert not list(message.iter_attachments())
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().splitlines()[:2] == [
        "Dear partner,",
        f"{sold.lead_id} is a conversion.",
    ]
    event = sent()
    assert (event.data["method"], event.data["place"]) == ("email", "partner@example.com")
    assert (event.data["destination"], event.data["attempts"]) == ("partner", 2)
    assert "is a conversion" in kept(event).request_body
    assert "queued as" in kept(event).reply_body
    assert sold.types() == ["received", "processed", "sent"]
    assert not verify.passed_on().problems


def test_data_goes_as_an_attachment(sold: Sold) -> None:
    with mail_server() as mailbox:
        mailed(sold, mailbox)
        tell(sold, "json")
        sold.say()
        sold.say("return", reason="Wrong number")
        assert run() == 2
    names = []
    for message in mailbox.messages:
        (attachment,) = message.iter_attachments()
        names.append(attachment.get_filename())
        assert json.loads(attachment.get_content())["data"]["lead_id"] == sold.lead_id
    ids = PassedFeedback.objects.values_list("id", flat=True)
    assert sorted(names) == sorted(f"feedback-{sold.source.slug}-{id}.json" for id in ids)


def test_each_is_a_file_on_a_server(sold: Sold, tmp_path: Path) -> None:
    with file_server(tmp_path) as server:
        url = f"sftp://127.0.0.1:{server.port}/"
        settings = {"url": url, "host_key": server.host_key.public, "username": USER}
        place(sold, "sftp", settings, PASSWORD)
        tell(sold, "csv")
        for key in range(6):  # more than go at once
            sold.say(key=f"K-{key}")
        assert run() == 6
    files = sorted(tmp_path.glob("feedback-*.csv"))
    assert len(files) == 6
    event = sent()
    assert (event.data["method"], event.data["rows"]) == ("sftp", 1)
    assert event.data["place"].endswith(event.data["file"])
    assert PASSWORD not in kept(event).url


def test_each_is_an_object_in_a_store(sold: Sold, store: Store) -> None:
    place(sold, "object_store", store.settings(prefix="feedback/"), store.secret)
    tell(sold, "xml")
    sold.say()
    assert run() == 1
    event = sent()
    found = store.read(event.data["place"].removeprefix("s3://acme-leads/"))
    assert b"<type>feedback.conversion</type>" in found["Body"]
    assert kept(event).method == "PUT"


def test_an_api_gets_it_with_its_own_headers_and_refuses_one_alone(
    sold: Sold, receiver: Receiver
) -> None:
    Secret.objects.create(name="API_KEY", value="k3y-of-the-api")
    settings = {"url": receiver.url, "headers": {"X-Api-Key": "${API_KEY}"}}
    place(sold, "http", settings)
    tell(sold, "json", "lead: {{lead.id}}")
    receiver.status = 422
    sold.say()
    assert run() == 0
    assert PassedFeedback.objects.get().error.startswith("Server answers 422")
    assert sold.source.feedback_line.failures == 0, "the next may well be taken"
    receiver.status = 200
    assert run() == 1
    first, second = receiver.got
    assert second[0]["x-api-key"] == "k3y-of-the-api"
    assert first[0]["idempotency-key"] == second[0]["idempotency-key"]
    assert json.loads(second[1]) == {"lead": sold.lead_id}


def test_it_never_stands_still_on_a_file_that_is_refused(sold: Sold) -> None:
    made = place(sold, "file", {"folder": "feedback"})
    tell(sold, "json")
    Destination.objects.filter(pk=made.pk).update(active=False)
    sold.say()
    assert run() == 0
    assert "switched off" in PassedFeedback.objects.get().error
    Destination.objects.filter(pk=made.pk).update(active=True)
    assert run() == 1
    assert filing.METHODS[made.kind] == kept(sent()).method


# --- settings


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"template": "a: {{feedback.kidn}}"}, "line 1, column 6"),
        ({"format": "text"}, "Write the text"),
        ({"format": "xml", "template": '"1st": {{lead.id}}'}, "not an XML name"),
        ({"timezone": "Mars/Base"}, "is no time zone"),
        ({"xml_root": "a b"}, "cannot name an XML element"),
    ],
)
def test_it_cannot_be_saved_wrong(sold: Sold, changed: dict[str, str], said: str) -> None:
    for name, value in changed.items():
        setattr(sold.source, f"feedback_{name}", value)
    with pytest.raises(ValidationError, match=said):
        sold.source.full_clean()


def test_a_source_has_one_way(sold: Sold, receiver: Receiver) -> None:
    place(sold, "file", {"folder": "feedback"})
    sold.source.feedback_url = receiver.url
    with pytest.raises(ValidationError, match="clear one"):
        sold.source.full_clean()
