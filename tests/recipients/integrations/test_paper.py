"""docs/integrations.md says what the registry says. WRITE_DOCS=1 writes it anew."""

from __future__ import annotations

import os
from collections.abc import Iterator

from leadops import env
from leadops.lib import durations
from recipients.integrations import INTEGRATIONS, Integration
from recipients.options import Option, OptionKind
from recipients.plan import BodyFormat

PAPER = env.PROJECT / "docs" / "integrations.md"
BEGIN = "<!-- From the registry; tests/recipients/integrations/test_paper.py writes it. -->\n"

FORMATS = {BodyFormat.JSON: "JSON", BodyFormat.XML: "XML", BodyFormat.FORM: "a form"}


def written() -> str:
    return "\n".join(line for each in INTEGRATIONS.values() for line in section(each)) + "\n"


def section(each: Integration) -> Iterator[str]:
    yield from (f"## {each.label}", "", f"`integration: {each.name}`. {each.about}", "")
    if facts := list(_facts(each)):
        yield from (*facts, "")
    if each.options:
        yield from ("| option | is | without | |", "|---|---|---|---|")
        yield from (_option(option) for option in each.options)
        yield ""
    if each.fields:
        yield from ("| field | | for example |", "|---|---|---|")
        for one in each.fields:
            name = f"**{one.name}**" if one.required else one.name
            yield f"| {name} | {one.help} | {_code(one.example)} |"
        yield ""
    if each.reading and each.reading.rules:
        yield from ("| outcome | where the reply has |", "|---|---|")
        for rule in each.reading.rules:
            when = [f"status {rule.status}" if rule.status else "", _code(rule.when)]
            when.append(f"text like {_code(rule.matches)}" if rule.matches else "")
            yield f"| {rule.outcome} | {', '.join(filter(None, when))} |"
        yield ""


def _facts(each: Integration) -> Iterator[str]:
    if each.url:
        yield f"- Address: `{each.url}`; the rest of it is made from the options."
    if each.format:
        yield f"- Sends {FORMATS[each.format]} and nothing else."
    if each.reading and each.reading.success:
        own = "- Success, where the recipient says nothing of its own"
        yield f"{own}: {_code(each.reading.success)}"
    if each.probe:
        yield "- The connection can be tried without a lead, from the recipient's Test call."
    if each.docs:
        yield f"- [The vendor's documentation]({each.docs})"


def _option(option: Option) -> str:
    kind = ", ".join(option.choices) if option.kind is OptionKind.CHOICE else str(option.kind)
    example = f" E.g. {_code(option.example)}" if option.example else ""
    name = f"**{option.name}**" if option.required else option.name
    return f"| {name} | {kind} | {_default(option)} | {_cell(option.help)}{example} |"


def _default(option: Option) -> str:
    value = option.default
    if option.required:
        return "required"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if option.kind is OptionKind.DURATION and value:
        return durations.text(value)
    return str(value) if isinstance(value, str | int) and value != "" else ""


def _code(text: str) -> str:
    return f"`{_cell(text)}`" if text else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def test_the_paper_says_what_the_registry_says() -> None:
    head, mark, _ = PAPER.read_text().partition(BEGIN)
    assert mark
    if os.environ.get("WRITE_DOCS"):
        PAPER.write_text(head + BEGIN + written())
    assert PAPER.read_text() == head + BEGIN + written()
