"""The papers keep their word: links lead somewhere, commands exist, lists are whole."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import URLPattern

from events.vocabulary import EventType
from flows.fields import FIELD_TYPES
from leadops import api_urls, env
from recipients.integrations import INTEGRATIONS
from recipients.outcomes import Outcome

DOCS = env.PROJECT / "docs"
PAPERS = sorted([*env.PROJECT.glob("*.md"), *DOCS.rglob("*.md")])
PRESENT = [
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/README.md",
    "docs/architecture.md",
    "docs/glossary.md",
    "docs/operations.md",
    "docs/api.md",
    "docs/privacy.md",
    "docs/threat-model.md",
]
SPEAKS_OF_PATHS = {"mapping-language.md", "bundle.md", "rules.md"}
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`([\w<>][\w./<>]*(?:\.py|/))`")
HEADING = re.compile(r"^#{1,6} +(.+)$", re.MULTILINE)
VARIABLE = re.compile(r"\benviron(?:\.get\(|\[|, )\"([A-Z_]+)\"")
CODE = re.compile(r"`([^`]+)`")
# The lists below stand in tables whose rows begin with the word.
ROW = re.compile(r"^\| \[?`?([^`|]+?)`?\]?(?:\([^)]*\))? \|", re.MULTILINE)


def _name(path: Path) -> str:
    return str(path.relative_to(env.PROJECT))


def _prose(path: Path) -> str:
    return FENCE.sub("", path.read_text())


def _anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found = set()
    for heading in HEADING.findall(_prose(path)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-"))
    return found


def _section(path: Path, start: str, end: str) -> str:
    text = path.read_text()
    begin = text.index(start)
    return text[begin : text.index(end, begin)]


@pytest.mark.parametrize("name", PRESENT)
def test_it_has_the_paper(name: str) -> None:
    assert (env.PROJECT / name).read_text().strip()


@pytest.mark.parametrize("paper", PAPERS, ids=_name)
def test_its_links_lead_somewhere(paper: Path) -> None:
    for link in LINK.findall(_prose(paper)):
        if re.match(r"[a-z]+:", link):
            continue
        address, _, anchor = link.partition("#")
        target = (paper.parent / address).resolve() if address else paper
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target), link


@pytest.mark.parametrize("paper", [*DOCS.glob("*.md")], ids=_name)
def test_its_files_exist(paper: Path) -> None:
    """Within a row of a table a bare name stands in the folder of the name before it."""
    for line in _prose(paper).splitlines():
        folder = env.PROJECT
        for name in FILE.findall(line):
            if "<" in name or "NAME" in name:
                continue
            found = [base / name for base in (env.PROJECT, folder, folder.parent)]
            assert any(path.exists() for path in found), name
            folder = next(path for path in found if path.exists())
            folder = folder if folder.is_dir() else folder.parent


@pytest.mark.parametrize("paper", PAPERS, ids=_name)
def test_its_commands_exist(paper: Path) -> None:
    text = paper.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (env.PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^ {4}|`)make ([a-z-]+)", text, re.MULTILINE))
    assert named - targets == set()
    assert set(re.findall(r"manage\.py ([a-z]+)", text)) - set(get_commands()) == set()


def test_it_names_every_page_in_the_index() -> None:
    index = (DOCS / "README.md").read_text()
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - {"README.md"}
    assert {page for page in pages if f"({page})" not in index} == set()


@pytest.mark.parametrize(
    ("module", "start", "end"),
    [
        ("leadops/env.py", "Read by every process", "\n\nRead by"),
        ("leadops/web.py", "Read by the web server", "\n\n`${NAME}`"),
    ],
)
def test_it_names_every_variable_that_is_read(module: str, start: str, end: str) -> None:
    read = set(VARIABLE.findall((env.PROJECT / module).read_text()))
    assert read
    assert set(ROW.findall(_section(DOCS / "operations.md", start, end))) - {"variable"} == read


@pytest.mark.parametrize(
    ("page", "integration"),
    [("email.md", "email"), ("sftp.md", "sftp"), ("webhooks.md", "webhook.post")],
)
def test_it_explains_every_option(page: str, integration: str) -> None:
    table = _section(DOCS / page, "| option |", "\n\n")
    names = {name for row in table.splitlines() for name in CODE.findall(row.split("|")[1])}
    assert names == {option.name for option in INTEGRATIONS[integration].options}


def test_it_says_what_every_event_says() -> None:
    table = _section(DOCS / "outcomes-and-events.md", "| type | says |", "\n\nOwn fields")
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", table, re.MULTILINE))
    assert rows == {kind.value: kind.text for kind in EventType}


def test_it_explains_every_outcome() -> None:
    table = _section(DOCS / "outcomes-and-events.md", "| outcome | when |", "\n\nRetries")
    assert set(ROW.findall(table)) - {"outcome"} == set(Outcome)


@pytest.mark.parametrize("paper", PAPERS, ids=_name)
def test_it_names_no_event_that_is_not_there(paper: Path) -> None:
    if paper.name in SPEAKS_OF_PATHS:
        pytest.skip("source.name and the like are values there")
    groups = "|".join(sorted({kind.group for kind in EventType}))
    named = set(re.findall(rf"`((?:{groups})\.[a-z_]+)`", paper.read_text()))
    assert named - set(EventType) == set()


def test_it_describes_every_call_of_the_api() -> None:
    page = (DOCS / "api.md").read_text()
    named = set(re.findall(r"`(?:GET|POST|PUT|PATCH|DELETE) /([^`]+)`", page))
    routed = {
        re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(route.pattern))
        for route in api_urls.urlpatterns
        if isinstance(route, URLPattern) and route.name  # what stands for no call has none
    }
    assert routed - named == set()
    assert named - routed == set()


def _reasons(module: Path) -> Iterator[str]:
    """The fixed parts of the reasons that a module of field types gives."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Invalid":
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


def test_it_says_what_every_field_type_takes_and_gives() -> None:
    table = _section(DOCS / "field-types.md", "| type | takes |", "\n\nOf any type")
    rows = [
        [cell.strip() for cell in row.strip("| ").split(" | ")] for row in table.splitlines()[2:]
    ]
    assert [(row[0].strip("`"), row[1], CODE.findall(row[3])) for row in rows] == [
        (kind.name, kind.takes, list(kind.components)) for kind in FIELD_TYPES.values()
    ]


@pytest.mark.parametrize("module", sorted((env.PROJECT / "flows/fields").glob("*.py")), ids=_name)
def test_it_explains_every_reason_of_a_field_type(module: Path) -> None:
    page = " ".join((DOCS / "field-types.md").read_text().split())
    assert {reason for reason in _reasons(module) if reason.strip() not in page} == set()
