"""docs/mapping-language.md stays true: all its examples are run, and no helper is left out."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from recipients.mapping import HELPERS, MappingError, compile_template, compile_text, json_of
from recipients.options import Option
from recipients.transports.bodies import OPTIONS, xml_body
from tests.recipients.mapping.examples import CONTEXT

PAGE = (Path(__file__).parents[3] / "docs" / "mapping-language.md").read_text()
ROW = re.compile(r"^\| `(?P<left>.+)` \| `(?P<right>.+)` \|$")


def fenced(name: str) -> str:
    found = re.search(rf"^```{name}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def table_rows(heading: str) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    inside = False
    for line in PAGE.splitlines():
        if line.startswith(heading):
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and (found := ROW.match(line)):
            rows.append((found["left"], found["right"]))
    return rows


def context() -> dict[str, Any]:
    now = datetime(2024, 1, 15, 22, 5, 9, 7000, tzinfo=UTC)
    return {**CONTEXT, "lead": json.loads(fenced("json lead")), "now": now}


EXAMPLES = table_rows("| template | result |")
MISTAKES = table_rows("| wrong | message |")


def test_it_finds_the_examples() -> None:
    assert len(EXAMPLES) > 100
    assert len(MISTAKES) > 10


@pytest.mark.parametrize(("template", "result"), EXAMPLES)
def test_the_page_is_right_about(template: str, result: str) -> None:
    rendered = compile_template(template).render(context())
    assert json.loads(json_of(rendered)) == json.loads(result)


@pytest.mark.parametrize(("template", "message"), MISTAKES)
def test_the_page_is_right_about_the_mistake(template: str, message: str) -> None:
    with pytest.raises(MappingError) as caught:
        compile_template(template)
    assert message in caught.value.message


def test_the_page_is_right_about_the_block_form() -> None:
    assert compile_text(fenced("block")).render(context()) == json.loads(fenced("json result"))


def test_the_page_is_right_about_xml() -> None:
    payload = compile_text(fenced("block xml")).render(context())
    assert xml_body(payload, root="lead").decode() == fenced("xml result").rstrip("\n")


def test_the_page_is_right_about_whole_documents() -> None:
    payload = compile_text(fenced("block document")).render(context())
    assert payload == json.loads(fenced("json document result"))


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_the_page_names_the_option(option: Option) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{option.name}` |")]
    assert all(f"`{choice}`" in row for choice in option.choices)


@pytest.mark.parametrize("name", sorted(HELPERS))
def test_the_page_names_the_helper(name: str) -> None:
    assert re.search(rf"(?:\{{\{{|\(|`){name}\b", PAGE)
