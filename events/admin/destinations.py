"""Destinations: where files go, and whether they get there."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db import models
from django.http import HttpRequest, HttpResponse
from unfold.forms import BaseDialogForm

from events.destinations.delivering import Undelivered
from events.destinations.kinds import KINDS
from events.destinations.places import place_of
from events.destinations.trying import send_test
from events.models import Destination, RecordSettings
from leadops.lib.admin import ConsoleAdmin, asked, button, choices, column, done, mono
from recipients.admin.options import Choice, OptionsField, OptionsForm


def kinds() -> list[Choice]:
    return [
        Choice(kind.name, kind.options, " ".join(filter(None, (kind.about, _secret(kind.secret)))))
        for kind in KINDS.values()
    ]


def _secret(text: str) -> str:
    return f"The secret: {text[0].lower()}{text[1:]}" if text else "It has no secret."


class DestinationForm(OptionsForm):
    """With what is wrong with a setting said beside it."""

    with_options: ClassVar = ("settings",)

    class Meta:
        model = Destination
        exclude: ClassVar[list[str]] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.show_options("settings", str(self.instance.kind))


@admin.register(Destination)
class DestinationAdmin(ConsoleAdmin):
    form = DestinationForm
    list_display = ("slug", "kind", "leads_to", "state", "last")
    list_filter = (choices("kind"), "active")
    list_filter_submit = True
    search_fields = ("slug",)
    search_help_text = "Slug"
    fieldsets = (
        (None, {"fields": (("slug", "active"), "kind", "settings", "secret")}),
        ("Condition", {"fields": (("last", "trouble"),)}),
    )
    readonly_fields = ("last", "trouble")
    actions_detail = ("send_test_file",)

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "settings":
            return OptionsField(
                kinds, by="kind", checks=db_field.validators, required=False, label="Settings"
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Bundles and the record's settings name it by its slug, which stays."""
        names = super().get_readonly_fields(request, obj)
        return names if obj is None else (*names, "slug")

    def in_use(self, obj: Any) -> str:
        if obj.slug in RecordSettings.current().heads_to:
            return f"Heads of the seals go to {obj.slug}: see The record"
        return ""

    @column(description="Leads to")
    def leads_to(self, destination: Destination) -> str:
        return mono(place_of(destination))

    @column(
        description="State",
        label={"Good": "success", "Untried": "warning", "Failing": "danger", "Off": ""},
    )
    def state(self, destination: Destination) -> str:
        if not destination.active:
            return "Off"
        if destination.failed_at:
            return "Failing"
        return "Good" if destination.delivered_at else "Untried"

    @column(description="Last file", ordering="delivered_at")
    def last(self, destination: Destination) -> str:
        moment = destination.delivered_at
        return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "None yet"

    @column(description="Failed last")
    def trouble(self, destination: Destination) -> str:
        if destination.failed_at is None:
            return "–"
        return f"{destination.failed_at:%Y-%m-%d %H:%M} UTC: {destination.failed_reason}"

    def has_send_test_file_permission(
        self, request: HttpRequest, object_id: str | None = None
    ) -> bool:
        return bool(self.has_change_permission(request))

    @button(
        description="Send a test file",
        icon="outgoing_mail",
        permissions=["send_test_file"],
        dialog=asked(
            "Send a test file",
            "A few words as leadops-test.txt, as the destination is saved now.",
            submit="Send it",
            form=BaseDialogForm,
        ),
    )
    def send_test_file(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        destination = self.get_object(request, unquote(object_id))
        if destination is None:
            return done()
        try:
            sent = send_test(destination, by=request.user.get_username())
        except Undelivered as error:
            messages.error(request, f"Not delivered. {error}")
        else:
            said = f" The answer: {sent.answer}" if sent.answer else ""
            messages.success(request, f"Delivered to {sent.where}.{said}")
        return done()
