"""Form fields of the console: documents as text, secrets that are never shown, code."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import INPUT_CLASSES, TEXTAREA_CLASSES

from leadops.lib import documents

Check = Callable[[Any], None]
LINE = 19.4  # pixels of a line of code
RULE_KEYS = ("all", "any", "not", "field", "op", "value")
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
                "style": f"min-height: {LINE * rows + 18:.0f}px",
                **(attrs or {}),
            }
        )

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Browsers end lines with CR LF; kept as LF, so that nothing seems changed."""
        value = super().value_from_datadict(data, files, name)
        return value.replace("\r\n", "\n") if isinstance(value, str) else value


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
        return documents.write(arranged(value)) if value else ""

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
                raise self._explained(error) from error

    def _explained(self, error: ValidationError) -> ValidationError:
        """The mistake as the form shows it."""
        return self._pointed(error)

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


def arranged(value: Any) -> Any:
    """The value with the keys of rules in the order they are read in; the database loses it."""
    if isinstance(value, list):
        return [arranged(item) for item in value]
    if not isinstance(value, dict):
        return value
    known = [key for key in RULE_KEYS if key in value]
    return {key: arranged(value[key]) for key in [*known, *(k for k in value if k not in known)]}


class AmountField(forms.DecimalField):
    """A decimal without the zeros that the database adds: 45.00, not 45.0000."""

    def __init__(self, *, cents: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cents = cents

    def prepare_value(self, value: Any) -> Any:
        return amount(value, cents=self.cents) if isinstance(value, Decimal) else value


def amount(value: Decimal, *, cents: bool = True) -> str:
    """`45.00`, `0.125`, or `2` without cents."""
    text = f"{value.normalize():f}"
    if not cents:
        return text
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest:0<2}"


@dataclass(frozen=True, slots=True)
class Entered:
    """What came in for a secret."""

    text: str = ""
    clear: bool = False


class SecretInput(forms.Widget):
    """Says whether a secret is kept, takes another one, and never shows either."""

    template_name = "leadops/secret.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)  # the value stays here
        classes = [c for c in INPUT_CLASSES if c != "max-w-2xl"]
        context["widget"].update(
            classes=" ".join(classes),
            kept=bool(value) and not isinstance(value, Entered),
            again=isinstance(value, Entered),
            reference=value if isinstance(value, str) and REFERENCE.match(value) else "",
            clear_name=f"{name}-clear",
            removable=not self.is_required,
        )
        return context

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Entered:
        # Browsers send line breaks as CRLF, and people paste one too many.
        text = (data.get(name) or "").replace("\r\n", "\n").strip("\n")
        return Entered(text, bool(data.get(f"{name}-clear")))

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return name not in data


class SecretFormField(forms.Field):
    """Blank keeps the secret that there is, text replaces it, the box removes it."""

    widget = SecretInput

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What was typed is not shown again, not even after an error; the widget says so."""
        return Entered() if isinstance(data, Entered) and data.text else initial

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
