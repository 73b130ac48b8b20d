"""Whatever a lead holds: a payload, or a RenderError. Whatever staff writes: a MappingError."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipients.mapping import (
    HELPERS,
    MappingError,
    RenderError,
    Row,
    compile_rows,
    compile_template,
    compile_text,
    document_of,
    json_of,
    rows_of,
    rows_of_text,
)

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(max_size=40)
    | st.dates() | st.datetimes() | st.binary(max_size=10)
    | st.sampled_from(["+15555551234", "2024-01-15T10:30:47Z", "$1,045.50", "{{lead.y}}", "0", " "])
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)

CALLS = [
    "format lead.x lead.y", 'format lead.x "(###) ###-####"', 'format lead.x "$0,0.00"',
    'format lead.x "YYYY-MM-DD HH:mm ZZ X" lead.y', 'format lead.x "0%"',
    'format lead.x "iso" lead.y', 'math lead.x "*" lead.y',
    'math lead.x "%" lead.y decimals=lead.y', "lookup lead.x a=lead.y default=lead.y",
    "lookup lead.x lead.y", 'hash lead.x "md5" salt=lead.y', "hmac lead.x key=lead.y",
    "replace_pattern lead.x '[a-z]' lead.y", "matches lead.x 'a'", 'compare lead.x "<" lead.y',
    'compare lead.x "==" lead.y', "date_add lead.x lead.y 'days'", "lead.x contains lead.y",
    "object a=lead.x", "truncate lead.x lead.y end=lead.y",
    *[f"{name} lead.x" for name, helper in HELPERS.items()
      if helper.least <= 1 and not helper.required and not helper.prepare and name != "object"],
    *[f"{name} lead.x lead.y" for name, helper in HELPERS.items()
      if helper.least <= 2 and helper.most != 1 and not helper.prepare and name != "object"],
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_no_value_breaks_a_helper(call: str) -> None:
    mapping = compile_rows([Row("a", "{{" + call + "}}"), Row("b", "[{{" + call + "}}]")])

    @settings(max_examples=40, deadline=None)
    @given(VALUES, VALUES)
    def renders(x: Any, y: Any) -> None:
        try:
            payload = mapping.render({"lead": {"x": x, "y": y}})
        except RenderError as exc:
            if exc.__cause__ is not None and "Could not" in exc.message:
                raise AssertionError(f"{call} raised {exc.__cause__!r}") from exc
            return
        orjson.dumps(payload, default=float, option=orjson.OPT_NON_STR_KEYS)

    renders()


@settings(max_examples=200, deadline=None)
@given(st.recursive(st.dictionaries(st.text(max_size=5), SCALARS), lambda v: st.dictionaries(
    st.sampled_from(["lead", "source", "now", "delivery", "x"]), v | SCALARS)))  # fmt: skip
def test_no_context_breaks_a_mapping(context: dict[str, Any]) -> None:
    mapping = compile_rows(
        [Row("a", "{{lead.x.y}} {{x}} {{now}} {{delivery_attempt}}"), Row("b", "{{lead}}"),
         Row("c", "{{#each lead}}{{@key}}{{this.x}}{{/each}}"), Row("d", "1", when="source.x > 1")]
    )  # fmt: skip
    try:
        mapping.render(context)
        mapping.missing(context)
    except RenderError:
        pass


@given(
    st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2068, 12, 31)),
    st.sampled_from(
        [
            "DD/MM/YYYY HH:mm",
            "M-D-YY h:mm A",
            "Do MMMM YYYY, H.m",
            "YYYYMMDDHHmm",
            "MMM D YY hh:mm a",
        ]
    ),
)
def test_dates_read_back_in_the_pattern_that_they_were_written_in(
    moment: datetime, pattern: str
) -> None:
    call = f'format (read_date (format lead.x "{pattern}") "{pattern}") "X"'
    template = compile_template("{{" + call + "}}")
    whole = moment.replace(second=0, microsecond=0, tzinfo=UTC)
    assert template.render({"lead": {"x": moment}}) == str(int(whole.timestamp()))


@given(VALUES)
def test_a_document_in_one_text_holds_what_it_would_hold_itself(value: Any) -> None:
    rows = [Row("a.#json.b", "{{lead.x}}"), Row("c.b", "{{lead.x}}")]
    try:
        payload = compile_rows(rows).render({"lead": {"x": value}})
    except RenderError:
        return
    text, itself = payload.get("a"), payload.get("c")
    if itself is not None:
        assert text == json_of(itself)
        orjson.loads(text)


PIECES = st.lists(
    st.sampled_from(
        ["{{", "}}", "#if ", "/if", "else", "lead.x", "(", ")", '"', "'", "==", " ", "\n", "  ",
         "a", ": ", "- ", "#each ", "/each", "~", "!", "\\", "upper ", "format ", "and ", "not ",
         "1", "|", "{", "}", "[", "]", "@index", "x=", ".", "{{#if lead.x}}", "{{/if}}", "key: "]
    ) | st.text(max_size=3),
    max_size=25,
).map("".join)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(PIECES)
def test_no_text_breaks_the_compiler(text: str) -> None:
    for compiling in (compile_template, compile_text):
        try:
            compiled: Any = compiling(text)
            compiled.render({"lead": {"x": "v"}})
        except (MappingError, RenderError):
            pass


@settings(max_examples=200, deadline=None)
@given(PIECES)
def test_the_rows_of_a_text_render_as_the_text(text: str) -> None:
    try:
        expected = compile_text(text).render({"lead": {"x": "v"}})
    except (MappingError, RenderError):
        return
    rows = rows_of_text(text)
    assert compile_rows(rows).render({"lead": {"x": "v"}}) == expected
    assert compile_rows(rows_of(document_of(rows))).render({"lead": {"x": "v"}}) == expected


NAMES = st.text(alphabet="ab.\\01é ", min_size=1, max_size=4).filter(lambda name: name.strip())
LEAVES = (
    st.text(alphabet="ab {}", max_size=6) | st.integers(-(10**9), 10**9) | st.booleans()
    | st.floats(-1e6, 1e6, allow_nan=False) | st.none()
)  # fmt: skip
OPTIONS = st.fixed_dictionaries({"value": LEAVES, "when": st.sampled_from(["lead.x", "lead.y"])})


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(NAMES, st.recursive(
    LEAVES | OPTIONS,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(NAMES | st.sampled_from(["value", "when", "cases"]), inner, max_size=3),
    max_leaves=8)))  # fmt: skip
def test_documents_survive_the_way_through_rows(document: dict[str, Any]) -> None:
    try:
        rows = rows_of(document)
    except MappingError:
        return
    again = document_of(rows)
    assert rows_of(again) == rows
