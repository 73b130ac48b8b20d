"""Feedback passed on to sources, one by one: what waits, what failed, and sending it again."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm

from events.models import PassedFeedback
from events.passing import steering
from leadops.lib.admin import ConsoleAdmin, asked, button, choices, column, done, mono

LINK = "text-primary-600 dark:text-primary-500"
MOST = 1_000  # sent again in one go


@admin.register(PassedFeedback)
class PassedFeedbackAdmin(ConsoleAdmin):
    """Written by workers. Whoever may change sources may have what failed sent again."""

    list_display = ("said_at", "source", "kind", "lead", "shown_state", "tries", "why")
    list_filter = (choices("state"), ("source", RelatedDropdownFilter))
    list_filter_submit = True
    list_select_related = ("source", "feedback")
    search_fields = ("=id", "=feedback__lead__id", "=feedback__id")
    search_help_text = "Id of the message, the lead or the feedback"
    ordering = ("-id",)
    sortable_by = ()
    actions: ClassVar = ["send_all_again"]
    actions_detail: ClassVar = ("send_again",)
    fieldsets = (
        (None, {"fields": (("said_at", "source"), ("kind", "lead"), "message")}),
        (
            "Condition",
            {"fields": (("shown_state", "tries"), ("due", "settled"), "why", "batch")},
        ),
    )
    readonly_fields = ("said_at", "kind", "lead", "message", "shown_state", "due", "settled", "why")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets

    def get_actions(self, request: HttpRequest) -> Any:
        """Nobody changes them by hand, and yet there is something to do."""
        return super(ConsoleAdmin, self).get_actions(request) if self._steers(request) else {}

    def has_again_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        if not self._steers(request):
            return False
        failed = PassedFeedback.objects.filter(state="failed")
        return not object_id or failed.filter(pk=unquote(object_id)).exists()

    @staticmethod
    def _steers(request: HttpRequest) -> bool:
        return bool(request.user.has_perm("flows.change_source"))

    @column(description="Said")
    def said_at(self, row: PassedFeedback) -> str:
        return f"{row.created_at:%Y-%m-%d %H:%M:%S}"

    @column(description="Kind")
    def kind(self, row: PassedFeedback) -> str:
        return str(row.feedback.kind)

    @column(description="Lead")
    def lead(self, row: PassedFeedback) -> SafeString:
        id = row.feedback.lead_id
        return format_html(
            '<a class="{}" href="{}">{}</a>', LINK, reverse("leads:lead", args=[id]), id
        )

    @column(description="Message")
    def message(self, row: PassedFeedback) -> SafeString | str:
        return mono(row.id)

    @column(
        description="State",
        label={"Sent": "success", "Waiting": "info", "Failing": "warning", "Failed": "danger"},
    )
    def shown_state(self, row: PassedFeedback) -> str:
        failing = row.state == PassedFeedback.State.WAITING and row.tries
        return "Failing" if failing else row.get_state_display().capitalize()

    @column(description="Why not")
    def why(self, row: PassedFeedback) -> str:
        return row.error or "–"

    @column(description="Tried again at")
    def due(self, row: PassedFeedback) -> str:
        waits = row.state == PassedFeedback.State.WAITING
        return f"{row.due_at:%Y-%m-%d %H:%M:%S} UTC, or later" if waits else "–"

    @column(description="Ended")
    def settled(self, row: PassedFeedback) -> str:
        return f"{row.settled_at:%Y-%m-%d %H:%M:%S} UTC" if row.settled_at else "–"

    @admin.action(description="Send again what failed", permissions=["again"])
    def send_all_again(self, request: HttpRequest, queryset: QuerySet[PassedFeedback]) -> None:
        ids = list(queryset.order_by().values_list("id", flat=True)[:MOST])
        _tell(request, steering.send_again(ids, by=_by(request)))

    @button(
        description="Send again",
        icon="replay",
        permissions=["again"],
        variant=ActionVariant.PRIMARY,
        dialog=asked(
            "Send this again",
            "Under the same message id, for another day at most.",
            submit="Send again",
            form=BaseDialogForm,
        ),
    )
    def send_again(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        _tell(request, steering.send_again([unquote(object_id)], by=_by(request)))
        return done()


def _tell(request: HttpRequest, sent: int) -> None:
    if sent:
        messages.success(request, f"{sent} on the way again.")
    else:
        messages.warning(request, "None of these has failed.")


def _by(request: HttpRequest) -> str:
    user: Any = request.user
    return str(user.get_username())
