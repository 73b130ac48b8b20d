"""Passing on, seen and steered in the console."""

from __future__ import annotations

import pytest

from events.models import Event, FeedbackLine, PassedFeedback
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
