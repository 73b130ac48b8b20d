"""Versions of a recipient's mapping: listed with how they did, compared, gone back to, tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from events.byversion import MOST, Went, by_version
from flows.admin.testcases import TestCasesMixin, held_against_cases
from flows.trying import trials
from leadops.lib.admin import button, change_url
from recipients import significance, versions
from recipients.models import MappingVersion, Recipient
from recipients.significance import Comparison

DAYS = (7, 30, 90)
LISTED = 200  # versions; older ones are reached by their numbers in the address


class TrialForm(forms.Form):
    version = forms.IntegerField(min_value=1)
    percent = forms.IntegerField(min_value=trials.FIRST, max_value=trials.LAST)


class VersionsMixin(TestCasesMixin):
    """Adds the page to a recipient's, and numbers the mapping after every save."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.versions_view)
        ours = path("<path:object_id>/versions/", view, name="recipients_recipient_versions")
        return [ours, *super().get_urls()]

    def has_versions_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(self.has_view_or_change_permission(request))

    @button(description="Mapping versions", icon="difference", permissions=["versions"])
    def mapping_versions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(versions_url(unquote(object_id)))

    # Every way of saving a recipient ends with one of these two, in the transaction of the save.

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        super().log_addition(request, obj, message)
        self._keep(request, obj)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        super().log_change(request, obj, message)
        self._keep(request, obj)

    def _keep(self, request: HttpRequest, recipient: Recipient) -> None:
        note = getattr(request, "version_note", "")
        versions.keep(recipient, by=request.user.get_username(), note=note)

    # --- the page

    def versions_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        recipient = self.get_object(request, unquote(object_id))
        if recipient is None:
            raise Http404
        changes = self.has_change_permission(request, recipient)
        sees = self.has_view_or_change_permission(request, recipient)
        if not sees or (request.method == "POST" and not changes):
            raise PermissionDenied
        if not recipient.mapping_versions.exists():
            versions.keep(recipient, by="", note=versions.FOUND)
        if request.method == "POST" and self._act(request, recipient):
            return HttpResponseRedirect(versions_url(recipient.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Mapping versions of {recipient.name}",
            "opts": self.opts,
            "object": recipient,
            "back": change_url(Recipient, recipient.pk),
            "recipient": self.get_object(request, recipient.pk),
            "changes": changes,
            **_shown(request, recipient),
        }
        return TemplateResponse(request, "admin/recipients/versions.html", context)

    def _act(self, request: HttpRequest, recipient: Recipient) -> bool:
        """Whether it was done; if not, a message says why."""
        if "_restore" in request.POST:
            return self._restored(request, recipient, _chosen(recipient, request.POST["_restore"]))
        by = request.user.get_username()
        if "_adopt" in request.POST and recipient.trial_version:
            version = _chosen(recipient, str(recipient.trial_version))
            return self._restored(request, recipient, version, ends_trial=True)
        if "_end" in request.POST:
            trials.end(recipient, by=by)
            messages.success(request, "The trial has ended. All leads go by the newest version.")
        elif "_try" in request.POST:
            return _try(request, recipient)
        return True

    def _restored(
        self,
        request: HttpRequest,
        recipient: Recipient,
        version: MappingVersion,
        *,
        ends_trial: bool = False,
    ) -> bool:
        """Saves as the recipient's own page does: one change in its history, held against its
        test cases. With it ends the trial: both or neither."""
        request.version_note = f"back to version {version.number}"  # type: ignore[attr-defined]
        try:
            with held_against_cases(request, recipient.pk, form_id="versions-form") as held:
                # Its snapshot must be of what was there before any row is replaced.
                recipient.mapping_text = version.content.get("text", "")
                self.save_model(request, recipient, None, change=True)
                versions.restore(recipient, version)
                self.log_change(request, recipient, [])
                if ends_trial:
                    trials.end(recipient, by=request.user.get_username())
        except ValidationError as error:
            text = "; ".join(error.messages)
            messages.error(request, f"Version {version.number} is no longer valid: {text}")
            return False
        if held.refused:
            return False
        messages.success(request, f"The mapping is that of version {version.number} again.")
        return True


@dataclass(frozen=True, slots=True)
class _Row:
    version: MappingVersion
    went: Went
    is_current: bool
    is_tried: bool


def _shown(request: HttpRequest, recipient: Recipient) -> dict[str, Any]:
    days = _days(request)
    since = timezone.now() - timedelta(days=days)
    went = by_version(recipient.pk, since)
    listed = list(recipient.mapping_versions.defer("content")[: LISTED + 1])
    newest, tried = listed[0].number, recipient.trial_version
    rows = [
        _Row(each, went.get(each.number, Went()), each.number == newest, each.number == tried)
        for each in listed[:LISTED]
    ]
    found = {
        "rows": rows,
        "more": len(listed) > LISTED,
        "newest": newest,
        "days": days,
        "periods": DAYS,
        "capped": sum(each.ended for each in went.values()) >= MOST,
        "most": MOST,
        "compared": _compared(request, recipient, went),
        "tried": tried,
        "percent": recipient.trial_percent,
        "rest": 100 - recipient.trial_percent,
    }
    if tried:
        # Both of the same days: what one was accepted before the trial says nothing of it.
        begun = max(since, recipient.trial_since or since)
        during = by_version(recipient.pk, begun)
        rows_of = [(number, during.get(number, Went())) for number in (newest, tried)]
        found |= {"trial_rows": rows_of, "begun": begun, "judged": judged(*rows_of)}
    return found


def _compared(
    request: HttpRequest, recipient: Recipient, went: dict[int, Went]
) -> dict[str, Any] | None:
    """The two versions that the address names; without any, the newest and the one before."""
    numbers = [request.GET.get(name, "") for name in ("before", "after")]
    if not all(number.isdecimal() and len(number) < 10 for number in numbers):
        newest = recipient.mapping_versions.values_list("number", flat=True)[:2]
        numbers = [str(number) for number in sorted(newest)]
    if len(numbers) < 2:
        return None
    before, after = (_chosen(recipient, number) for number in numbers)
    pair = [(each.number, went.get(each.number, Went())) for each in (before, after)]
    lines = versions.difference(before.content, after.content)
    return {
        "before": before,
        "after": after,
        "lines": lines,
        "same": all(line.side == "both" for line in lines),
        "judged": judged(*pair) if before != after and all(each.ended for _, each in pair) else "",
    }


def judged(first: tuple[int, Went], second: tuple[int, Went]) -> str:
    """In plain words, whether the second version was accepted more often than the first."""
    (number, one), (other_number, other) = first, second
    found = significance.compare((one.accepted, one.ended), (other.accepted, other.ended))
    if not found.is_enough:
        return "Too few deliveries to tell a difference from chance."
    if not found.differs:
        return f"The difference may well be chance ({_p(found)})."
    better = "more" if (found.z or 0) > 0 else "less"
    return (
        f"Version {other_number} is accepted {better} often than version {number}, by more than "
        f"chance ({_p(found)})."
    )


def _p(found: Comparison) -> str:
    p = found.p or 0.0
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _try(request: HttpRequest, recipient: Recipient) -> bool:
    form = TrialForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Choose a version and {trials.FIRST} to {trials.LAST} percent.")
        return False
    version = _chosen(recipient, str(form.cleaned_data["version"]))
    percent = form.cleaned_data["percent"]
    try:
        trials.start(recipient, version, percent, by=request.user.get_username())
    except trials.NoTrial as error:
        messages.error(request, str(error))
        return False
    messages.success(request, f"Version {version.number} gets {percent} % of the leads from now.")
    return True


def _chosen(recipient: Recipient, number: str) -> MappingVersion:
    found = None
    if number.isdecimal() and len(number) < 10:
        found = recipient.mapping_versions.filter(number=int(number)).first()
    if found is None:
        raise Http404
    return found


def _days(request: HttpRequest) -> int:
    asked = request.GET.get("days", "")
    return int(asked) if asked in map(str, DAYS) else 30


def versions_url(recipient_id: str) -> str:
    return reverse("admin:recipients_recipient_versions", args=[quote(recipient_id)])
