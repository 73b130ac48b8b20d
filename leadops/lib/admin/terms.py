"""Caps and prices in forms: a row each, with the rules editor for what it is about. Without
JavaScript their JSON.

    CAPS = Terms(noun="cap", keys=(("count", "leads"), ("money", "money")), columns=(…))

The server stays the authority: what the rows post is JSON, and read like any other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Final

from django.core.exceptions import ValidationError

from leadops.lib.admin.rules import About, RulesWidget
from leadops.lib.forms import Check, StructuredField, arranged

HELP: Final = "JSON or YAML: a list."


@dataclass(frozen=True, slots=True)
class Choice:
    """A further word of each row: one of the `options` (value and label), else any text. A blank
    one is left out."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...] = ()
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a row says: an amount under one of the `keys` (with their labels), further choices,
    and rules that say for which leads.

    `whole` are the keys whose amounts are whole numbers, `more` names that its rules may read
    besides the lead's, `none` what a page says where there is no row.
    """

    noun: str
    keys: tuple[tuple[str, str], ...]
    choices: tuple[Choice, ...] = ()
    whole: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    none: str = ""
    about: About = field(default_factory=About)


class TermsWidget(RulesWidget):
    template_name = "leadops/terms.html"

    class Media:
        js: ClassVar = ["leadops/rules.js", "leadops/terms.js"]
        css: ClassVar = {"all": ["leadops/rules.css", "leadops/terms.css"]}

    def __init__(self, terms: Terms, *, fields_from: str = "", rows: int = 4) -> None:
        about = terms.about
        super().__init__(
            fields_from=fields_from, judges=about.judges, beside=about.beside, rows=rows
        )
        self.attrs.pop("placeholder", None)
        self.terms = terms

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        known = asdict(self.terms)
        known.pop("about")
        more = [{"name": each, "kind": "number", "label": "measured"} for each in self.terms.more]
        context["widget"].update(
            terms=json.dumps(known, ensure_ascii=False),
            more=json.dumps(more),
            help=HELP,
        )
        return context


class TermsField(StructuredField):
    """A list of terms as it is stored; mistakes are named with their lines, and told to the
    rows."""

    widget: TermsWidget

    def __init__(
        self,
        terms: Terms,
        *,
        fields_from: str = "",
        empty: Any = None,
        checks: Sequence[Check] = (),
        rows: int = 4,
        **kwargs: Any,
    ) -> None:
        super().__init__(empty=[] if empty is None else empty, checks=checks, **kwargs)
        self.widget = TermsWidget(terms, fields_from=fields_from, rows=rows)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return value
        return written(value) if value else ""

    def clean(self, value: Any) -> Any:
        self.widget.problems = []
        return super().clean(value)

    def _explained(self, error: ValidationError) -> ValidationError:
        path, message = (getattr(error.__cause__, name, None) for name in ("path", "message"))
        if isinstance(path, str):
            self.widget.problems = [{"path": path, "message": str(message)}]
        return self._pointed(error)


def written(terms: Any) -> str:
    """A list as JSON, each of its rows on a line of its own."""
    if not isinstance(terms, list):
        return json.dumps(arranged(terms), ensure_ascii=False)
    lines = (json.dumps(arranged(each), ensure_ascii=False) for each in terms)
    return "[\n" + ",\n".join(f"  {line}" for line in lines) + "\n]"
