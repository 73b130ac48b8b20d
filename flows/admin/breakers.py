"""Staff open and close the breakers of a recipient's endpoints, with a reason."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.db.models import Case, When
from django.http import HttpRequest, HttpResponse
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from flows.byhand import steering
from leadops.lib.admin import asked, button, done, reason_field
from leadops.lib.fields import DurationFormField
from recipients.admin.policies import value_of
from recipients.admin.recipient import RecipientPage
from recipients.breaker import State
from recipients.models import Endpoint


class BreakerForm(BaseDialogForm):  # type: ignore[misc]
    """Which endpoint, and why; `opening` tells those to choose from."""

    opening = True
    endpoint = forms.ModelChoiceField(
        queryset=Endpoint.objects.none(), empty_label=None, widget=UnfoldAdminSelectWidget
    )
    reason = reason_field("they are moving their servers")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = [each.pk for each in endpoints_of(self.object_id, opening=self.opening)]
        field: Any = self.fields["endpoint"]
        first = Case(When(kind="production", then=0), default=1)
        field.queryset = Endpoint.objects.filter(pk__in=chosen).order_by(first, "kind", "position")


class OpenForm(BreakerForm):
    wait = DurationFormField(
        required=False,
        label="For",
        widget=UnfoldAdminTextInputWidget({"placeholder": "5m, 2h"}),
        help_text="Then one delivery probes it. Blank: until somebody closes it.",
    )


class CloseForm(BreakerForm):
    opening = False


def endpoints_of(object_id: Any, *, opening: bool) -> list[Endpoint]:
    """The endpoints of a recipient whose breakers can be opened, or closed."""
    found = Endpoint.objects.filter(recipient_id=unquote(str(object_id or "")))
    found = found.select_related("breaker")
    unwanted = State.OPEN if opening else State.CLOSED
    return [each for each in found if value_of(each).state is not unwanted]


class BreakerMixin(RecipientPage):
    """Two buttons on a recipient's page, each where it makes a difference."""

    def has_open_breaker_permission(
        self, request: HttpRequest, object_id: str | None = None
    ) -> bool:
        may = self.has_change_permission(request)
        return may and (not object_id or bool(endpoints_of(object_id, opening=True)))

    def has_close_breaker_permission(
        self, request: HttpRequest, object_id: str | None = None
    ) -> bool:
        may = self.has_change_permission(request)
        return may and (not object_id or bool(endpoints_of(object_id, opening=False)))

    @button(
        description="Open breaker",
        icon="power_off",
        permissions=["open_breaker"],
        variant=ActionVariant.DEFAULT,
        dialog=asked(
            "Open a breaker",
            "Nothing is sent to the endpoint; deliveries wait or move on, as their step says, or "
            "go to the backup.",
            form=OpenForm,
            submit="Open",
        ),
    )
    def open_breaker(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        endpoint = form.cleaned_data["endpoint"]
        steering.open_breaker(
            endpoint,
            by=request.user.get_username(),
            reason=form.cleaned_data["reason"],
            wait=form.cleaned_data["wait"] or None,
        )
        messages.success(request, f"Opened the {endpoint.kind} endpoint’s breaker.")
        return done()

    @button(
        description="Close breaker",
        icon="power",
        permissions=["close_breaker"],
        variant=ActionVariant.PRIMARY,
        dialog=asked(
            "Close a breaker",
            "The endpoint is used again, its failures are forgotten, and what waited for it is "
            "due now.",
            form=CloseForm,
            submit="Close",
        ),
    )
    def close_breaker(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        endpoint = form.cleaned_data["endpoint"]
        steering.close_breaker(
            endpoint, by=request.user.get_username(), reason=form.cleaned_data["reason"]
        )
        messages.success(request, f"Closed the {endpoint.kind} endpoint’s breaker.")
        return done()
