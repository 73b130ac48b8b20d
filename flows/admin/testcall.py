"""A test call from a recipient's page: a made-up lead to one endpoint, or only its credentials."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanWidget

from events import visibility
from flows.trying import leadvalues, testcalls
from flows.trying.leadvalues import Like
from leadops.lib import locators
from leadops.lib.admin import button, change_url
from leadops.lib.forms import StructuredField
from leadops.lib.validation import plain_object
from recipients.admin.recipient import RecipientPage
from recipients.models import Endpoint, Recipient

ORDER = ("sandbox", "production", "backup", "regional", "fallback", "ping")
LIKE_A_LEAD = (
    "As the lead was. What this buyer never had of it, or your role does not show, is invented."
)
CREDENTIALS = frozenset(
    {"auth", "auth_name", "auth_place", "auth_username", "auth_secret", "auth_options", "headers"}
)


class TestCallForm(forms.Form):
    """`confirmed` must be ticked for what is no sandbox."""

    endpoint = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    values = StructuredField(
        empty={},
        checks=[plain_object],
        rows=10,
        label="The lead",
        required=False,
        help_text="Invented values for the fields of its flows. Change what the buyer wants "
        "otherwise; nobody's data belongs here.",
    )
    confirmed = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanWidget,
        label="Send it although this is no sandbox: the buyer may take it for a real lead",
    )

    def __init__(self, data: Any, *, endpoints: list[Endpoint], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self._offer(endpoints)

    def begin_anew(self, endpoints: list[Endpoint]) -> None:
        """After a call: what is paused may have changed, and each real call is confirmed anew."""
        self._offer(endpoints)
        self.data = {name: text for name, text in self.data.items() if name != "confirmed"}

    def _offer(self, endpoints: list[Endpoint]) -> None:
        found = sorted(endpoints, key=lambda row: (ORDER.index(row.kind), row.position))
        self.endpoints = {endpoint.pk: endpoint for endpoint in found}
        choices = [(endpoint.pk, _label(endpoint)) for endpoint in found]
        self.fields["endpoint"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        endpoint = self.endpoints.get(cleaned.get("endpoint", ""))
        sends = "_check" not in self.data
        if endpoint and sends and endpoint.kind != "sandbox" and not cleaned.get("confirmed"):
            self.add_error("confirmed", f"Confirm that the {endpoint.kind} endpoint gets it.")
        return cleaned


def _lines(values: Mapping[str, Any]) -> str:
    """One value a line."""
    return "\n".join(f"{name}: {json.dumps(value)}" for name, value in values.items())


def _label(endpoint: Endpoint) -> str:
    paused = " (paused)" if endpoint.paused_at else ""
    address = locators.without_secrets(endpoint.url).split("?", 1)[0]
    return f"{endpoint.get_kind_display()}: {address}{paused}"


class TestCallMixin(RecipientPage):
    """Adds the page to a recipient's. Who may change the recipient may use it."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.test_call_view)
        ours = path("<path:object_id>/test-call/", view, name="recipients_recipient_testing")
        return [ours, *super().get_urls()]

    def has_test_call_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(self.has_change_permission(request))

    @button(description="Test call", icon="network_check", permissions=["test_call"])
    def test_call(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(test_call_url(unquote(object_id)))

    def test_call_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        recipient = self.get_object(request, unquote(object_id))
        if recipient is None:
            raise Http404
        if not self.has_change_permission(request, recipient):
            raise PermissionDenied
        endpoints = list(recipient.endpoints.all())
        asked = request.GET.get("lead", "").replace("\0", "")[:40]
        sight = visibility.of_user(request.user)
        like = leadvalues.like(recipient, asked, sight) if asked else None
        values = like.values if like else testcalls.sample_values(recipient)
        form = TestCallForm(
            request.POST if request.method == "POST" else None,
            endpoints=endpoints,
            initial={"values": _lines(values)},
        )
        if like:
            form.fields["values"].help_text = LIKE_A_LEAD
        found = self._made(request, recipient, form, like) if form.is_valid() else {}
        if found:
            form.begin_anew(list(Endpoint.objects.filter(recipient=recipient)))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Test call to {recipient.name}",
            "opts": self.opts,
            "object": recipient,
            "back": change_url(Recipient, recipient.pk),
            "recipient": recipient,
            "form": form,
            "has_endpoints": bool(endpoints),
            "like": like,
            "lead_gone": bool(asked) and like is None,
            "event": request.GET.get("event", "")[:40],
            "checks": any(testcalls.is_fetching(endpoint) for endpoint in endpoints),
            **found,
        }
        return TemplateResponse(request, "admin/recipients/test_call.html", context)

    def _made(
        self, request: HttpRequest, recipient: Recipient, form: TestCallForm, like: Like | None
    ) -> dict[str, Any]:
        """What the page shows of a call that was made."""
        endpoint = form.endpoints[form.cleaned_data["endpoint"]]
        by = request.user.get_username()
        try:
            if "_check" in request.POST:
                return {"checked": testcalls.check(recipient, endpoint, by=by)}
            values = form.cleaned_data["values"]
            of = like.lead_id if like else ""
            return {"called": testcalls.call(recipient, endpoint, by=by, values=values, like=of)}
        except testcalls.NotPossible as error:
            return {"problem": str(error)}

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if formset.model is Endpoint:
            _say_what_is_paused(request, formset)


def _say_what_is_paused(request: HttpRequest, formset: Any) -> None:
    """New credentials of a paused endpoint do not resume it by themselves."""
    for endpoint, changed in formset.changed_objects:
        if endpoint.paused_at and CREDENTIALS & set(changed):
            messages.warning(
                request,
                format_html(
                    'The {} endpoint is still paused: make a <a href="{}">test call</a> to '
                    "resume it.",
                    endpoint.kind,
                    test_call_url(endpoint.recipient_id),
                ),
            )


def test_call_url(recipient_id: str) -> str:
    return reverse("admin:recipients_recipient_testing", args=[quote(recipient_id)])
