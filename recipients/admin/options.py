"""Options as proper fields: those of the integration, and of the kind of authentication, chosen.

Stored as JSON, as bundles write it. What is declared once as an `Option` is asked for here: every
choice's options are in the page, and those of the others are hidden.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.safestring import SafeString, mark_safe
from unfold.widgets import INPUT_CLASSES, UnfoldAdminSelectWidget

from leadops.lib import durations
from leadops.lib.forms import Check, CodeInput, StructuredField
from recipients.auth import SCHEMES
from recipients.integrations import INTEGRATIONS
from recipients.models import Endpoint
from recipients.options import Option, OptionKind

# Words that are not written as others are.
SPELLED = {
    word.lower(): word
    for word in (
        "API",
        "CRM",
        "CSV",
        "HTML",
        "ID",
        "IDs",
        "JSON",
        "JWT",
        "KMS",
        "SFTP",
        "TTL",
        "URL",
        "XML",
    )
}
# What name and key of the credentials are there.
CREDENTIALS = {
    "oauth2": "The user name is the client's id, the key the client's secret.",
    "jwt": "The user name is the issuer (the client's id), the key its private key, as PEM.",
    "login": "User name and key stand in the call as {{username}} and {{password}}.",
    "hmac": "The key signs every request.",
}
TRUE = frozenset({"on", "true", "1"})


@dataclass(frozen=True, slots=True)
class Choice:
    """A word of the select that decides, and what comes with it."""

    name: str
    options: tuple[Option, ...] = ()
    about: str = ""
    url: str = ""
    format: str = ""
    method: str = ""


def integrations() -> list[Choice]:
    return [
        Choice(
            each.name,
            each.options,
            each.about,
            url=each.url,
            format=str(each.format or ""),
            method=each.method,
        )
        for each in INTEGRATIONS.values()
    ]


def authentications() -> list[Choice]:
    return [
        Choice(str(kind), tuple(scheme.options), CREDENTIALS.get(str(kind), ""))
        for kind, scheme in SCHEMES.items()
    ]


@dataclass(slots=True)
class Shown:
    """One option in the page, with all the choices that have it."""

    option: Option
    choices: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.choices[0]}:{self.option.name}"


def shown_of(choices: Sequence[Choice]) -> list[Shown]:
    """Each declared option once: several integrations have the very same ones."""
    found: dict[int, Shown] = {}
    for choice in choices:
        for option in choice.options:
            found.setdefault(id(option), Shown(option)).choices.append(choice.name)
    return list(found.values())


class OptionsInput(forms.Widget):
    """`by` names the select beside it that decides; blank there, the page's own one of that name.

    `current` is what is chosen when the page comes, `problems` what is wrong, by option.
    """

    template_name = "recipients/options.html"

    class Media:
        js: ClassVar = ["leadops/options.js"]
        css: ClassVar = {"all": ["leadops/options.css"]}

    def __init__(self, offered: Callable[[], list[Choice]], *, by: str) -> None:
        super().__init__()
        self.offered = offered
        self.by = by
        self.current = ""
        self.problems: dict[str, str] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> OptionsInput:
        copied: OptionsInput = super().__deepcopy__(memo)
        copied.problems = dict(self.problems)
        return copied

    def declared(self) -> tuple[Option, ...]:
        """The options of the current choice."""
        choices = {choice.name: choice for choice in self.offered()}
        return choices[self.current].options if self.current in choices else ()

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        choices = self.offered()
        written = value if isinstance(value, Mapping) else {}
        place = {id(option): place for place, option in enumerate(self.declared())}
        rows = sorted(shown_of(choices), key=lambda row: place.get(id(row.option), len(place)))
        context["widget"].update(
            by=self.by,
            prefix=name.rpartition("-")[0],
            choices=[(choice, choice.name == self.current) for choice in choices],
            rows=[self._row(name, shown, written) for shown in rows],
            empty=not self.declared(),
            bare=" ".join(choice.name for choice in choices if not choice.options),
        )
        return context

    def _row(self, name: str, shown: Shown, written: Mapping[str, Any]) -> dict[str, Any]:
        option = shown.option
        here = self.current in shown.choices
        value = written.get(option.name) if here else None
        problem = self.problems.get(option.name, "") if here else ""
        id = f"id_{name}-{shown.key}".replace(":", "-").replace(".", "-")
        attrs = {"id": id, "aria-describedby": f"{id}-help"}
        if problem:
            attrs["aria-invalid"] = "true"
        text = _as_text(option, value)
        return {
            "option": option,
            "id": id,
            "label": label_of(option.name),
            "for": " ".join(shown.choices),
            "here": here,
            "problem": problem,
            "input": _input(option, f"{name}:{shown.key}", text, attrs)
            if here
            else _blank_input(option, name=f"{name}:{shown.key}", id=id),
            "ticked": option.kind is OptionKind.BOOLEAN,
        }

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """What was written for the current choice, as it is stored."""
        chosen = f"{name.rpartition('-')[0]}-{self.by}"
        self.current = data.get(chosen) or data.get(self.by) or self.current
        if name in data:
            return data[name]  # as a document, from whoever has no page
        found: dict[str, Any] = {}
        for shown in shown_of(self.offered()):
            if self.current in shown.choices:
                value = _stored(shown.option, data.get(f"{name}:{shown.key}"))
                if value is not None:
                    found[shown.option.name] = value
        return found

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False  # a page without any option written has none

    def id_for_label(self, id_: str) -> str:
        return ""


class OptionsField(StructuredField):
    """The options as they are stored; what is wrong with one is said by the model's own checks."""

    def __init__(
        self,
        offered: Callable[[], list[Choice]],
        *,
        by: str,
        checks: Sequence[Check] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(empty={}, checks=checks, **kwargs)
        self.widget = OptionsInput(offered, by=by)

    def prepare_value(self, value: Any) -> Any:
        return value

    def to_python(self, value: Any) -> Any:
        return dict(value) if isinstance(value, Mapping) else super().to_python(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data or "") != (initial or {}))
        except ValidationError:
            return True


class OptionsForm(forms.ModelForm):  # type: ignore[type-arg]
    """What is wrong with an option is said beside that option. `with_options` names the fields."""

    with_options: ClassVar[tuple[str, ...]] = ()

    def show_options(self, name: str, choice: str) -> None:
        """Show the options of what is stored."""
        if isinstance(widget := self._widget(name), OptionsInput):
            widget.current = choice

    def _widget(self, name: str) -> Any:
        return self.fields[name].widget if name in self.fields else None

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        for name in self.with_options:
            if name in self.errors and isinstance(widget := self._widget(name), OptionsInput):
                self._place(name, widget)

    def _place(self, name: str, widget: OptionsInput) -> None:
        """Say each mistake at its option; what is about no single one stays below them all."""
        known = {option.name for option in widget.declared()}
        left = []
        for message in self.errors[name]:
            option, colon, said = str(message).partition(": ")
            if colon and option in known:
                widget.problems[option] = said
            else:
                left.append(str(message))
        self.errors[name] = self.error_class(left or ["Correct what is marked."])


class EndpointForm(OptionsForm):
    """An endpoint, with the options of its integration and of its authentication."""

    with_options = ("options", "auth_options")

    class Meta:
        model = Endpoint
        exclude: ClassVar[list[str]] = []

    def choose(self, usual: str) -> None:
        """`usual` is the recipient's own integration."""
        self.show_options("options", self.instance.integration or usual)
        self.show_options("auth_options", str(self.instance.auth))


def options_field(db_field: models.Field[Any, Any]) -> OptionsField:
    """The form field of one of an endpoint's columns of options."""
    offered, by = (
        (integrations, "integration") if db_field.name == "options" else (authentications, "auth")
    )
    return OptionsField(
        offered,
        by=by,
        checks=db_field.validators,
        required=False,
        label="Options",
    )


def label_of(name: str) -> str:
    words = [SPELLED.get(word, word) for word in name.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def _widget(option: Option) -> forms.Widget:
    plain = " ".join(c for c in INPUT_CLASSES if c != "max-w-2xl")
    hint = {"placeholder": option.example or _default_text(option)}
    if option.kind is OptionKind.BOOLEAN:
        return forms.CheckboxInput()
    if option.kind is OptionKind.CHOICE:
        select: forms.Widget = UnfoldAdminSelectWidget(choices=[(c, c) for c in option.choices])
        return select
    if option.kind in (OptionKind.TEMPLATE, OptionKind.PAIRS):
        return CodeInput(2 if option.kind is OptionKind.PAIRS else 1, hint)
    if option.kind is OptionKind.INTEGER:
        return forms.NumberInput({"class": plain, **hint})
    return forms.TextInput({"class": plain, "autocomplete": "off", "spellcheck": "false", **hint})


def _input(option: Option, name: str, text: Any, attrs: Mapping[str, str]) -> SafeString:
    return _widget(option).render(name, text, dict(attrs))


def _blank_input(option: Option, *, name: str, id: str) -> SafeString:
    """The field of an option of another choice. A page has hundreds, alike but for their names."""
    return mark_safe(_blank_pattern(option).replace("@NAME@", name).replace("@ID@", id))  # noqa: S308


_blank_patterns: dict[int, tuple[Option, str]] = {}  # by identity: options are not hashable


def _blank_pattern(option: Option) -> str:
    if id(option) not in _blank_patterns:
        attrs = {"id": "@ID@", "aria-describedby": "@ID@-help"}
        made = _input(option, "@NAME@", _as_text(option, None), attrs)
        _blank_patterns[id(option)] = option, made
    return _blank_patterns[id(option)][1]


def _default_text(option: Option) -> str:
    if option.kind is OptionKind.DURATION and option.default:
        return durations.text(option.default)
    return str(option.default) if isinstance(option.default, str | int) else ""


def _as_text(option: Option, value: Any) -> Any:
    """A stored value as its input shows it."""
    if option.kind is OptionKind.BOOLEAN:
        return value if isinstance(value, bool) else bool(option.default)
    if option.kind is OptionKind.CHOICE:
        return value or option.default
    if option.kind is OptionKind.PAIRS and isinstance(value, Mapping):
        return _lines(value)
    return "" if value is None else str(value)


def _lines(pairs: Mapping[str, Any]) -> str:
    """A pair a line; as JSON where a value has lines of its own."""
    plain = all("\n" not in f"{name}{text}" and ":" not in name for name, text in pairs.items())
    if not plain:
        return json.dumps(dict(pairs), indent=2, ensure_ascii=False)
    return "\n".join(f"{name}: {text}" for name, text in pairs.items())


def _stored(option: Option, text: Any) -> Any:
    """What was written as it is stored; None for what need not be. What is wrong stays a text."""
    if option.kind is OptionKind.BOOLEAN:
        ticked = str(text or "").lower() in TRUE
        return None if ticked == bool(option.default) else ticked
    text = str(text or "").replace("\r\n", "\n").strip()
    if not text or (option.kind is OptionKind.CHOICE and text == option.default):
        return None
    if option.kind is OptionKind.INTEGER and text.lstrip("-").isdecimal() and text.isascii():
        return int(text)
    if option.kind is OptionKind.PAIRS:
        return _pairs(text)
    return text


def _pairs(text: str) -> Any:
    if text.startswith("{") and not text.startswith("{{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    pairs = [line.partition(":") for line in text.splitlines() if line.strip()]
    if not all(colon and name.strip() for name, colon, _ in pairs):
        return text
    return {name.strip(): value.strip() for name, _, value in pairs}
