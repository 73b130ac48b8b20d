"""A recipient's batches on its page: what gathers, and sending it before its time."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from flows.byhand import batchdesk
from flows.byhand.by_hand import REASON_LENGTH
from flows.models import Batch
from leadops.lib.admin import button, done
from recipients.admin.recipient import RecipientPage
from recipients.models import Recipient


class ReleaseForm(BaseDialogForm):  # type: ignore[misc]
    reason = forms.CharField(
        max_length=REASON_LENGTH,
        required=False,
        widget=UnfoldAdminTextInputWidget({"placeholder": "E.g. they close early today"}),
        help_text="Stands in the record.",
    )


class BatchesMixin(RecipientPage):
    """The batches of a recipient above its settings for them, and a button."""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        id = unquote(object_id)
        extra = {
            "batches_under_way": batchdesk.of_recipient(id, done=False),
            "batches_done": batchdesk.of_recipient(id, done=True),
        }
        return super().change_view(request, object_id, form_url, {**extra, **(extra_context or {})})

    def has_send_batch_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        if not self.has_change_permission(request):
            return False
        gathering = Batch.objects.exclude(state=Batch.State.DONE)
        return not object_id or gathering.filter(recipient_id=unquote(object_id)).exists()

    @button(
        description="Send batch now",
        icon="outbox",
        permissions=["send_batch"],
        variant=ActionVariant.DEFAULT,
        dialog={
            "title": "Send the batch now",
            "description": "What has gathered goes without waiting for more leads or for its time.",
            "form_class": ReleaseForm,
            "form_submit_text": "Send now",
        },
    )
    def send_batch(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        recipient = Recipient.objects.get(pk=unquote(object_id))
        count = batchdesk.release(
            recipient, by=request.user.get_username(), reason=form.cleaned_data["reason"]
        )
        if count:
            messages.success(request, f"{count} batch{'' if count == 1 else 'es'} due now.")
        else:
            messages.info(request, "Nothing waits: the batch is on its way.")
        return done()
