"""A recipient's delivery specification in the console, and the links that buyers open it with."""

from __future__ import annotations

from functools import partial

from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from flows.admin.links import Links
from flows.trying import specifications, testcases
from leadops.lib.admin import button, change_url
from recipients import expiry
from recipients.admin.recipient import RecipientPage
from recipients.models import Recipient, Secret


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
            _links(recipient).act(request)
            return HttpResponseRedirect(_url(recipient.pk))
        context = {
            **self.admin_site.each_context(request),
            **_links(recipient).context(request),
            "title": f"Delivery specification of {recipient.name}",
            "opts": self.opts,
            "object": recipient,
            "back": change_url(Recipient, recipient.pk),
            "recipient": recipient,
            "changes": changes,
            "secrets": _secrets(recipient),
            "specification": specifications.current(recipient),
        }
        return TemplateResponse(request, "admin/recipients/specification.html", context)


def _links(recipient: Recipient) -> Links:
    return Links(
        rows=recipient.specification_links.all(),
        page="specifications:open",
        make=partial(specifications.make_link, recipient),
        revoke=specifications.revoke,
    )


def _secrets(recipient: Recipient) -> list[tuple[Secret, str, str]]:
    """The credentials in use, each with how fresh it is and its page."""
    names = testcases.compiled(recipient.pk).secrets
    rows = Secret.objects.filter(name__in=names).defer("value", "second_value")
    return [(row, expiry.freshness(row).value, change_url(Secret, row.pk)) for row in rows]


def _url(recipient_id: str) -> str:
    return reverse("admin:recipients_recipient_specification", args=[quote(recipient_id)])
