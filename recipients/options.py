"""Settings that only some integrations have: declared once, for admin, bundle and workers.

An integration and a kind of authentication each declare their options. Written values are kept as
JSON; `compile_options` makes of them what a transport uses, or says which one is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from leadops.lib import durations
from recipients import mapping

MAX_LENGTH = 20_000


class OptionKind(StrEnum):
    """What a value must be, and what it compiles to."""

    TEXT = "text"  # str
    TEMPLATE = "template"  # mapping.Template
    BOOLEAN = "boolean"  # bool
    INTEGER = "integer"  # int
    DURATION = "duration"  # float, seconds
    CHOICE = "choice"  # str
    SECRET = "secret"  # noqa: S105  # str; written as ${NAME} only, so that it is kept encrypted
    PAIRS = "pairs"  # dict of str to mapping.Template


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: `default` is in the compiled form, `example` is shown where it is asked for."""

    name: str
    kind: OptionKind = OptionKind.TEXT
    help: str = ""
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    example: str = ""
    check: Callable[[str], object] | None = None
    """Of a text: raises ValueError. Texts that hold ${NAME} are checked when that is filled in."""


class OptionError(ValueError):
    """One option is wrong; `name` says which."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message

    @property
    def path(self) -> str:
        """Where it stands among the options."""
        return self.name


Fill = Callable[[str], str]


def compile_options(
    options: Sequence[Option], written: Mapping[str, Any], *, fill: Fill = str
) -> Mapping[str, Any]:
    """Every declared option by name, in its compiled form; raises OptionError.

    `fill` replaces `${NAME}` references in texts.
    """
    known = {option.name: option for option in options}
    for name in written:
        if name not in known:
            there = ", ".join(known) or "none"
            raise OptionError(name, f"there is no such option here; there is: {there}")
    return MappingProxyType(
        {option.name: _compiled(option, written.get(option.name), fill) for option in options}
    )


def _compiled(option: Option, value: Any, fill: Fill) -> Any:
    if value is None or value == "":
        if option.required:
            raise OptionError(option.name, "must be given")
        return option.default
    try:
        return _COMPILERS[option.kind](option, value, fill)
    except ValueError as error:
        raise OptionError(option.name, str(error)) from error


def _text(option: Option, value: Any, fill: Fill) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("write a text")
    text = str(value)
    if len(text) > MAX_LENGTH:
        raise ValueError(f"at most {MAX_LENGTH} characters")
    return _checked(option, fill(text))


def _checked(option: Option, text: str) -> str:
    if option.check is not None and "${" not in text:
        option.check(text)
    return text


def _template(option: Option, value: Any, fill: Fill) -> mapping.Template:
    return mapping.compile_template(_text(option, value, fill))


def _boolean(option: Option, value: Any, fill: Fill) -> bool:
    if not isinstance(value, bool):
        raise ValueError("write true or false")
    return value


def _integer(option: Option, value: Any, fill: Fill) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("write a whole number")
    return value


def _duration(option: Option, value: Any, fill: Fill) -> float:
    return durations.parse(str(value))


def _choice(option: Option, value: Any, fill: Fill) -> str:
    text = str(value)
    if text not in option.choices:
        raise ValueError(f"one of {', '.join(option.choices)}")
    return text


def _secret(option: Option, value: Any, fill: Fill) -> str:
    text = _text(option, value, str)
    if not (text.startswith("${") and text.endswith("}")):
        raise ValueError("write ${NAME}, and keep the value under Secrets")
    return _checked(option, fill(text))


def _pairs(option: Option, value: Any, fill: Fill) -> dict[str, mapping.Template]:
    if not isinstance(value, Mapping):
        raise ValueError("write an object of names and values")
    return {str(name): _template(option, each, fill) for name, each in value.items()}


_COMPILERS: Mapping[OptionKind, Callable[[Option, Any, Fill], Any]] = MappingProxyType(
    {
        OptionKind.TEXT: _text,
        OptionKind.TEMPLATE: _template,
        OptionKind.BOOLEAN: _boolean,
        OptionKind.INTEGER: _integer,
        OptionKind.DURATION: _duration,
        OptionKind.CHOICE: _choice,
        OptionKind.SECRET: _secret,
        OptionKind.PAIRS: _pairs,
    }
)
