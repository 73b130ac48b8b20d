"""Form fields of the console: documents as text, secrets that are never shown, code."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import INPUT_CLASSES, TEXTAREA_CLASSES

from leadops.lib import documents

Check = Callable[[Any], None]
REFERENCE = re.compile(r"\$\{[A-Z][A-Z0-9_]*\}\Z")


class CodeInput(forms.Textarea):
    """A monospaced box that grows with its text and takes no spelling help."""

    def __init__(self, rows: int = 3, attrs: dict[str, Any] | None = None) -> None:
        plain = [c for c in (*INPUT_CLASSES, *TEXTAREA_CLASSES) if c != "max-w-2xl"]
        super().__init__(
            {
                "class": " ".join([*plain, "leadops-code"]),
                "rows": rows,
                "spellcheck": "false",
                "autocomplete": "off",
                "wrap": "off",
                **(attrs or {}),
            }
        )


class CodeLine(forms.TextInput):
    """One monospaced line: a path, a template, an expression."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        base = {
            "class": " ".join([*INPUT_CLASSES, "leadops-code"]),
            "spellcheck": "false",
            "autocomplete": "off",
        }
        super().__init__({**base, **(attrs or {})})


class StructuredField(forms.CharField):
    """A JSON value, written as YAML or JSON; mistakes are named with their line.

    `checks` are the model field's validators; where one fails with a path to the mistake, the
    message gets the line that it stands on.
    """

    def __init__(
        self, *, empty: Any = None, checks: Sequence[Check] = (), rows: int = 3, **kwargs: Any
    ) -> None:
        super().__init__(widget=CodeInput(rows), **kwargs)
        self.empty = empty
        self.checks = checks
        self._text = ""

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return value
        return documents.write(value) if value else ""

    def to_python(self, value: Any) -> Any:
        self._text = value if isinstance(value, str) else documents.write(value)
        if not self._text.strip():
            return copy.copy(self.empty)
        try:
            found = documents.read(self._text)
        except documents.DocumentError as error:
            raise ValidationError(str(error), code="invalid") from error
        return copy.copy(self.empty) if found is None else found

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        if value == self.empty:
            return
        for check in self.checks:
            try:
                check(value)
            except ValidationError as error:
                raise self._pointed(error) from error

    def _pointed(self, error: ValidationError) -> ValidationError:
        path = getattr(error.__cause__, "path", None)
        line = documents.line_of(self._text, path) if isinstance(path, str) else None
        message = " ".join(error.messages)
        return ValidationError(f"Line {line}: {message}" if line else message, code="invalid")

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data or "") != (initial or self.empty))
        except ValidationError:
            return True


@dataclass(frozen=True, slots=True)
class Entered:
    """What came in for a secret."""

    text: str = ""
    clear: bool = False


class SecretInput(forms.Widget):
    """Says whether a secret is kept, takes another one, and never shows either."""

    template_name = "admin/widgets/secret.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)  # the value stays here
        classes = [c for c in INPUT_CLASSES if c != "max-w-2xl"]
        context["widget"].update(
            classes=" ".join(classes),
            kept=bool(value),
            reference=value if isinstance(value, str) and REFERENCE.match(value) else "",
            clear_name=f"{name}-clear",
            removable=not self.is_required,
        )
        return context

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Entered:
        return Entered(data.get(name) or "", bool(data.get(f"{name}-clear")))

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return name not in data


class SecretFormField(forms.Field):
    """Blank keeps the secret that there is, text replaces it, the box removes it."""

    widget = SecretInput

    def bound_data(self, data: Any, initial: Any) -> Any:
        return initial  # what was typed is not shown again, not even after an error

    def _clean_bound_field(self, bound: Any) -> str:
        entered: Entered = bound.data
        value = entered.text or ("" if entered.clear else bound.initial or "")
        if self.required and not value:
            raise ValidationError(self.error_messages["required"], code="required")
        return str(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        if not isinstance(data, Entered):
            return False
        if data.text:
            return bool(data.text != initial)
        return data.clear and bool(initial)
