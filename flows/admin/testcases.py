"""A recipient's test cases: listed, run, begun with a set; and what a change must not break."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from flows.admin.sample import SampleMixin
from flows.trying import testcases
from flows.trying.testcases import Broken
from leadops.lib import history
from leadops.lib.admin import button, change_url
from recipients.admin.testcase import cases_url
from recipients.models import Recipient, TestCase
from recipients.testcases import Judged

PUBLISH = "_publish"  # ticked: although cases fail
NAMED = 10  # broken cases that a refusal names


class BreaksCases(Exception):
    """A change is refused, and undone with its transaction."""

    def __init__(self, broken: Sequence[Broken]) -> None:
        super().__init__(f"{len(broken)} test cases fail")
        self.broken = broken


class TestCasesMixin(SampleMixin):
    """Adds the page to a recipient's, and holds its changes against the cases."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.cases_view)
        ours = path("<path:object_id>/cases/", view, name="recipients_recipient_cases")
        return [ours, *super().get_urls()]

    def has_cases_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(request.user.has_perm("recipients.view_testcase"))

    @button(description="Test cases", icon="fact_check", permissions=["cases"])
    def cases(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(cases_url(unquote(object_id)))

    def cases_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        recipient = self.get_object(request, unquote(object_id))
        if recipient is None:
            raise Http404
        changes = self.has_change_permission(request, recipient)
        if not self.has_cases_permission(request) or (request.method == "POST" and not changes):
            raise PermissionDenied
        if request.method == "POST" and "_begin" in request.POST:
            _begin(request, recipient)
            return HttpResponseRedirect(cases_url(recipient.pk))
        judged = _run(request, recipient) if request.method == "POST" else {}
        rows = list(recipient.test_cases.all())
        failed = sum(not each.passed for each in judged.values())
        context = {
            **self.admin_site.each_context(request),
            "title": f"Test cases of {recipient.name}",
            "opts": self.opts,
            "object": recipient,
            "back": change_url(Recipient, recipient.pk),
            "recipient": recipient,
            "changes": changes,
            "rows": [(row, judged.get(row.pk), change_url(TestCase, row.pk)) for row in rows],
            "ran": len(judged),
            "passed": len(judged) - failed,
            "failed": failed,
            "add": f"{reverse('admin:recipients_testcase_add')}?recipient={recipient.pk}",
        }
        return TemplateResponse(request, "admin/recipients/cases.html", context)

    # --- what a change must not break

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        """A save that breaks cases is undone, and the form shown again with what it breaks."""
        if request.method == "POST" and object_id:
            _remember(request, unquote(object_id))
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except BreaksCases as refused:
            _take_back(request, refused.broken)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        broken: Sequence[Broken] = getattr(request, "broken_cases", ())
        return _refusing(form, _said(broken, obj.pk, "recipient_form")) if broken else form

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        _check(request, form.instance.pk)

    def sample_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Rules taken over from a sample are held against the cases as well."""
        if request.method != "POST" or "_use" not in request.POST:
            return super().sample_view(request, object_id)
        with held_against_cases(request, unquote(object_id), form_id="sample-form") as held:
            answer = super().sample_view(request, object_id)
        if not held.refused:
            return answer
        draft: Any = request.POST.copy()
        del draft["_use"]
        request.POST = draft
        return super().sample_view(request, object_id)


@dataclass(slots=True)
class Held:
    """Whether a change was refused, and undone."""

    refused: bool = False


@contextmanager
def held_against_cases(request: HttpRequest, recipient_id: str, *, form_id: str) -> Iterator[Held]:
    """Makes a change in one transaction, which is undone where it breaks cases; a message says
    which, with a box for the form of this id."""
    held = Held()
    _remember(request, recipient_id)
    try:
        with transaction.atomic():
            yield held
            _check(request, recipient_id)
    except BreaksCases as refused:
        _take_back(request, refused.broken)
        messages.error(request, _said(refused.broken, recipient_id, form_id))
        held.refused = True


def _remember(request: HttpRequest, recipient_id: str) -> None:
    """Which cases fail already: a change is not to blame for them."""
    known = Recipient.objects.filter(pk=recipient_id).exists()
    request.failing_before = (  # type: ignore[attr-defined]
        testcases.failing(recipient_id) if known else {}
    )


def _check(request: HttpRequest, recipient_id: str) -> None:
    """Within the transaction of a change. Raises BreaksCases."""
    if PUBLISH in request.POST:
        return
    before = getattr(request, "failing_before", {})
    if broken := testcases.broken(recipient_id, before):
        raise BreaksCases(broken)


def _take_back(request: HttpRequest, broken: Sequence[Broken]) -> None:
    request.broken_cases = broken  # type: ignore[attr-defined]
    # What was said of a save that did not come about, such as a new key.
    said: Any = messages.get_messages(request)
    said._queued_messages.clear()


def _refusing(form: type[forms.ModelForm[Any]], text: SafeString) -> type[forms.ModelForm[Any]]:
    """The form, with an error that its values have not."""

    class Refusing(form):  # type: ignore[misc, valid-type]
        def clean(self) -> Any:
            super().clean()
            raise ValidationError(text)

    return Refusing


def _said(broken: Sequence[Broken], recipient_id: str, form_id: str) -> SafeString:
    """What a change breaks, and the box that has it published all the same."""
    many = "case" if len(broken) == 1 else "cases"
    more = len(broken) - NAMED
    return format_html(
        '{} test {} would fail, so nothing was saved: {}{}. <a class="leadops-link" href="{}">'
        'Test cases</a> <label class="leadops-publish"><input type="checkbox" name="{}" value="1"'
        ' form="{}"> Publish although cases fail</label>',
        len(broken),
        many,
        format_html_join("; ", "<strong>{}</strong> ({})", _named(broken[:NAMED])),
        f"; and {more} more" if more > 0 else "",
        cases_url(recipient_id),
        PUBLISH,
        form_id,
    )


def _named(broken: Sequence[Broken]) -> Iterator[tuple[str, str]]:
    for each in broken:
        yield each.name, "; ".join(each.failures)[:200]


def _run(request: HttpRequest, recipient: Recipient) -> dict[int | None, Judged]:
    """Those asked for, by id: one, or all of them."""
    plan = testcases.compiled(recipient.pk)
    asked = request.POST.get("_run", "")
    cases = testcases.cases_of(recipient, plan)
    wanted = [case for case in cases if asked in ("all", str(case.id))]
    return {
        judged.case.id: judged
        for judged in testcases.run(plan, wanted, by=request.user.get_username())
    }


def _begin(request: HttpRequest, recipient: Recipient) -> None:
    keeper = history.keeper()
    with transaction.atomic():
        before = keeper.snapshot_of(Recipient.objects.get(pk=recipient.pk))
        made = testcases.add_starting_set(recipient)
        after = keeper.snapshot_of(Recipient.objects.get(pk=recipient.pk))
        keeper.record_change(before, after, recipient, request.user.get_username())
    if made:
        messages.success(request, f"Added {len(made)} test cases.")
    else:
        messages.info(request, "All cases of the starting set are there already.")
