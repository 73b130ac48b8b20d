"""The mapping editor: rows or text, the request that comes of them, and a dry run."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import orjson
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.enums import ActionVariant

from flows.admin.mapping_desk import Desk, NotPossible
from flows.admin.testcases import TestCasesMixin, held_against_cases
from flows.trying import drafts
from leadops.lib.admin import button, change_url
from recipients.models import Recipient

SHOWN = 50  # leads of a dry run that are listed
MAX_TALLY = 65_536  # characters
SAVE = "_save"
LEAD = re.compile(r"[A-Za-z0-9_]{1,40}")


class MappingMixin(TestCasesMixin):
    """Adds the page to a recipient's. Who may change the recipient may use it."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.mapping_view)
        ours = path("<path:object_id>/mapping/", view, name="recipients_recipient_mapping")
        return [ours, *super().get_urls()]

    def has_mapping_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(self.has_change_permission(request))

    @button(
        description="Mapping editor",
        icon="edit_note",
        permissions=["mapping"],
        variant=ActionVariant.DEFAULT,
    )
    def mapping_editor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(mapping_url(unquote(object_id)))

    def mapping_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page; a part of it for its script; or the draft saved."""
        recipient = self.get_object(request, unquote(object_id))
        if recipient is None:
            raise Http404
        if not self.has_change_permission(request, recipient):
            raise PermissionDenied
        if request.method == "POST" and SAVE in request.POST:
            return self._saved(request, recipient)
        desk = Desk(self, request, recipient)
        part = request.headers.get("X-Leadops-Part", "") if request.method == "POST" else ""
        if part == "run":
            return _run(request, desk)
        if part == "rows":
            return TemplateResponse(request, "admin/recipients/mapping_rows.html", desk.as_rows())
        if part == "preview":
            shown = {"recipient": recipient, **desk.tried()}
            return TemplateResponse(request, "admin/recipients/mapping_preview.html", shown)
        return self._page(request, desk)

    def _page(self, request: HttpRequest, desk: Desk) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"Mapping of {desk.recipient.name}",
            "opts": self.opts,
            "object": desk.recipient,
            "back": change_url(Recipient, desk.recipient.pk),
            "mapping_url": mapping_url(desk.recipient.pk),
            "most": drafts.MOST,
            "usual": drafts.USUAL,
            **desk.context(),
        }
        return TemplateResponse(request, "admin/recipients/mapping.html", context)

    def _saved(self, request: HttpRequest, recipient: Recipient) -> HttpResponse:
        """Saved as the recipient's own page does: one change in its history, held against its
        test cases. Else the page again, with what is wrong."""
        desk = Desk(self, request, recipient)
        if desk.problems():
            return self._page(request, desk)
        if desk.is_outdated:
            messages.error(request, "Somebody changed these rows meanwhile: load the page again.")
            return self._page(request, desk)
        with held_against_cases(request, recipient.pk, form_id="mapping-form") as held:
            self._save(request, desk)
        if held.refused:
            return self._page(request, Desk(self, request, recipient))
        messages.success(request, f"The mapping of {recipient} is saved and in force.")
        return HttpResponseRedirect(change_url(Recipient, recipient.pk))

    def _save(self, request: HttpRequest, desk: Desk) -> None:
        with transaction.atomic():
            saved = desk.form.save(commit=False)
            self.save_model(request, saved, desk.form, change=True)
            desk.save_rows()
            self.log_change(request, saved, [])


def _run(request: HttpRequest, desk: Desk) -> HttpResponse:
    """A part of a dry run: the sums so far, the leads that differ, and where it goes on."""
    try:
        tally, after = _resumed(request)
        wanted = min(max(int(request.POST.get("count") or drafts.USUAL), 1), drafts.MOST)
    except (ValueError, TypeError, KeyError, OverflowError):
        return JsonResponse({"error": "This dry run cannot be gone on with."}, status=400)
    try:
        chunk = desk.dry_run(wanted=wanted, tally=tally, after=after)
    except NotPossible as error:
        return JsonResponse({"error": str(error)})
    shown = int(request.POST.get("shown") or 0) if request.POST.get("shown", "").isdigit() else 0
    differing = [each for each in chunk.tried if each.differs][: max(SHOWN - shown, 0)]
    context = {
        "tally": tally,
        "chunk": chunk,
        "wanted": wanted,
        "tried": differing,
        "keys": tally.keys.most_common(12),
        "more_keys": max(len(tally.keys) - 12, 0),
        "shown": SHOWN,
    }
    return JsonResponse(
        {
            "summary": render_to_string("admin/recipients/mapping_summary.html", context, request),
            "rows": render_to_string("admin/recipients/mapping_changes.html", context, request),
            "shown": len(differing),
            "looked": tally.looked + tally.erased,
            "wanted": wanted,
            "state": _state(chunk) if chunk.after else "",
        }
    )


def _state(chunk: drafts.Chunk) -> str:
    tally, after = chunk.tally, chunk.after
    numbers = {name: getattr(tally, name) for name in NUMBERS}
    moment, lead = after or (None, "")
    state = {
        **numbers,
        "seconds": tally.seconds,
        "keys": dict(tally.keys.most_common(200)),
        "at": moment and moment.isoformat(),
        "lead": lead,
    }
    return orjson.dumps(state).decode()


NUMBERS = ("looked", "payloads", "replies", "outcomes", "problems", "erased")


def _resumed(request: HttpRequest) -> tuple[drafts.Tally, tuple[datetime, str] | None]:
    """What the last part gave to the page; its own affair what it does to it: the sums are shown
    to nobody else. Raises ValueError, TypeError, KeyError."""
    text = request.POST.get("state", "")
    if not text:
        return drafts.Tally(), None
    if len(text) > MAX_TALLY:
        raise ValueError("too long")
    state = orjson.loads(text)
    numbers = {name: max(int(state[name]), 0) for name in NUMBERS}
    keys = Counter({str(key): int(count) for key, count in dict(state["keys"]).items()})
    tally = drafts.Tally(**numbers, seconds=max(float(state["seconds"]), 0.0), keys=keys)
    moment = datetime.fromisoformat(state["at"])
    if moment.tzinfo is None or not LEAD.fullmatch(str(state["lead"])):
        raise ValueError("no place to go on from")
    return tally, (moment.astimezone(UTC), str(state["lead"]))


def mapping_url(recipient_id: str) -> str:
    return reverse("admin:recipients_recipient_mapping", args=[quote(recipient_id)])
