"""What flows add to a recipient's page: pausing and resuming, and the pages beside it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.forms import BaseDialogForm

from flows.admin.batches import BatchesMixin
from flows.admin.bids import BidsMixin
from flows.admin.breakers import BreakerMixin
from flows.admin.capacity import CapacityMixin
from flows.admin.mapping_page import MappingMixin
from flows.admin.specification import SpecificationMixin
from flows.admin.testcall import TestCallMixin
from flows.admin.versions import VersionsMixin
from flows.byhand import steering
from leadops.lib.admin import Pausable, button, done, pause_button, resume_button
from recipients.models import Recipient


@admin.register(Recipient)
class RecipientAdmin(
    BidsMixin,
    SpecificationMixin,
    VersionsMixin,
    MappingMixin,
    TestCallMixin,
    BatchesMixin,
    BreakerMixin,
    CapacityMixin,
    Pausable,
):
    actions = ("pause_selected", "resume_selected")
    actions_detail: ClassVar[tuple[Any, ...]] = (
        "test_call",
        {
            "title": "Mapping",
            "items": ["mapping_editor", "mapping_versions", "from_sample", "cases"],
        },
        {"title": "Breakers", "items": ["open_breaker", "close_breaker"]},
        {"title": "More", "items": ["send_batch", "specification", "fields_told", "past"]},
        "pause",
        "resume",
    )
    actions_detail_hide_default = True  # its history is one of "More"

    @button(description="What it gets", icon="checklist", permissions=["view"])
    def fields_told(self, request: HttpRequest, object_id: str) -> HttpResponse:
        recipient = self.get_object(request, unquote(object_id))
        if recipient is None:
            raise Http404("There is no such recipient.")
        return HttpResponseRedirect(reverse("privacy:recipient", args=[recipient.slug]))

    @button(description="History", icon="history", permissions=["view"])
    def past(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:recipients_recipient_history", args=[object_id]))

    def is_paused(self, id: str) -> bool | None:
        """It, or one of its endpoints."""
        found = Recipient.objects.filter(pk=id).prefetch_related("endpoints").first()
        return None if found is None else _is_held(found)

    @pause_button(
        "Pause this recipient", "New leads pass it by; deliveries tried before wait for it."
    )
    def pause(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        recipient = Recipient.objects.get(pk=unquote(object_id))
        steering.pause_recipient(
            recipient, by=request.user.get_username(), reason=form.cleaned_data["reason"]
        )
        messages.success(request, f"Paused {recipient}. New leads pass it by.")
        return done()

    @resume_button(
        "Resume this recipient",
        "It gets leads again, and the deliveries that waited are due now.",
        form=BaseDialogForm,
    )
    def resume(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        recipient = Recipient.objects.get(pk=unquote(object_id))
        _resume(recipient, request.user.get_username())
        messages.success(request, f"Resumed {recipient}. What waited is due now.")
        return done()

    @admin.action(description="Pause selected recipients", permissions=["change"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[Recipient]) -> None:
        by = request.user.get_username()
        done = sum(
            steering.pause_recipient(recipient, by=by, reason=f"by {by}, from the list")
            for recipient in queryset
        )
        messages.success(request, f"Paused {_count(done)}.")

    @admin.action(description="Resume selected recipients", permissions=["change"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Recipient]) -> None:
        by = request.user.get_username()
        done = sum(_resume(recipient, by) for recipient in queryset)
        messages.success(request, f"Resumed {_count(done)}.")


def _is_held(recipient: Recipient) -> bool:
    endpoints = recipient.endpoints.all()
    return recipient.paused_at is not None or any(e.paused_at for e in endpoints)


def _resume(recipient: Recipient, by: str) -> bool:
    """Resume it and its endpoints; False when nothing was paused."""
    done = [steering.resume_recipient(recipient, by=by)]
    done += [
        steering.resume_endpoint(endpoint, by=by)
        for endpoint in recipient.endpoints.filter(paused_at__isnull=False)
    ]
    return any(done)


def _count(number: int) -> str:
    return f"{number} recipient" + ("" if number == 1 else "s")
