"""A test case's own page. What runs the cases stands in the flows app, which knows their fields."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from leadops.lib.admin import ConsoleAdmin, column
from recipients.models import Recipient, TestCase


class TestCaseForm(forms.ModelForm):  # type: ignore[type-arg]
    """The recipient of a new case comes with the page."""

    recipient_id = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            self.instance.recipient_id = self.recipient_id

    def clean_name(self) -> str:
        """Django checks the constraint only where the recipient stands in the form."""
        name: str = self.cleaned_data["name"]
        others = TestCase.objects.filter(recipient_id=self.instance.recipient_id, name=name)
        if others.exclude(pk=self.instance.pk).exists():
            raise ValidationError("This recipient has a test case of this name already.")
        return name


@admin.register(TestCase)
class TestCaseAdmin(ConsoleAdmin):
    """Reached from its recipient's cases; changes of it stand in the recipient's history."""

    form = TestCaseForm
    readonly_fields = ("shown_recipient",)
    code_boxes = {"lead": 10, "reply_headers": 2, "reply_body": 8, "request": 12}
    list_display = ("name", "recipient", "outcome")
    list_select_related = ("recipient",)
    search_fields = ("name", "recipient__name")
    fieldsets = (
        (None, {"fields": ("shown_recipient", "name", "lead", "at")}),
        (
            "The reply",
            {"fields": ("sandbox", "reply_status", "reply_headers", "reply_body")},
        ),
        ("Expected", {"fields": ("request", "exact", ("outcome", "price"), "reason")}),
    )

    def top_of(self, obj: TestCase) -> Recipient:
        return obj.recipient

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.recipient_id = request.GET.get("recipient", "")
        return form

    def get_fieldsets(self, request: HttpRequest, obj: TestCase | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is not None:
            return fieldsets
        return [(None, {"fields": ("name", "lead", "at")}), *fieldsets[1:]]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Cases are added from their recipient's page, which says whose they are."""
        return "recipient" in request.GET and super().has_add_permission(request)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        recipient = Recipient.objects.filter(pk=request.GET.get("recipient", "")).first()
        if recipient is None:
            messages.info(request, "Open a recipient and add the test case there.")
            return HttpResponseRedirect(reverse("admin:recipients_recipient_changelist"))
        extra = {"title": f"Add test case of {recipient}", **(extra_context or {})}
        return super().add_view(request, form_url, extra)

    @column(description="Recipient")
    def shown_recipient(self, case: TestCase) -> SafeString:
        return format_html(
            '<a class="leadops-link" href="{}">{}</a>', cases_url(case.recipient_id), case.recipient
        )

    def save_model(self, request: HttpRequest, obj: TestCase, form: Any, change: bool) -> None:
        if not change:
            last = obj.recipient.test_cases.order_by("-position").first()
            obj.position = last.position + 1 if last else 0
        super().save_model(request, obj, form, change)

    def response_post_save_add(self, request: HttpRequest, obj: TestCase) -> HttpResponse:
        return HttpResponseRedirect(cases_url(obj.recipient_id))

    def response_post_save_change(self, request: HttpRequest, obj: TestCase) -> HttpResponse:
        return HttpResponseRedirect(cases_url(obj.recipient_id))

    def delete_model(self, request: HttpRequest, obj: TestCase) -> None:
        request.left_recipient = obj.recipient_id  # type: ignore[attr-defined]
        super().delete_model(request, obj)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: Any) -> HttpResponse:
        super().response_delete(request, obj_display, obj_id)
        return HttpResponseRedirect(cases_url(getattr(request, "left_recipient", "")))


def cases_url(recipient_id: str) -> str:
    """Where a recipient's cases are listed and run."""
    return reverse("admin:recipients_recipient_cases", args=[quote(recipient_id)])
