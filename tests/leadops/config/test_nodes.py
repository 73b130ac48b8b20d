"""YAML as nodes: lines, spellings, and files that mean harm."""

from __future__ import annotations

import time

import pytest

from leadops.config.nodes import MAX_BYTES, parse
from leadops.config.problems import BundleError


def read(text: str | bytes):
    return parse(text if isinstance(text, bytes) else text.encode(), name="x.yaml")


def plain(node):
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value


def refused(text: str | bytes) -> str:
    with pytest.raises(BundleError) as caught:
        read(text)
    return str(caught.value)


def test_it_reads_references_without_quotes_even_in_flow_mappings():
    assert plain(read("a: {token: ${X}, b: [${Y_1}, '${Z}']}\nc: ${D}/x")) == {
        "a": {"token": "${X}", "b": ["${Y_1}", "${Z}"]},
        "c": "${D}/x",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("ON", "ON"),
        ("yes", "yes"),
        ("01234", "01234"),
        ("12:30", "12:30"),
        ("2024-01-15", "2024-01-15"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1e5", "1e5"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("-7", -7),
        ("45.00", 45.0),
        ("'45.00'", "45.00"),
        ("!!str 45", "45"),
    ],
)
def test_it_reads_plain_words_as_people_mean_them(text, value):
    found = plain(read(f"a: {text}"))["a"]
    assert (found, type(found)) == (value, type(value))


def test_it_keeps_the_spelling_of_numbers():
    assert read("price: 15.00").value["price"].text == "15.00"


def test_it_knows_the_line_of_every_value_behind_references():
    node = read("a: 1\nb:\n  - {x: ${NAME}, y: 2}\n  -\n    z: 3\n")
    items = node.value["b"].value
    assert node.value["b"].line == 2
    assert [items[0].value["y"].line, items[1].value["z"].line] == [3, 5]


def test_it_reports_every_key_that_stands_twice_with_both_lines():
    text = refused("a: 1\nb: {x: 1, x: 2}\na: 2\n")
    assert "x.yaml:2: b.x: The key stands here twice, first in line 2" in text
    assert "x.yaml:3: a: The key stands here twice, first in line 1" in text


def test_it_takes_anchors_aliases_and_merges():
    text = "base: &b {method: POST, timeout: 5s}\nother: {<<: *b, timeout: 9s}\nagain: *b"
    found = plain(read(text))
    assert found["other"] == {"method": "POST", "timeout": "9s"}
    assert found["again"] == found["base"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: [1, 2\nc: 3", 3, "YAML"),
        ("a:\n\tb: 1", 2, "tabs"),
        ("a: 1\nb: {{lead.x}}", 2, "quotes"),
        ("a: {b: {{lead.x}} y}", 1, "quotes"),
        ("a: 1\n---\nb: 2", 2, "one document"),
        ("a: !!python/object/apply:os.system [ls]", 1, "tags"),
        ("a: !secret x", 1, "tags"),
        ("a: &x [1, *x]", 1, "refers to what it stands in"),
        ("a: *nobody", 1, "nobody"),
        ('a: "x\\0y"', 1, "Control characters"),
        ("a: 1\nb: x\x00y", 2, "U+0000"),
        ("a: 1\n\n c: \ue000", 3, "U+E000"),
        ("<<: 5", 1, "takes an object"),
        ("? [a, b]\n: 1", 1, "A key is a text"),
        ("", 1, "empty"),
        ("# nothing", 1, "empty"),
    ],
)
def test_it_refuses_bad_yaml_at_its_line(text, line, words):
    message = refused(text)
    assert message.startswith(f"x.yaml:{line}: ")
    assert words in message


def test_it_refuses_what_is_not_utf_8_at_its_line():
    assert refused(b"a: 1\nb: \xff").startswith("x.yaml:2: The file is not UTF-8")


def test_it_refuses_files_over_five_mebibytes():
    assert "5 MiB are the most" in refused(b"#" * (MAX_BYTES + 1))


def _bomb(first: str, layer: str, layers: int) -> str:
    """Each line holds the one before it several times."""
    lines = [f"a0: &a0 {first}"]
    for n in range(1, layers):
        lines.append(f"a{n}: &a{n} {layer.replace('@', f'*a{n - 1}')}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        _bomb("[x]", "[@, @, @, @, @, @, @, @, @]", 30),
        _bomb("{x: 1}", "{p: @, q: @}", 60),
        "[" * 100_000,
        "{a: " * 50_000,
        "- " * 100_000,
        "a: [" + "x," * 1_000_000 + "]",
    ],
    ids=["list bomb", "object bomb", "deep list", "deep object", "deep dashes", "long list"],
)
def test_it_refuses_bombs_quickly(text):
    began = time.monotonic()
    assert refused(text).count("\n") == 0
    assert time.monotonic() - began < 10
