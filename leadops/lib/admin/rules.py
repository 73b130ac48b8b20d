"""Rules in forms: rows and groups where there is JavaScript, their JSON where there is none.

    accept = RulesField(fields_from="flow:flow_…", judges="arriving", beside="source")

`fields_from` says whose leads the rule is about: `flow:`, `step:` or `recipient:` with an id. By
it the editor is told which fields it may offer and which recent leads it may be tried on. The
server stays the authority: what the editor posts is JSON, and read like any other.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django.core.exceptions import ValidationError
from django.urls import NoReverseMatch, reverse

from leadops.lib import documents
from leadops.lib.conditions import OPERATORS, ConditionError
from leadops.lib.forms import Check, CodeInput, StructuredField, arranged

DESK: Final = "admin:rules"
"""The view that tells an editor fields, and tries a rule on recent leads."""

EXAMPLE: Final = """{"all": [
  {"field": "state", "op": "in", "value": ["TX", "CA"]},
  {"field": "score", "op": "gt", "value": 80}
]}"""
HELP: Final = f"JSON or YAML; all, any and not nest. Operators: {', '.join(OPERATORS)}."
WIDTH: Final = 88


@dataclass(frozen=True, slots=True)
class About:
    """What an editor knows of its rule, apart from whose leads it is about.

    `judges`: which leads it is tried on: `accepted` ones as they are now, or all that are
    `arriving` as they came. `beside` names the field next to it that narrows them: `source`.
    """

    judges: str = "accepted"
    beside: str = ""


class RulesWidget(CodeInput):
    """`problems` are the mistakes of what was posted, to be shown at their rows."""

    template_name = "leadops/rules.html"

    class Media:
        js: ClassVar = ["leadops/rules.js"]
        css: ClassVar = {"all": ["leadops/rules.css"]}

    def __init__(
        self, *, fields_from: str = "", judges: str = "accepted", beside: str = "", rows: int = 4
    ) -> None:
        super().__init__(rows, {"placeholder": EXAMPLE})
        self.fields_from = fields_from
        self.about = About(judges, beside)
        self.problems: list[dict[str, str]] = []

    def __deepcopy__(self, memo: dict[int, Any]) -> RulesWidget:
        copied: RulesWidget = super().__deepcopy__(memo)
        copied.problems = list(self.problems)
        return copied

    def use_required_attribute(self, initial: Any) -> bool:
        return False  # a browser cannot point at a box that is not shown

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"].update(
            fields_from=self.fields_from,
            about=self.about,
            url=desk(),
            operators=json.dumps(operators(), ensure_ascii=False),
            problems=json.dumps(self.problems, ensure_ascii=False),
            help=HELP,
        )
        return context


class RulesField(StructuredField):
    """A rule as it is stored; mistakes are named with their lines, and told to the editor."""

    def __init__(
        self,
        *,
        fields_from: str = "",
        judges: str = "accepted",
        beside: str = "",
        empty: Any = None,
        checks: Sequence[Check] = (),
        rows: int = 4,
        **kwargs: Any,
    ) -> None:
        super().__init__(empty={} if empty is None else empty, checks=checks, **kwargs)
        self.widget = RulesWidget(fields_from=fields_from, judges=judges, beside=beside, rows=rows)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return value
        return written(value) if value else ""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and (found := _json(value)) is not None:
            self._text = value
            return found or copy.copy(self.empty)
        return super().to_python(value)

    def clean(self, value: Any) -> Any:
        self.widget.problems = []
        return super().clean(value)

    def _explained(self, error: ValidationError) -> ValidationError:
        """Every mistake with its line; and its path for the editor."""
        cause = error.__cause__
        if not isinstance(cause, ConditionError):
            return self._pointed(error)
        self.widget.problems = problems(cause)
        return ValidationError(
            [ValidationError(self._with_line(each), code="invalid") for each in cause.all]
        )

    def _with_line(self, mistake: ConditionError) -> str:
        line = documents.line_of(self._text, mistake.path)
        return f"Line {line}: {mistake}" if line else str(mistake)


def holds_rules(checks: Sequence[Any]) -> bool:
    """Whether a column holds rules, told by its validators."""
    return any(getattr(check, "__name__", "") == "rules" for check in checks)


def operators() -> list[dict[str, str]]:
    """The operators as an editor offers them."""
    return [
        {"op": name, "label": each.label, "takes": each.takes.value}
        for name, each in OPERATORS.items()
    ]


def problems(error: ConditionError) -> list[dict[str, str]]:
    """The mistakes of a rule, each with the path that an editor finds its row by."""
    return [{"path": each.path, "message": each.message} for each in error.all]


def written(rule: Any) -> str:
    """A rule as JSON, each single rule on a line of its own."""
    return "".join(_lines(arranged(rule), 0))


def _lines(node: Any, depth: int) -> Iterator[str]:
    short = json.dumps(node, ensure_ascii=False)
    word = next(iter(node), "") if isinstance(node, dict) else ""
    inner = node[word] if word in ("all", "any", "not") else None
    if isinstance(inner, list) and inner:
        pad = "  " * depth
        yield f'{{"{word}": [\n'
        for place, child in enumerate(inner):
            yield f"{pad}  "
            yield from _lines(child, depth + 1)
            yield ",\n" if place < len(inner) - 1 else "\n"
        yield f"{pad}]}}"
    elif isinstance(inner, dict) and len(short) > WIDTH:
        yield f'{{"{word}": '
        yield from _lines(inner, depth)
        yield "}"
    else:
        yield short


def _json(text: str) -> Any:
    """The document of a text that is plain JSON, None for any other: YAML says what is wrong."""
    if not text.lstrip().startswith("{") or len(text) > documents.MAX_LENGTH:
        return None
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refused)
    except (ValueError, RecursionError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands here twice")
    return found


def _refused(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def desk() -> str:
    """The address of the view; blank where there is no console."""
    try:
        return reverse(DESK)
    except NoReverseMatch:
        return ""
