"""The limit of time for one reply: it holds whatever the rules and the reply are, in any thread."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from leadops.lib import patterns
from recipients.outcomes import Outcome
from recipients.responses import (
    ReaderSpec,
    RuleSpec,
    SelectorError,
    Xml,
    compile_reader,
    compile_selector,
)
from recipients.responses.budget import MAX_SECONDS, Budget
from recipients.responses.xpaths import compile_xpath
from tests.recipients.responses.replies import reply

# Takes the square of the text's length; `check` lets it pass, for texts are seldom that long.
SLOW = r"x.*q"
LONG = "q" + "x" * 60_000


def test_a_spent_budget_finds_nothing_and_says_so() -> None:
    budget = Budget(0.0)
    assert budget.search(patterns.compile("a"), "a") is None
    assert budget.interrupted
    document = Xml("<r><a><a>1</a></a></r>")
    assert document.find(compile_selector("//a//a"), budget=Budget(0.0)) == []
    assert document.find(compile_selector("//a//a")) == ["1"]


def test_it_is_not_spent_by_waiting() -> None:
    budget = Budget(0.2)
    time.sleep(0.3)
    assert budget.allows()


def test_it_interrupts_a_path_between_two_nodes() -> None:
    body = "<r>" + ("<a>" * 200 + "</a>" * 200) * 9 + "</r>"
    document, budget = Xml(body), Budget(0.002)
    assert document.find(compile_selector("//*//*//*[contains(., 'zz')]"), budget=budget) == []
    assert budget.interrupted


def test_many_slow_rules_end_in_a_senders_thread_too() -> None:
    rules = tuple(RuleSpec("duplicate", matches=f"{SLOW}{n}?") for n in range(100))
    reader = compile_reader(ReaderSpec(rules=rules, success="regex:^q"))
    spent: list[float] = []
    found: list[Outcome] = []

    def send() -> None:
        began = time.thread_time()
        found.append(reader.read(reply(LONG)).outcome)
        spent.append(time.thread_time() - began)

    thread = threading.Thread(target=send)
    thread.start()
    thread.join(120)
    assert not thread.is_alive()
    # Uninterrupted each of the hundred takes seconds.
    assert spent[0] < MAX_SECONDS + 4 * patterns.TIMEOUT + 1
    assert found == [Outcome.UNREADABLE]


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, Outcome.UNREADABLE), (409, Outcome.DUPLICATE)]
)
def test_an_undecided_rule_leaves_neither_yes_nor_no(status: int, outcome: Outcome) -> None:
    spec = ReaderSpec(rules=(RuleSpec("rejected", matches=SLOW),), success="regex:^q")
    result = compile_reader(spec).read(reply(LONG, status))
    assert result.outcome is outcome
    assert "takes too long" in result.details


def test_a_slow_pattern_in_a_condition_or_a_path_is_interrupted_too() -> None:
    body = f'{{"a": ["{LONG}"]}}'
    for spec in (
        ReaderSpec(success=f'a.* ~ "{SLOW}"'),
        ReaderSpec(success="a", lead_id=f"regex:{SLOW}"),
    ):
        assert "takes too long" in compile_reader(spec).read(reply(body)).details


NAMES = st.sampled_from(["a", "b", "c"])
TREES = st.recursive(
    NAMES.map(lambda name: f"<{name} k='1'>t</{name}>"),
    lambda inner: st.tuples(NAMES, st.lists(inner, max_size=4)).map(
        lambda pair: f"<{pair[0]} k='2'>{''.join(pair[1])}</{pair[0]}>"
    ),
    max_leaves=20,
)
STEPS = st.sampled_from(
    ["a", "b", "*", "..", "a[1]", "*[2]", "b[last()]", "*[@k='1']", "a[contains(.,'/')]", "@k", "."]
)
PATHS = st.lists(st.tuples(st.sampled_from(["/", "//"]), STEPS), min_size=1, max_size=5).map(
    lambda steps: "".join(slash + step for slash, step in steps)
)


@settings(max_examples=1000, deadline=None)
@given(TREES, PATHS, PATHS)
def test_a_path_in_steps_finds_what_it_finds_as_a_whole(tree: str, path: str, other: str) -> None:
    root = etree.fromstring(tree)
    for text in (path, f"{path} | {other}"):
        whole = [_shown(node) for node in etree.XPath(text)(root)]
        found = [_shown(node) for node in compile_xpath(text)(root, Budget())]
        if "@" in text:
            whole, found = sorted(whole), sorted(found)
        assert found == whole


def _shown(node: object) -> str:
    return node.getroottree().getpath(node) if isinstance(node, etree._Element) else str(node)


@given(st.text(alphabet="/ab*.[]@|()'\"=: 1", max_size=20))
def test_any_path_compiles_or_is_refused(text: str) -> None:
    try:
        selector = compile_selector(f"/{text}")
    except SelectorError:
        return
    assert isinstance(Xml("<a><b a='1'/></a>").find(selector), list)


@pytest.mark.parametrize("path", ["count(//a//b//c)", "//a = //b//c"])
def test_it_refuses_three_walks_where_they_cannot_be_interrupted(path: str) -> None:
    with pytest.raises(SelectorError, match="at most 2"):
        compile_selector(path if path.startswith("count") else f"({path})")
