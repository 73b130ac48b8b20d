"""Mappings: rows, documents, what is left out, bounds, and the figures."""

from __future__ import annotations

import time
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from recipients.mapping import (
    MappingError,
    RenderError,
    Row,
    compile_document,
    compile_rows,
    document_of,
    rows_of,
)
from recipients.mapping.scope import MAX_SECONDS, Scope
from tests.recipients.mapping.examples import CONTEXT


def render(*rows: Row) -> dict[str, Any]:
    return compile_rows(rows).render(CONTEXT)


def test_it_nests_by_dots_and_keeps_the_order() -> None:
    payload = render(
        Row("z", "1"), Row("a.name.first", "{{lead.first_name}}"), Row("a.b", "2"), Row("c", "3")
    )
    assert payload == {"z": "1", "a": {"name": {"first": "Mary"}, "b": "2"}, "c": "3"}
    assert list(payload) == ["z", "a", "c"]


def test_it_makes_lists_of_numbers_and_closes_their_gaps() -> None:
    payload = render(
        Row("p.1.n", "b"), Row("p.0.n", "a"), Row("p.2.n", "{{lead.none}}"), Row("p.3", "d")
    )
    assert payload == {"p": [{"n": "a"}, {"n": "b"}, "d"]}


def test_it_takes_escaped_dots_and_numbers_as_names() -> None:
    assert render(Row(r"a\.b", "1"), Row(r"c.\0", "2")) == {"a.b": "1", "c": {"0": "2"}}


@pytest.mark.parametrize("value", ["", "  ", "{{lead.none}}", "{{lead.empty}}", "{{null}}",
                                   "{{list}}", "{{#if lead.none}}x{{/if}}"])  # fmt: skip
def test_it_leaves_blank_values_out(value: str) -> None:
    assert render(Row("a", value), Row("b", "1")) == {"b": "1"}


@pytest.mark.parametrize(("value", "kept"), [("{{lead.debt}}", 0), ("{{lead.is_owner}}", False),
                                             ("{{0}}", 0), ("0", "0")])  # fmt: skip
def test_it_sends_zero_and_false(value: str, kept: Any) -> None:
    assert render(Row("a", value)) == {"a": kept}


def test_it_keeps_blanks_when_told() -> None:
    assert render(
        Row("a", "{{lead.none}}", keep_blank=True),
        Row("b", "{{null}}", keep_blank=True),
        Row("c", "{{list}}", keep_blank=True),
    ) == {"a": "", "b": None, "c": []}


def test_it_leaves_an_object_out_when_all_in_it_is_blank() -> None:
    assert render(Row("a.b.c", "{{lead.none}}")) == {}


def test_it_keeps_decimals_for_the_encoder() -> None:
    assert render(Row("a", "{{lead.price}}")) == {"a": Decimal("15.00")}


@pytest.mark.parametrize(("when", "sent"), [("lead.score > 80", True), ("lead.phone_3", False),
    ("{{lead.score > 80}}", True), ('lead.state == "TX"', False), ("lead.debt", True)])  # fmt: skip
def test_it_leaves_rows_out_by_their_condition(when: str, sent: bool) -> None:
    assert (render(Row("a", "1", when=when)) == {"a": "1"}) is sent


def test_it_lets_the_last_condition_that_holds_win_over_the_default() -> None:
    rows = [Row("p", "HIGH", when="lead.score > 70"), Row("p", "NORMAL"),
            Row("p", "TOP", when="lead.score > 90")]  # fmt: skip
    assert render(*rows) == {"p": "HIGH"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([Row("a", "1"), Row("a", "2")], "twice"),
        ([Row("a", "1"), Row("a.b", "2")], "a value and parts"),
        ([Row("a.b", "1"), Row("a", "2")], "a value and parts"),
        ([Row("a.b", "1"), Row("a.0", "2")], "mixed"),
        ([Row("0", "1")], "begins with names"),
        ([Row("", "1")], "empty"),
        ([Row("a..b", "1")], "empty"),
        ([Row("a\\", "1")], "backslash"),
        ([Row("a.1000000", "1")], "places"),
        ([Row(".".join("abcdefghijklmnopqrstuvwxyz"), "1")], "deeper"),
        ([Row("a", "1", when="lead.x >")], "missing"),
        ([Row("a", "1", when="{{#if lead.x}}")], "only the condition"),
        ([Row(f"k{n}", "1") for n in range(1001)], "rows at most"),
    ],
)
def test_it_refuses_wrong_rows(rows: list[Row], message: str) -> None:
    with pytest.raises(MappingError, match=message):
        compile_rows(rows)


def test_it_names_the_row_of_an_error() -> None:
    with pytest.raises(MappingError) as caught:
        compile_rows([Row("a.b", "x\n {{nope lead.x}}")])
    assert (caught.value.path, caught.value.line, caught.value.column) == ("a.b", 2, 4)


def test_it_says_what_is_missing() -> None:
    mapping = compile_rows([Row("a", "{{lead.none}} {{lead.empty}}"), Row("b", "{{nothing}}")])
    assert mapping.missing(CONTEXT) == ["lead.none", "nothing"]
    assert mapping.paths == {"lead.none", "lead.empty", "lead.nothing", "source.nothing"}


DOCUMENT: dict[str, Any] = {
    "firstName": "{{lead.first_name}}",
    "count": 1,
    "ratio": 1.5,
    "yes": True,
    "no": None,
    "empty": {},
    "none": [],
    "applicant": {"name": {"first": "x"}, "phones": ["{{lead.phone_1}}", {"n": 2}], "a.b": "c"},
    "numbers": {"0": "a", "1": "b"},
    "second": {"value": "{{lead.phone_2}}", "when": "lead.phone_2", "keep_blank": True},
    "kept": {"value": "{{lead.none}}", "keep_blank": True},
    "property": {"value": "only an object"},
    "guarded": {"value": {"value": "a", "when": "b"}, "keep_blank": False},
    "choice": {"cases": [{"value": 1, "when": "lead.x"}, {"value": 2, "keep_blank": False}]},
}


def test_it_sends_a_whole_document_as_one_text() -> None:
    payload = render(
        Row("data.#json.name", "{{lead.first_name}}"),
        Row("data.#json.price", "{{lead.price}}"),
        Row("data.#json.none", "{{lead.none}}"),
        Row("cars.#json", "{{lead.interests}}"),
        Row("xml.#xml.lead.@id", "{{lead.debt}}"),
        Row("xml.#xml.lead.name", "<{{lead.first_name}}>"),
        Row("no.#json.a", "{{lead.none}}"),
        Row("list.0.#json.a", "b"),
    )
    assert payload == {
        "data": '{"name":"Mary","price":15.00}',
        "cars": '["auto","home"]',
        "xml": '<lead id="0"><name>&lt;Mary&gt;</name></lead>',
        "list": ['{"a":"b"}'],
    }


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["a.#json.b", "a.c"], "stands alone"),
        (["a.#json.b", "a.#xml.c"], "stands alone"),
        (["#json.a"], "stands alone"),
        (["a.#xml"], "one name at its root"),
        (["a.#xml.b", "a.#xml.c"], "one name at its root"),
        (["a.#xml.b c"], "one name at its root"),
        (["a.#xml.0"], "one name at its root"),
    ],
)
def test_it_refuses_documents_that_are_none(keys: list[str], message: str) -> None:
    with pytest.raises(MappingError, match=message) as caught:
        compile_rows([Row(key, "1") for key in keys])
    assert caught.value.path


def test_it_names_the_row_of_a_document_that_cannot_be_written() -> None:
    mapping = compile_rows([Row("a.b.#xml.c.first name", "x")])
    with pytest.raises(RenderError, match="not an XML name") as caught:
        mapping.render(CONTEXT)
    assert caught.value.path == "a.b"


def test_it_never_reads_a_leads_value_as_a_template() -> None:
    assert render(
        Row("a", "{{lead.tricky}}"),
        Row("b", "{{upper lead.tricky}} {{lead.tricky}}"),
        Row("c.#json.d", "{{lead.tricky}}"),
        Row("e", "{{json lead.tricky}}"),
        Row("f", "{{#each (list lead.tricky)}}{{this}}{{/each}}"),
        Row("g", "{{lookup lead.state CA=lead.tricky}}"),
    ) == {
        "a": "{{lead.email}}",
        "b": "{{LEAD.EMAIL}} {{lead.email}}",
        "c": '{"d":"{{lead.email}}"}',
        "e": '"{{lead.email}}"',
        "f": "{{lead.email}}",
        "g": "{{lead.email}}",
    }


def test_it_goes_between_rows_and_documents_without_loss() -> None:
    rows = rows_of(DOCUMENT)
    assert document_of(rows) == DOCUMENT
    assert rows_of(document_of(rows)) == rows
    assert Row("applicant.phones.1.n", "{{2}}") in rows
    assert Row("applicant.a\\.b", "c") in rows
    assert Row("second", "{{lead.phone_2}}", "lead.phone_2", True) in rows


def test_it_renders_a_document() -> None:
    assert compile_document(DOCUMENT).render(CONTEXT) == {
        "firstName": "Mary",
        "count": 1,
        "ratio": 1.5,
        "yes": True,
        "applicant": {"name": {"first": "x"}, "phones": ["+15555551234", {"n": 2}], "a.b": "c"},
        "numbers": {"0": "a", "1": "b"},
        "second": "5555550000",
        "kept": "",
        "property": {"value": "only an object"},
        "guarded": {"value": "a", "when": "b"},
        "choice": 2,
    }


def test_it_puts_a_condition_on_a_whole_object() -> None:
    document = {"a": {"value": {"b": 1, "c": {"value": 2, "when": "lead.none"}}, "when": "true"}}
    assert compile_document(document).render(CONTEXT) == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"a": {"b": object()}}, "a.b"),
        ({"a": {"value": "x", "when": 3}}, "a"),
        ({"a": {"value": "x", "keep_blank": "maybe"}}, "a"),
        ({"a": {"": "x"}}, "a"),
        ({"a": float("nan")}, "a"),
    ],
)
def test_it_refuses_what_no_document_holds(document: dict[str, Any], path: str) -> None:
    with pytest.raises(MappingError) as caught:
        compile_document(document)
    assert caught.value.path == path


def test_it_stops_at_a_document_without_end() -> None:
    document: Any = ["x"] * 10
    for _ in range(15):
        document = [document] * 10
    with pytest.raises(MappingError, match="rows at most"):
        compile_document({"a": document})


def test_it_sends_numbers_beyond_64_bits_as_text() -> None:
    payload = compile_rows([Row("a", "{{lead.x}}")]).render({"lead": {"x": 2**64}})
    assert payload == {"a": "18446744073709551616"}


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("template", "value", "message"),
    [
        ("{{lead.x}}", "x" * 300_000, "larger than 256 KiB"),
        ("{{lead.x}}", ["x" * 1000] * 300, "larger than 256 KiB"),
        ("{{#each lead.x}}{{this}}{{/each}}", ["x" * 1000] * 300, "larger than"),
        ("{{#each lead.x}}a{{/each}}", list(range(1001)), "more than 1000 items"),
        ("{{lead.x}}", deep(50), "deeper than 20"),
        ("{{json lead.x}}", deep(5000), "deeper than 20"),
        ("{{replace lead.x 'a' lead.x}}", "a" * 100_000, "too long"),
        ("{{lead.x}}", [10**5000], "too long"),
        ("{{#each lead.x}}" * 3 + "{{upper this}}" + "{{/each}}" * 3,
         [""] * 1000, "longer than 250 ms"),
    ],
)  # fmt: skip
def test_it_stops_at_its_bounds(template: str, value: Any, message: str) -> None:
    began = time.monotonic()
    with pytest.raises(RenderError, match=message) as caught:
        compile_rows([Row("a.b", template)]).render({"lead": {"x": value}})
    assert caught.value.path == "a.b"
    assert time.monotonic() - began < 2


def test_it_counts_only_its_own_time() -> None:
    scope = Scope(CONTEXT)
    time.sleep(MAX_SECONDS * 1.5)
    scope.tick()
    while time.thread_time() < scope._began + MAX_SECONDS:
        pass
    time.sleep(MAX_SECONDS)
    with pytest.raises(RenderError, match="longer than 250 ms"):
        scope.tick()


def test_it_renders_twenty_rows_in_the_time_of_a_few_copies() -> None:
    """Under 100 µs on any machine of these years: `manage.py bench mapping` says what it is."""
    rows = [Row(f"plain{n}", "{{lead.email}}") for n in range(10)]
    rows += [Row(f"a.b.nested{n}", "{{lead.first_name}} {{lead.last_name}}") for n in range(4)]
    rows += [Row("phone", '{{format lead.phone_1 "(###) ###-####"}}'),
             Row("date", '{{format lead.timestamp "YYYY-MM-DD"}}'),
             Row("state", '{{#compare lead.state "==" "CA"}}California{{/compare}}'),
             Row("priority", "{{#if lead.score > 80}}1{{else}}2{{/if}}"),
             Row("second", "{{lead.phone_2}}", when="lead.phone_2"),
             Row("upper", "{{upper lead.last_name}}")]  # fmt: skip
    mapping = compile_rows(rows)
    payload = mapping.render(CONTEXT)
    assert fastest(lambda: mapping.render(CONTEXT)) < 10 * fastest(lambda: deepcopy(payload))


def fastest(run: Any) -> float:
    """Seconds of one run, the best of several rounds: what the code costs, not the machine."""
    rounds = []
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(20):
            run()
        rounds.append((time.perf_counter() - began) / 20)
    return min(rounds)
