"""A recipient's batches on its page: what gathers, and sending it before its time."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm

from flows.byhand import batchdesk
from flows.models import Batch
from leadops.lib.admin import asked, button, done, reason_field
from recipients.admin.recipient import RecipientPage
from recipients.models import Recipient


class ReleaseForm(BaseDialogForm):  # type: ignore[misc]
    reason = reason_field("they close early today", required=False)


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
        dialog=asked(
            "Send the batch now",
            "What has gathered goes without waiting for more leads or for its time.",
            submit="Send now",
            form=ReleaseForm,
        ),
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
