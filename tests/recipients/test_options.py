from __future__ import annotations

from typing import Any

import pytest

from recipients.options import Option, OptionError, OptionKind, compile_options

OPTIONS = (
    Option("to", OptionKind.TEMPLATE, required=True),
    Option("port", OptionKind.INTEGER, default=587),
    Option("wait", OptionKind.DURATION, default=1.0),
    Option("mode", OptionKind.CHOICE, choices=("file", "append"), default="file"),
    Option("strict", OptionKind.BOOLEAN, default=False),
    Option("pin", OptionKind.SECRET),
    Option("extra", OptionKind.PAIRS),
    Option("host"),
)


def test_it_compiles_each_kind() -> None:
    written = {
        "to": "{{lead.email}}",
        "port": 25,
        "wait": "1m",
        "mode": "append",
        "strict": True,
        "pin": "${PIN}",
        "extra": {"x": "{{lead.state}}"},
        "host": "${HOST}.example",
    }
    values = {"${PIN}": "1234", "${HOST}.example": "mail.example"}
    made = compile_options(OPTIONS, written, fill=lambda text: values.get(text, text))
    lead = {"lead": {"email": "ann@example.com", "state": "TX"}}
    assert made["to"].text(lead) == "ann@example.com"
    assert (made["port"], made["wait"], made["mode"], made["strict"]) == (25, 60.0, "append", True)
    assert (made["pin"], made["host"]) == ("1234", "mail.example")
    assert made["extra"]["x"].text(lead) == "TX"


def test_it_gives_defaults_for_what_is_not_written() -> None:
    made = compile_options(OPTIONS, {"to": "a@b.example", "port": None, "mode": ""})
    assert (made["port"], made["mode"], made["pin"]) == (587, "file", None)


@pytest.mark.parametrize(
    ("written", "name", "message"),
    [
        ({}, "to", "must be given"),
        ({"to": "{{#if"}, "to", ""),
        ({"to": "x" * 20_001}, "to", "at most"),
        ({"to": "a", "port": "587"}, "port", "whole number"),
        ({"to": "a", "port": True}, "port", "whole number"),
        ({"to": "a", "wait": "soon"}, "wait", ""),
        ({"to": "a", "mode": "throw"}, "mode", "one of file, append"),
        ({"to": "a", "strict": "yes"}, "strict", "true or false"),
        ({"to": "a", "pin": "1234"}, "pin", "${NAME}"),
        ({"to": "a", "extra": ["x"]}, "extra", "names and values"),
        ({"to": "a", "host": {"a": 1}}, "host", "a text"),
        ({"to": "a", "colour": "red"}, "colour", "no such option"),
    ],
)
def test_it_names_the_option_that_is_wrong(
    written: dict[str, Any], name: str, message: str
) -> None:
    with pytest.raises(OptionError) as caught:
        compile_options(OPTIONS, written)
    assert caught.value.name == name
    assert message in caught.value.message
