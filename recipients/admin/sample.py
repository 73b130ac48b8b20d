"""The forms of "From a sample": a reply, and the rules that are to read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.forms import BaseInlineFormSet, inlineformset_factory
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from leadops.lib.forms import CodeInput, CodeLine
from leadops.lib.http.messages import Reply
from recipients import responses, validation
from recipients.integrations import integration_for
from recipients.integrations.reading import reading_over
from recipients.models import Endpoint, Recipient, ResponseRule
from recipients.responses.charsets import MAX_BODY
from recipients.responses.rereading import Recorded, recorded_reply

READING = (
    "success",
    "price_path",
    "lead_id_path",
    "message_path",
    "reason_path",
    "fallback_price",
    "capture",
)
EXAMPLE = '{"status": "accepted", "leadId": "A-1", "price": 45}'
PASTED = ""
MAX_RULES = 20  # that are added at once


class SampleForm(forms.Form):
    """A reply that is pasted, or one of those recorded."""

    recorded = forms.ChoiceField(
        required=False, widget=UnfoldAdminSelectWidget, label="Take a recorded reply"
    )
    status = forms.IntegerField(
        required=False,
        min_value=100,
        max_value=599,
        initial=200,
        widget=UnfoldAdminIntegerFieldWidget,
        label="Status",
    )
    headers = forms.CharField(
        required=False,
        max_length=8_192,
        widget=CodeInput(2, {"placeholder": "Content-Type: application/json"}),
        label="Headers, if they matter",
    )
    body = forms.CharField(
        required=False,
        max_length=MAX_BODY,
        strip=False,
        widget=CodeInput(
            8, {"placeholder": '{"status": "accepted", "leadId": "A-1", "price": 45}'}
        ),
        label="Body",
    )

    def __init__(self, *args: Any, replies: Sequence[Recorded] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.replies = {each.id: each for each in replies}
        named = [(each.id, _named(each)) for each in replies]
        self._field("recorded").choices = [(PASTED, "None: paste one"), *named]
        self.fields["recorded"].initial = replies[0].id if replies else PASTED

    def _field(self, name: str) -> Any:
        return self.fields[name]

    def clean_headers(self) -> dict[str, str]:
        pairs = validation.parse_headers(self.cleaned_data["headers"])
        return {name.lower(): value for name, value in pairs}

    def reply(self) -> Reply | None:
        """The reply chosen; None while there is none."""
        if not self.is_bound:
            first = self.fields["recorded"].initial
            return self.replies[first].reply if first in self.replies else None
        if not self.is_valid():
            return None
        values = self.cleaned_data
        if values["recorded"] in self.replies:
            return self.replies[values["recorded"]].reply
        if not (values["body"].strip() or values["headers"]):
            return None
        return recorded_reply(values["status"] or 200, values["headers"], values["body"])


def _named(recorded: Recorded) -> str:
    """`21 Nov 03:42:18 · accepted · 200 · {"status": "acc…`"""
    text = " ".join(recorded.reply.body[3:200].decode("utf-8", "ignore").split())
    start = text if len(text) <= 60 else f"{text[:60]}…"
    return f"{recorded.at:%d %b %H:%M:%S} · {recorded.outcome} · {recorded.reply.status} · {start}"


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """A rule that is added: when it holds, the outcome is this."""

    class Meta:
        model = ResponseRule
        fields = ("when", "outcome", "reason")
        widgets: ClassVar = {
            "when": CodeLine(),
            "outcome": UnfoldAdminSelectWidget(),
            "reason": UnfoldAdminTextInputWidget(),
        }


RuleForms = inlineformset_factory(
    Recipient,
    ResponseRule,
    form=RuleForm,
    extra=0,
    can_delete=True,
    max_num=MAX_RULES,
    validate_max=True,
)


def rule_forms(recipient: Recipient, data: Any = None) -> BaseInlineFormSet[Any, Any, Any]:
    """Rules to add; those that there are stand on the recipient's page."""
    none = ResponseRule.objects.none()
    return RuleForms(data, instance=recipient, queryset=none, prefix="rules")


def added_rules(formset: BaseInlineFormSet[Any, Any, Any]) -> list[ResponseRule]:
    """The rules of a valid formset, unsaved, without those that were taken away."""
    return [
        form.instance
        for form in formset.forms
        if form.has_changed() and not form.cleaned_data.get("DELETE")
    ]


def draft_reader(recipient: Recipient, added: Sequence[ResponseRule]) -> responses.Reader:
    """The reader of a recipient as its form stands, with rules after its own, over what its
    integration knows. ReaderError."""
    rules = [*recipient.response_rules.all(), *added]
    own = responses.ReaderSpec(
        **recipient.reader_fields(), rules=tuple(map(validation.rule_spec, rules))
    )
    kinds = {row.kind: row.integration for row in recipient.endpoints.all()}
    main = kinds.get(Endpoint.Kind.PRODUCTION) or recipient.integration
    return responses.compile_reader(reading_over(own, integration_for(main).reading))
