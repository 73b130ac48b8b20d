"""The forms of the mapping editor: rows or text, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet, inlineformset_factory
from unfold.widgets import UnfoldAdminSelectWidget

from leadops.lib.admin import WhenLine
from leadops.lib.forms import CodeInput, CodeLine
from recipients import mapping
from recipients.drafts import Draft
from recipients.mapping.documents import MAX_ROWS
from recipients.models import MappingRow, Recipient

ROWS, TEXT = "rows", "text"
EXAMPLE = '{"email": "ann@example.com", "phone_1": "5125550123"}'


class RowForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = MappingRow
        fields = ("key", "value", "when", "keep_blank", "position")
        widgets: ClassVar = {
            "key": CodeLine({"aria-label": "Key", "placeholder": "their_field"}),
            "value": CodeInput(1, {"aria-label": "Value", "placeholder": "{{lead.first_name}}"}),
            "when": WhenLine(attrs={"aria-label": "When", "placeholder": "always"}),
            "keep_blank": forms.CheckboxInput({"aria-label": "Keep blank"}),
            "position": forms.HiddenInput(),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        when: Any = self.fields["when"].widget
        when.fields_from = f"recipient:{self.instance.recipient_id or ''}"

    def has_changed(self) -> bool:
        """A new row in which nothing is written yet is none."""
        is_new = self.instance.pk is None
        if is_new and not any(self[name].value() for name in ("key", "value", "when")):
            return False
        return super().has_changed()


RowForms = inlineformset_factory(
    Recipient,
    MappingRow,
    form=RowForm,
    extra=0,
    can_delete=True,
    max_num=MAX_ROWS,
    validate_max=True,
)


def row_forms(recipient: Recipient, data: Any = None) -> BaseInlineFormSet[Any, Any, Any]:
    return RowForms(data, instance=recipient, prefix="mapping_rows")


class WayForm(forms.Form):
    """Whether rows or the text is used."""

    way = forms.ChoiceField(
        choices=[(ROWS, "Rows"), (TEXT, "Text")], widget=forms.RadioSelect, label="Written as"
    )


class LeadForm(forms.Form):
    """The lead that is previewed: a recent one, one that is pasted, else one made up."""

    lead = forms.CharField(
        required=False, max_length=40, widget=UnfoldAdminSelectWidget, label="Lead"
    )
    pasted = forms.CharField(
        required=False,
        max_length=65_536,
        widget=CodeInput(5, {"placeholder": EXAMPLE}),
        label="Or its fields, as JSON",
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where: `row` is the form's number, None for the whole; `line` and
    `column` count from 1 in the field's text, 0 where there is no position."""

    text: str
    row: int | None = None
    field: str = ""
    line: int = 0
    column: int = 0
    name: str = ""


def row_problems(formset: BaseInlineFormSet[Any, Any, Any]) -> list[Problem]:
    """Of a bound formset, row by row."""
    if formset.is_valid():
        return []
    found = [
        _problem(error, row=number, field=field, name=str(form["key"].value() or ""))
        for number, form in kept(formset)
        for field, errors in form.errors.as_data().items()
        for error in errors
    ]
    return found + [Problem(str(text)) for text in formset.non_form_errors()]


def text_problems(form: forms.ModelForm[Any]) -> list[Problem]:
    return [
        _problem(error, field=field, name=str(form.fields[field].label or ""))
        if field in form.fields
        else Problem(" ".join(error.messages))
        for field, errors in form.errors.as_data().items()
        for error in errors
    ]


def _problem(error: ValidationError, *, field: str, name: str, row: int | None = None) -> Problem:
    cause = error.__cause__
    if isinstance(cause, mapping.MappingError):
        return Problem(cause.message, row, field, cause.line, cause.column, name)
    return Problem(" ".join(error.messages), row, field, name=name)


def mapping_problem(
    error: mapping.MappingError, formset: BaseInlineFormSet[Any, Any, Any], way: str
) -> Problem:
    """A mistake of the mapping as a whole, at the last row with its key."""
    if way == TEXT:
        return Problem(error.message, None, "mapping_text", error.line, error.column, error.path)
    rows = [number for number, form in kept(formset) if form["key"].value() == error.path]
    row = rows[-1] if rows else None
    field = "value" if error.column > 1 or error.line > 1 else "key"
    return Problem(error.message, row, field, error.line, error.column, error.path)


def kept(formset: BaseInlineFormSet[Any, Any, Any]) -> Iterator[tuple[int, Any]]:
    """The forms that stay, with their numbers, in the order of their positions."""
    there = [
        (number, form)
        for number, form in enumerate(formset.forms)
        if not (form.is_bound and form.cleaned_data.get("DELETE"))
    ]
    yield from sorted(there, key=lambda pair: (_place(pair[1]), pair[0]))


def _place(form: Any) -> int:
    value = form.cleaned_data.get("position") if form.is_bound else form.instance.position
    return int(value or 0)


def draft_of(formset: BaseInlineFormSet[Any, Any, Any], text: str, way: str) -> Draft:
    """What valid forms hold."""
    if way == TEXT:
        return Draft(text=text)
    rows = [form.instance for _, form in kept(formset) if form.instance.key]
    return Draft(tuple(mapping.Row(r.key, r.value, r.when, r.keep_blank) for r in rows))


def rows_reading(formset: BaseInlineFormSet[Any, Any, Any], path: str) -> list[int]:
    """The numbers of the rows in which a path stands."""
    bare = path.partition(".")[2]
    return [
        number
        for number, form in kept(formset)
        if any(
            text in str(form[field].value() or "")
            for field in ("value", "when")
            for text in (path, f" {bare} ", f"{{{bare}}}")
        )
    ]
