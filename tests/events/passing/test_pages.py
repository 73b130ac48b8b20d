"""Passing on, seen and steered in the console."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from events.models import Destination, Event, FeedbackLine, PassedFeedback
from flows.models import Source
from leadops.accounts.roles import Role
from tests.events.passing.stage import Receiver, Sold, run
from tests.factories import make_user
from tests.pages import errors_of, page_of, sign_in, submit, text_of

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/events/passedfeedback/"
SUBMITTED = {"_form_submitted": "True"}


def test_the_source_page_says_how_it_stands_and_steers(sold: Sold, receiver: Receiver) -> None:
    ops = sign_in(make_user("olga"))
    url = page_of(sold.source)
    saved = submit(ops, url, feedback_kinds="[return, quality]")
    assert saved.status_code == 302, errors_of(saved)
    assert "None yet" in text_of(ops.get(url))
    ops.post(url.replace("/change/", "/test_feedback/"), SUBMITTED)
    ((_, test),) = receiver.messages()
    assert (test["type"], test["data"]["test"]) == ("feedback.test", True)
    ops.post(url.replace("/change/", "/pause_feedback/"), {**SUBMITTED, "reason": "Moving"})
    sold.say("return")
    run()
    shown = text_of(ops.get(url))
    assert "Moving" in shown
    assert "1 waiting, 0 failed" in shown
    ops.post(url.replace("/change/", "/resume_feedback/"), {**SUBMITTED, "reason": "Moved"})
    assert run() == 1
    assert "1 in all" in text_of(ops.get(url))
    paused = Event.objects.get(type="feedback.paused")
    assert (paused.reason, paused.data["by"]) == ("Moving", "olga")


def test_what_failed_is_listed_and_sent_again(sold: Sold, receiver: Receiver) -> None:
    receiver.status = 410
    sold.say()
    run()
    row = PassedFeedback.objects.get()
    auditor, ops = (
        sign_in(make_user(n, role=r)) for n, r in (("ann", Role.AUDITOR), ("olga", Role.OPS))
    )
    assert "Answered 410" in text_of(auditor.get(LIST))
    chosen = {"action": "send_all_again", "_selected_action": [row.id]}
    auditor.post(LIST, chosen)
    assert PassedFeedback.objects.get().state == "failed"
    page = f"{LIST}{row.id.replace('_', '_5F')}/change/"
    assert "Answered 410" in text_of(auditor.get(page))
    ops.post(LIST, chosen)
    assert PassedFeedback.objects.get().state == "waiting"
    FeedbackLine.objects.update(paused_at=None)
    run()
    ops.post(page.replace("/change/", "/send_again/"), SUBMITTED)
    assert PassedFeedback.objects.get().state == "waiting"
    assert ops.get(f"{LIST}?source__id__exact={sold.source.id}&state=waiting").status_code == 200


def test_the_preview_is_of_what_the_form_holds_and_for_who_may_change_it(sold: Sold) -> None:
    sold.say(value="1250.00")
    ops = sign_in(make_user("olga"))
    auditor = sign_in(make_user("ann", role=Role.AUDITOR))
    saved = text_of(auditor.get(page_of(sold.source)))
    assert "feedback.conversion" in saved
    url = f"/admin/flows/source/feedback-preview/?source={sold.source.pk}"
    given = {
        "feedback_kinds": "[conversion]",
        "feedback_mode": "summary",
        "feedback_format": "csv",
        "feedback_template": "lead: {{lead.id}}\nsub: {{lead.sub_id}}",
    }
    shown = text_of(ops.post(url, given))
    assert f'"lead","sub" "{sold.lead_id}",""' in shown
    assert "Destination: Summaries need a destination." in shown
    assert "lead.sub_id" in shown
    made_up = ops.post(url.partition("?")[0], {**given, "feedback_format": "json"})
    assert "Made up" in text_of(made_up)
    assert auditor.post(url, given).status_code == 403
    assert auditor.post(url.partition("?")[0], given).status_code == 403
    assert ops.post(f"{url}x", given).status_code == 404
    assert ops.get(url).status_code == 404
    assert Source.objects.get().feedback_template == ""


def test_a_test_goes_the_way_that_is_saved(sold: Sold, settings: Any, tmp_path: Path) -> None:
    settings.LEADOPS_HOME = tmp_path
    place = Destination.objects.create(slug="out", kind="file", settings={"folder": "feedback"})
    template = "{{feedback.kind}} {{source.slug}}"
    Source.objects.update(
        feedback_url="",
        feedback_destination=place,
        feedback_format="text",
        feedback_template=template,
    )
    ops = sign_in(make_user("olga"))
    ops.post(page_of(sold.source).replace("/change/", "/test_feedback/"), SUBMITTED)
    (file,) = (tmp_path / "outbox" / "feedback").iterdir()
    assert file.name.startswith(f"feedback-{sold.source.slug}-test-pfb_")
    assert file.read_text() == f"test {sold.source.slug}"
