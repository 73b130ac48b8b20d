"""On a source's page: how passing feedback on to it stands, and what can be done about it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.forms import BaseDialogForm

from events.models import FeedbackLine, PassedFeedback
from events.passing import posting, steering, summaries
from events.pushing.sending import Refusal
from flows.admin import previews
from flows.models import Source
from leadops.lib import ids
from leadops.lib.admin import Pausable, asked, button, column, done, pause_button, resume_button
from leadops.lib.http import Door

MOST_COUNTED = 1_000
LINK = "text-primary-600 dark:text-primary-500"
FIELDSET = (
    "Feedback passed on",
    {
        "description": "What buyers say later of its leads: its own lead id, what was said and "
        "when; never who bought, for how much, or anything personal.",
        "fields": (
            ("feedback_kinds", "feedback_mode"),
            ("feedback_url", "feedback_secret"),
            ("feedback_destination", "feedback_every"),
            ("feedback_at", "feedback_timezone"),
            ("feedback_include", "feedback_fields"),
            ("feedback_format", "feedback_xml_root"),
            "feedback_template",
            "passing_preview",
            ("passing_state", "passing_waits"),
            ("passing_last", "passing_trouble"),
        ),
    },
)
CONDITION = (
    "passing_preview",
    "passing_state",
    "passing_waits",
    "passing_last",
    "passing_trouble",
)
ACTIONS = ("pause_feedback", "resume_feedback", "test_feedback")


class PassingMixin(Pausable, previews.PreviewMixin):
    """Adds the condition, and the buttons for whoever may change the source."""

    def is_paused(self, id: str) -> bool | None:
        """None: it is neither paused nor passed anything."""
        if FeedbackLine.objects.filter(pk=id, paused_at__isnull=False).exists():
            return True
        source = Source.objects.filter(pk=id).first()
        return False if source is not None and _wants(source) else None

    def has_test_feedback_permission(
        self, request: HttpRequest, object_id: str | None = None
    ) -> bool:
        return self._passes(request, object_id)

    def _passes(self, request: HttpRequest, object_id: str | None) -> bool:
        if not self.has_change_permission(request):
            return False
        if not object_id:
            return True
        source = Source.objects.filter(pk=unquote(object_id)).first()
        return source is not None and _wants(source)

    @column(
        description="State",
        label={"Good": "success", "New": "info", "Failing": "danger", "Paused": "warning"},
    )
    def passing_state(self, source: Source) -> str:
        line = _line(source)
        if line is not None and line.paused_at:
            return "Paused"
        if not _wants(source):
            return "Off"
        if line is not None and line.failing_since:
            return "Failing"
        return "Good" if line is not None and line.delivered_at else "New"

    @column(description="Waiting")
    def passing_waits(self, source: Source) -> SafeString | str:
        rows = PassedFeedback.objects.filter(source=source)
        waiting = rows.filter(state="waiting")[:MOST_COUNTED].count()
        failed = rows.filter(state="failed")[:MOST_COUNTED].count()
        if not source.pk:
            return "–"
        given = urlencode({"source__id__exact": source.pk})
        link = f"{reverse('admin:events_passedfeedback_changelist')}?{given}"
        return format_html(
            '{} waiting, {} failed: <a class="{}" href="{}">all</a>', waiting, failed, LINK, link
        )

    @column(description="Last passed on")
    def passing_last(self, source: Source) -> str:
        line = _line(source)
        if line is None or line.delivered_at is None:
            return "None yet"
        return f"{line.delivered_at:%Y-%m-%d %H:%M:%S} UTC, {line.delivered:,} in all"

    @column(description="Trouble")
    def passing_trouble(self, source: Source) -> str:
        line = _line(source)
        if line is None:
            return "–"
        if line.paused_at:
            return f"Paused {line.paused_at:%Y-%m-%d %H:%M} UTC: {line.paused_reason}"
        if line.failed_at:
            over = "" if line.failing_since else ", over since" if line.delivered_at else ""
            return f"{line.failed_at:%Y-%m-%d %H:%M:%S} UTC{over}: {line.failed_reason}"
        return "–"

    @pause_button(
        "Pass nothing on for now",
        "What buyers say waits until somebody resumes it.",
        label="Pause feedback",
    )
    def pause_feedback(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        source, reason = _one(object_id), form.cleaned_data["reason"]
        steering.pause(source, reason=reason, by=request.user.get_username())
        messages.success(request, f"Paused. What is said of {source}’s leads waits.")
        return done()

    @resume_button("Pass feedback on again", "Also what has waited.", label="Resume feedback")
    def resume_feedback(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        source, reason = _one(object_id), form.cleaned_data["reason"]
        steering.resume(source, reason=reason, by=request.user.get_username())
        messages.success(request, f"Resumed. What has waited is on its way to {source}.")
        return done()

    @button(
        description="Test feedback",
        icon="send",
        permissions=["test_feedback"],
        dialog=asked(
            "Send a test",
            "A message or a file about no lead that says it is a test, as the source is saved now.",
            submit="Send",
            form=BaseDialogForm,
        ),
    )
    def test_feedback(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        source = _one(object_id)
        refusal = _test(source)
        if refusal is None:
            messages.success(request, f"{source} took the test.")
        else:
            messages.error(request, f"{source} did not take it: {refusal.reason}")
        return done()


def _test(source: Source) -> Refusal | None:
    summary = source.feedback_mode == Source.FeedbackMode.SUMMARY
    if summary or not source.feedback_url:
        id = ids.new_id("fbs" if summary else "pfb")
        return summaries.send_test(source, id=id, now=timezone.now())
    door = Door(private_networks=settings.LEADOPS_PRIVATE_NETWORKS, pool_size=1)
    try:
        return posting.send_test(source, door, id=ids.new_id("pfb"), now=timezone.now())
    finally:
        door.close()


def _one(object_id: str) -> Source:
    return Source.objects.select_related("feedback_destination").get(pk=unquote(object_id))


def _line(source: Source) -> FeedbackLine | None:
    return FeedbackLine.objects.filter(pk=source.pk).first() if source.pk else None


def _wants(source: Source) -> bool:
    summaries = source.feedback_mode == Source.FeedbackMode.SUMMARY
    somewhere = summaries or source.feedback_url or source.feedback_destination_id
    return bool(source.feedback_kinds and somewhere)
