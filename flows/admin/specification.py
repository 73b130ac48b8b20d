"""A recipient's delivery specification in the console, and the links that buyers open it with."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget

from flows import specifications, testcases
from leadops.lib.admin import button, change_url
from recipients import expiry
from recipients.admin.recipient import RecipientPage
from recipients.models import Recipient, Secret, SpecificationLink


class LinkForm(forms.Form):
    days = forms.TypedChoiceField(
        coerce=int,
        choices=[(days, f"{days} days") for days in specifications.DAYS],
        initial=30,
        widget=UnfoldAdminSelectWidget,
        label="Good for",
    )


class SpecificationMixin(RecipientPage):
    """Adds the page to a recipient's. Who may change the recipient may make and revoke links."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.specification_view)
        ours = path(
            "<path:object_id>/specification/", view, name="recipients_recipient_specification"
        )
        return [ours, *super().get_urls()]

    def has_specification_permission(
        self, request: HttpRequest, object_id: str | None = None
    ) -> bool:
        return bool(request.user.has_perm("recipients.view_specificationlink"))

    @button(description="Specification", icon="description", permissions=["specification"])
    def specification(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(_url(unquote(object_id)))

    def specification_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        recipient = self.get_object(request, unquote(object_id))
        if recipient is None:
            raise Http404
        changes = self.has_change_permission(request, recipient)
        allowed = changes if request.method == "POST" else True
        if not self.has_specification_permission(request) or not allowed:
            raise PermissionDenied
        if request.method == "POST":
            _act(request, recipient)
            return HttpResponseRedirect(_url(recipient.pk))
        now = timezone.now()
        context = {
            **self.admin_site.each_context(request),
            "title": f"Delivery specification of {recipient.name}",
            "opts": self.opts,
            "object": recipient,
            "back": change_url(Recipient, recipient.pk),
            "recipient": recipient,
            "changes": changes,
            "form": LinkForm(),
            "links": [_shown(request, link, now) for link in recipient.specification_links.all()],
            "secrets": _secrets(recipient),
            "specification": specifications.current(recipient),
            "now": now,
        }
        return TemplateResponse(request, "admin/recipients/specification.html", context)


def _act(request: HttpRequest, recipient: Recipient) -> None:
    by = request.user.get_username()
    if "_revoke" in request.POST:
        link = recipient.specification_links.filter(pk=request.POST["_revoke"]).first()
        if link is not None:
            specifications.revoke(link, by=by)
            messages.success(request, "Revoked the link. It opens nothing any more.")
        return
    form = LinkForm(request.POST)
    if form.is_valid():
        days = form.cleaned_data["days"]
        specifications.make_link(recipient, days=days, by=by, now=timezone.now())
        messages.success(request, f"Made a link that is good for {days} days.")


def _shown(request: HttpRequest, link: SpecificationLink, now: Any) -> dict[str, Any]:
    address = reverse("specifications:open", args=[link.token])
    return {
        "link": link,
        "address": request.build_absolute_uri(address),
        "ended": link.has_ended(now),
    }


def _secrets(recipient: Recipient) -> list[tuple[Secret, str, str]]:
    """The credentials in use, each with how fresh it is and its page."""
    names = testcases.compiled(recipient.pk).secrets
    rows = Secret.objects.filter(name__in=names).defer("value", "second_value")
    return [(row, expiry.freshness(row).value, change_url(Secret, row.pk)) for row in rows]


def _url(recipient_id: str) -> str:
    return reverse("admin:recipients_recipient_specification", args=[quote(recipient_id)])
