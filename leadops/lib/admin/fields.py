"""Form fields by the kind of column, and how those read them who may not change them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db import models
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from leadops.lib import documents, durations
from leadops.lib.admin.rules import About, RulesField, holds_rules
from leadops.lib.admin.terms import Terms, TermsField
from leadops.lib.admin.when import WhenLine
from leadops.lib.fields import DurationField, SecretField
from leadops.lib.forms import (
    AmountField,
    CodeInput,
    CodeLine,
    SecretFormField,
    StructuredField,
    amount,
    arranged,
)

Choices = Callable[[], list[tuple[str, str]]]


def shown(field: models.Field[Any, Any], value: Any) -> Any:
    """A value as those read it who may not change it; secrets only as kept or not."""
    if isinstance(field, SecretField):
        return "Kept, not shown" if value else "–"
    if value in (None, "", {}, []):
        return "–"
    if isinstance(field, DurationField):
        return durations.text(value)
    if isinstance(value, Decimal):
        return amount(value, cents=field.name == "price")
    text = documents.write(arranged(value)) if isinstance(field, models.JSONField) else str(value)
    return format_html('<pre class="leadops-read">{}</pre>', text)


class FieldsMixin:
    """Form fields by the kind of column, for pages and the rows on them.

    `code_lines` and `code_boxes` name columns that are written in monospace, with their rows;
    `chosen` those whose words come from a registry; `judged` says of columns with rules which
    leads these judge. `terms` names columns that hold caps or prices, `rule_lines` conditions of
    one line that may be rules.
    """

    model: type[Model]
    code_lines: ClassVar[Sequence[str]] = ()
    code_boxes: ClassVar[dict[str, int]] = {}
    money: ClassVar[Sequence[str]] = ("price",)
    chosen: ClassVar[dict[str, Choices]] = {}
    judged: ClassVar[dict[str, About]] = {}
    terms: ClassVar[dict[str, Terms]] = {}
    rule_lines: ClassVar[Sequence[str]] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.model._meta.concrete_fields:
            if self._reads_differently(field) and not hasattr(self, f"read_{field.name}"):
                setattr(self, f"read_{field.name}", _reader(field))

    def _reads_differently(self, field: models.Field[Any, Any]) -> bool:
        kinds = (SecretField, DurationField, models.JSONField, models.DecimalField)
        return isinstance(field, kinds) or field.name in self.code_boxes

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if isinstance(db_field, SecretField):
            return SecretFormField(
                required=not db_field.blank, label=_label(db_field), help_text=db_field.help_text
            )
        if isinstance(db_field, models.JSONField):
            return self._structured(db_field, request)
        if db_field.name in self.chosen:
            return forms.ChoiceField(
                choices=self.chosen[db_field.name],
                required=not db_field.blank,
                widget=UnfoldAdminSelectWidget,
                label=_label(db_field),
                help_text=db_field.help_text,
                initial=db_field.get_default(),
            )
        if isinstance(db_field, models.DecimalField):
            kwargs["form_class"] = AmountField
            kwargs["cents"] = db_field.name in self.money
        if isinstance(db_field, models.URLField):
            kwargs["assume_scheme"] = "https"
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget  # its menu leads away from what is not saved
        if isinstance(db_field, DurationField) and field:
            field.widget = UnfoldAdminTextInputWidget({"placeholder": "10s, 5m, 24h, 30d"})
            field.label = _label(db_field)
        elif field and (widget := self._written_as_code(db_field.name, request)):
            field.widget = widget
        return field

    def _written_as_code(self, name: str, request: HttpRequest) -> forms.Widget | None:
        if name in self.code_boxes:
            return CodeInput(self.code_boxes[name])
        if name in self.rule_lines:
            return WhenLine(self.rules_from(request))
        return CodeLine() if name in self.code_lines else None

    def _structured(self, db_field: Any, request: HttpRequest) -> StructuredField:
        if holds_rules(db_field.validators):
            return self._rules(db_field, request)
        if db_field.name in self.terms:
            return self._terms(db_field, request)
        return StructuredField(
            empty=db_field.get_default(),
            checks=db_field.validators,
            rows=self.code_boxes.get(db_field.name, 3),
            required=not db_field.blank,
            label=_label(db_field),
            help_text=db_field.help_text,
        )

    def _rules(self, db_field: Any, request: HttpRequest) -> RulesField:
        about = self.judged.get(db_field.name, About())
        return RulesField(
            fields_from=self.rules_from(request),
            judges=about.judges,
            beside=about.beside,
            empty=db_field.get_default(),
            checks=db_field.validators,
            rows=self.code_boxes.get(db_field.name, 4),
            required=not db_field.blank,
            label=_label(db_field),
            help_text=db_field.help_text,
        )

    def _terms(self, db_field: Any, request: HttpRequest) -> TermsField:
        return TermsField(
            self.terms[db_field.name],
            fields_from=self.rules_from(request),
            empty=db_field.get_default(),
            checks=db_field.validators,
            rows=self.code_boxes.get(db_field.name, 4),
            required=not db_field.blank,
            label=_label(db_field),
            help_text=db_field.help_text,
        )

    def rules_from(self, request: HttpRequest) -> str:
        """Whose leads the rules on this page judge: those of what the page is about."""
        top: type[Model] = getattr(self, "parent_model", self.model)
        kept = request.resolver_match.kwargs if request.resolver_match else {}
        return f"{top._meta.model_name}:{unquote(kept.get('object_id', ''))}"

    def readable(self, names: Any) -> Any:
        """A layout of fields with the readers of those that read differently."""
        if isinstance(names, str):
            reader = f"read_{names}"
            return reader if hasattr(self, reader) else names
        if isinstance(names, list | tuple):
            return type(names)(self.readable(name) for name in names if name != "position")
        return names

    def only_reads(self, request: HttpRequest, obj: Any) -> bool:
        """Is the page shown to somebody who may not change it?"""
        return not self.has_change_permission(request, obj)  # type: ignore[attr-defined]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        names = tuple(super().get_readonly_fields(request, obj))  # type: ignore[misc]
        if not self.only_reads(request, obj):
            return names
        columns = (f"read_{field.name}" for field in self.model._meta.concrete_fields)
        return (*names, *(reader for reader in columns if hasattr(self, reader)))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)  # type: ignore[misc]
        if not self.only_reads(request, obj):
            return fieldsets
        return [
            (title, {**options, "fields": self.readable(options["fields"])})
            for title, options in copy.deepcopy(list(fieldsets))
        ]


def _label(field: models.Field[Any, Any]) -> str:
    name = str(field.verbose_name)
    return name[:1].upper() + name[1:]


def _reader(field: models.Field[Any, Any]) -> Callable[[Model], Any]:
    def read(obj: Model) -> Any:
        return shown(field, getattr(obj, field.attname))

    read.short_description = _label(field)  # type: ignore[attr-defined]
    return read
