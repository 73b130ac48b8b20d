"""From a sample: click the values of a reply, see what the rules would make of the last replies,
and take them over into the recipient's reading."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.enums import ActionVariant

from events import replies, visibility
from flows import plans
from flows.trying.drafts import recorded
from leadops.lib.admin import button, change_url
from recipients.admin.recipient import RecipientPage
from recipients.admin.sample import (
    READING,
    SampleForm,
    added_rules,
    draft_reader,
    rule_forms,
)
from recipients.models import Recipient
from recipients.outcomes import Outcome
from recipients.responses import ReaderError
from recipients.responses.rereading import Recorded, reread
from recipients.responses.samples import sample_of

REPLIES = 50  # of the last, that a draft is tried on
SHOWN = 25  # changes that are listed
OUTCOMES = tuple(
    outcome.value for outcome in Outcome if outcome not in (Outcome.SKIPPED, Outcome.ACCEPTED)
)
PARTS = {
    "reply": "admin/recipients/sample_reply.html",
    "trial": "admin/recipients/sample_trial.html",
}


class SampleMixin(RecipientPage):
    """Adds the page to a recipient's. Who may change the recipient may use it."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.sample_view)
        ours = path("<path:object_id>/sample/", view, name="recipients_recipient_sample")
        return [ours, *super().get_urls()]

    def has_sample_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(self.has_change_permission(request))

    @button(
        description="From a sample",
        icon="ads_click",
        permissions=["sample"],
        variant=ActionVariant.DEFAULT,
    )
    def from_sample(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(_url(unquote(object_id)))

    def sample_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page; a part of it for its script; or the rules taken over."""
        recipient = self.get_object(request, unquote(object_id))
        if recipient is None:
            raise Http404
        if not self.has_change_permission(request, recipient):
            raise PermissionDenied
        desk = _Desk(self, request, recipient)
        part = PARTS.get(request.headers.get("X-Leadops-Part", ""))
        if request.method == "POST" and part:
            return TemplateResponse(request, part, desk.context())
        if request.method == "POST" and "_use" in request.POST and desk.is_valid():
            self._use(request, desk)
            return HttpResponseRedirect(change_url(Recipient, recipient.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Reading replies of {recipient.name}, from a sample",
            "opts": self.opts,
            "object": recipient,
            "back": change_url(Recipient, recipient.pk),
            **desk.context(),
        }
        return TemplateResponse(request, "admin/recipients/sample.html", context)

    def _use(self, request: HttpRequest, desk: _Desk) -> None:
        """Saves as the recipient's own page does: one change in its history."""
        with transaction.atomic():
            recipient = desk.reading.save(commit=False)
            self.save_model(request, recipient, desk.reading, change=True)
            last = recipient.response_rules.aggregate(last=Max("position"))["last"]
            for place, rule in enumerate(desk.added(), -1 if last is None else last):
                rule.position = place + 1
                rule.save()
            self.log_change(request, recipient, [])
        messages.success(request, f"Replies of {recipient} are read by the new rules.")


class _Desk:
    """What lies on the page: the sample, the draft, and the replies it is tried on."""

    def __init__(self, page: SampleMixin, request: HttpRequest, recipient: Recipient) -> None:
        data = request.POST if request.method == "POST" else None
        self.recipient = recipient
        sight = visibility.of_user(request.user)
        shown = sight.sees_all and sight.sees_personal  # replies repeat what was sent
        self.replies = last_replies(recipient.id) if shown else []
        self.sample = SampleForm(data, replies=self.replies)
        form = page.get_form(request, recipient, fields=READING)
        self.reading = form(data, instance=page.get_object(request, recipient.pk))
        self.rules = rule_forms(self.reading.instance, data)

    def is_valid(self) -> bool:
        return self.draft_errors() == []

    def added(self) -> list[Any]:
        return added_rules(self.rules)

    def draft_errors(self) -> list[tuple[str, str]]:
        """What is wrong with the draft, by the name of the field."""
        if not self.reading.is_bound:
            return []
        errors = [
            (str(self.reading.fields[name].label if name in self.reading.fields else ""), text)
            for name, texts in self.reading.errors.items()
            for text in texts
        ]
        if not self.rules.is_valid():
            errors += [
                (f"Rule {number}", text)
                for number, form in enumerate(self.rules.forms, 1)
                for texts in form.errors.values()
                for text in texts
            ]
            errors += [("Rules", str(text)) for text in self.rules.non_form_errors()]
        return errors

    def context(self) -> dict[str, Any]:
        reply = self.sample.reply()
        return {
            "recipient": self.recipient,
            "sample_form": self.sample,
            "sample": sample_of(reply) if reply else None,
            "reply": reply,
            "reading": self.reading,
            "rules": self.rules,
            "rules_before": self.recipient.response_rules.all(),
            "outcomes": OUTCOMES,
            "replies": self.replies,
            "sample_url": _url(self.recipient.pk),
            **self.trial(reply),
        }

    def trial(self, reply: Any) -> dict[str, Any]:
        """What the draft makes of the sample and of the last replies."""
        errors = self.draft_errors()
        if errors:
            return {"errors": errors}
        try:
            draft = draft_reader(self.reading.instance, self.added() if self.rules.is_bound else ())
        except ReaderError as error:
            return {"errors": [("", str(error))]}
        plan = plans.current().recipients.get(self.recipient.id)
        saved = plan.reader if plan else draft
        return {
            "errors": [],
            "result": draft.read(reply) if reply else None,
            "is_bare": draft.is_bare,
            "trial": reread(self.replies, saved, draft),
            "shown": SHOWN,
        }


def last_replies(recipient_id: str) -> list[Recorded]:
    """The recipient's last replies from the record, the newest first; without those of endpoints
    that are answered in another integration's words."""
    plan = plans.current().recipients.get(recipient_id)
    others = {each.kind.value for each in plan.endpoints() if each.reader} if plan else set()
    return [
        recorded(each)
        for each in replies.last(recipient_id, REPLIES)
        if each.endpoint not in others
    ]


def _url(recipient_id: str) -> str:
    return reverse("admin:recipients_recipient_sample", args=[quote(recipient_id)])
