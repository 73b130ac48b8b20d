"""The rule language: what holds, what does not, and what is said about it."""

from __future__ import annotations

import contextlib
import timeit
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadops.lib import conditions, patterns
from leadops.lib.conditions import ConditionError


def holds(op, value, seen, field="x"):
    document = {"field": field, "op": op}
    if value is not None:
        document["value"] = value
    return conditions.parse(document).evaluate({field: seen}).passed


def one(field="state", op="is", value="TX"):
    return {"field": field, "op": op, "value": value}


class TestComparing:
    @pytest.mark.parametrize(
        ("op", "value", "seen"),
        [
            ("is", "TX", "tx"),
            ("is", "Texas", "texas "),
            ("is", 85, "85"),
            ("is", "85", Decimal("85.0")),
            ("is", 0.1, 0.1),
            ("is", Decimal("1.5"), "1.50"),
            ("is", True, True),
            ("is", True, "yes"),
            ("is", "true", True),
            ("is", "2024-01-15", date(2024, 1, 15)),
            ("is", "2024-01-15", "2024-01-15T23:59:00Z"),
            ("is", date(2024, 1, 15), "2024-01-15"),
            ("is", "2024-01-15T10:00:00Z", "2024-01-15T05:00:00-05:00"),
            ("is", "ＴＸ", "tx"),
            ("in", ["TX", "CA"], " ca"),
            ("in", [1, 2], "2.0"),
            ("in", ["1", "2"], 2),
            ("in", [True], "yes"),
            ("in", ["2024-01-15"], date(2024, 1, 15)),
            ("contains", "corp", "ACME Corp."),
            ("contains", "gold", ["silver", "Gold"]),
            ("contains", 23, 1234),
            ("gt", 80, "85"),
            ("gt", "80", 85),
            ("lt", 100, "85"),
            ("gt", 80, "1e3"),
            ("lt", 0, "(500)"),
            ("gte", Decimal("0.1"), 0.1),
            ("lte", 5, "5"),
            ("gt", "2024-01-15", "2024-02-01"),
            ("lt", "2024-01-15T10:00:00Z", "2024-01-15T10:30:00+01:00"),
            ("gt", "2024-01-15", datetime(2024, 1, 16, tzinfo=UTC)),
            ("gt", "09:00", "14:30:10"),
            ("between", [18, 65], "65"),
            ("between", [18, 65], 18),
            ("between", ["2024-01-01", "2024-01-31"], "2024-01-31T23:00:00Z"),
            ("between", ["09:00", "17:00"], "17:00"),
            ("matches", r"^\d{5}$", " 78704 "),
            ("matches", r"(?i)^tx$", "TX"),
            ("matches", r"\D", "a1"),
            ("matches", r"^\D+$", "ÀÉÎ"),
            ("is", "ΌΔΟΣ", "όδος"),
            ("is", "straße", "STRASSE"),
            ("is", "caf\u00e9", "CAFE\u0301"),
            ("contains", "ÉCOLE", "Vieille école"),
            ("gt", 1000, "$1,200"),
            ("lte", "$1,200", 1200),
            ("is", 1200, "USD 1,200.00"),
            ("in", [1200, 5], "1,200 €"),
            ("between", [1000, "$2,000"], "$1,500.50"),
            ("lt", 0, "-$5"),
            ("lt", 0, "($5)"),
            ("in", ["2024-01-15T10:00:00Z"], "2024-01-15T05:00:00-05:00"),
            ("in", ["2024-01-15", "NY"], "2024-01-15T23:00:00+02:00"),
            ("gte", "2024-01-15T10:00:00+02:00", "2024-01-15T08:00:00Z"),
            ("blank", None, "  "),
            ("blank", None, None),
            ("blank", None, []),
            ("not_blank", None, 0),
            ("not_blank", None, False),
        ],
    )
    def test_it_holds(self, op, value, seen):
        assert holds(op, value, seen)

    @pytest.mark.parametrize(
        ("op", "value", "seen"),
        [
            ("is", "007", "7"),
            ("is", "1e3", "1000"),
            ("is", "TX", ["TX"]),
            ("is", "TX", 5),
            ("is", "1", True and "yes"),
            ("is", 5, "nan"),
            ("is", 5, float("nan")),
            ("in", ["TX"], "T"),
            ("in", ["TX"], 5),
            ("in", [5], float("inf")),
            ("contains", "x", {"x": 1}),
            ("gt", 80, "high"),
            ("gt", 80, "$"),
            ("gt", 80, "$$100"),
            ("is", "1200", "$1,200"),
            ("in", ["2024-01-15T10:00:00Z"], "2024-01-15T10:00:00-05:00"),
            ("gt", 80, True),
            ("gt", 80, "9"),
            ("gt", "2024-01-15", "2024-01-15T23:00:00Z"),
            ("gt", "2024-01-15", "2024-13-45"),
            ("gt", "2024-01-15", 99999999),
            ("between", [18, 65], "66"),
            ("matches", "^tx$", "TX"),
            ("matches", r"\D", "12"),
            ("matches", "x", ["x"]),
            ("not_blank", None, "\t"),
            ("blank", None, 0),
        ],
    )
    def test_it_does_not_hold(self, op, value, seen):
        assert not holds(op, value, seen)

    @pytest.mark.parametrize("missing", [None, "", " ", []])
    @pytest.mark.parametrize(
        ("op", "value"),
        [
            ("is", "a"),
            ("in", ["a"]),
            ("contains", "a"),
            ("lt", 5),
            ("gte", 0),
            ("between", [0, 9]),
            ("matches", "."),
            ("not_blank", None),
        ],
    )
    def test_it_fails_for_a_missing_value(self, op, value, missing):
        assert not holds(op, value, missing)

    @pytest.mark.parametrize("missing", [None, "", " ", []])
    @pytest.mark.parametrize(
        ("op", "value"),
        [("is_not", "a"), ("not_in", ["a"]), ("not_contains", "a"), ("blank", None)],
    )
    def test_it_does_not_exclude_a_missing_value(self, op, value, missing):
        assert holds(op, value, missing)


class TestReading:
    @pytest.mark.parametrize("name", ["email.domain", "lead.email.domain"])
    def test_it_reads_a_component_under_both_names(self, name):
        rule = conditions.parse(one(name, "is", "example.com"))
        assert rule.evaluate({"email.domain": "example.com"}).passed
        assert rule.fields == ("email.domain",)

    def test_it_reads_validity_from_the_component(self):
        valid = conditions.parse({"field": "email", "op": "valid"})
        invalid = conditions.parse({"field": "email", "op": "invalid"})
        good, bad = {"email": "a@b.co", "email.valid": True}, {"email": "x", "email.valid": False}
        assert [valid.evaluate(v).passed for v in (good, bad, {})] == [True, False, False]
        assert [invalid.evaluate(v).passed for v in (good, bad, {})] == [False, True, False]

    @pytest.mark.parametrize("field", ["phone_1.area", "phone_1.valid"])
    def test_a_component_is_as_valid_as_its_field(self, field):
        valid = conditions.parse({"field": field, "op": "valid"})
        invalid = conditions.parse({"field": field, "op": "invalid"})
        good = {"phone_1": "5125550000", "phone_1.valid": True, "phone_1.area": "512"}
        bad = {"phone_1": "12", "phone_1.valid": False}
        assert [valid.evaluate(v).passed for v in (good, bad, {})] == [True, False, False]
        assert [invalid.evaluate(v).passed for v in (good, bad, {})] == [False, True, False]

    def test_a_component_that_is_not_there_is_neither_valid_nor_invalid(self):
        values = {"postal_code": "78701", "postal_code.valid": True}
        for op in ("valid", "invalid"):
            rule = conditions.parse({"field": "postal_code.four", "op": op})
            assert not rule.evaluate(values).passed

    @pytest.mark.parametrize(
        "values",
        [
            {"appended.s.x": "1"},
            {"appended.s": {"x": "1"}},
            {"appended": {"s": {"x": "1"}}},
            {"lead": {"appended.s.x": "1"}},
            {"lead": {"appended.s": {"x": "1"}}},
        ],
    )
    def test_it_finds_what_lies_deeper(self, values):
        assert conditions.parse(one("appended.s.x", "is", "1")).evaluate(values).passed

    def test_it_reads_elements_of_lists(self):
        rule = conditions.parse(one("appended.s.lines.1.type", "is", "mobile"))
        values = {"appended.s": {"lines": [{"type": "fixed"}, {"type": "mobile"}]}}
        assert rule.evaluate(values).passed
        assert not rule.evaluate({"appended.s": {"lines": []}}).passed

    def test_it_reads_a_context_of_roots(self):
        rule = conditions.parse({"all": [one("lead.state"), one("source.name", "is", "Web")]})
        assert rule.evaluate({"lead": {"state": "TX"}, "source": {"name": "web"}}).passed


class TestGroups:
    def test_nothing_to_check_always_holds(self):
        for document in (None, {}, {"all": []}):
            rule = conditions.parse(document)
            assert rule.is_always
            assert rule.evaluate({}) == conditions.Verdict(True, 0)

    def test_it_stops_at_the_first_failure(self):
        rule = conditions.parse({"all": [one("a"), one("b"), one("c")]})
        verdict = rule.evaluate({"a": "TX", "b": "NY", "c": "TX"})
        assert (verdict.passed, verdict.evaluated, verdict.failed.field) == (False, 2, "b")

    def test_it_stops_at_the_first_alternative_that_holds(self):
        rule = conditions.parse({"any": [one("a"), one("b"), one("c")]})
        assert rule.evaluate({"b": "TX"}) == conditions.Verdict(True, 2)

    def test_it_names_all_alternatives_when_none_holds(self):
        rule = conditions.parse({"any": [one("a"), one("b", "gt", 80)]})
        failed = rule.evaluate({"a": "NY", "b": 7}).failed
        assert failed.text == "none of these held: a is NY, not TX; b is 7, not above 80"
        assert [part.field for part in failed.parts] == ["a", "b"]

    def test_it_names_the_rule_inside_a_not(self):
        rule = conditions.parse({"not": {"any": [one("a"), one("b", "in", ["NY"])]}})
        assert rule.evaluate({"a": "CA", "b": "CA"}).passed
        failed = rule.evaluate({"a": "CA", "b": "NY"}).failed
        assert (failed.field, failed.seen) == ("b", "NY")
        assert failed.text == "b is NY, ruled out by: not (b is in NY)"

    def test_it_says_what_held_together_inside_a_not(self):
        rule = conditions.parse({"not": {"all": [one("a"), {"not": one("b", "is", "NY")}]}})
        assert rule.evaluate({"a": "TX", "b": "NY"}).passed
        failed = rule.evaluate({"a": "tx", "b": "CA"}).failed
        assert failed.text == "ruled out, as these hold together: a is tx; b is CA"
        assert "CA" not in failed.masked({"b"}).text

    @pytest.mark.parametrize(
        ("document", "values", "path"),
        [
            (one("a"), {}, ""),
            ({"all": [one("a"), one("b")]}, {"a": "TX"}, "all.1"),
            ({"all": [one("a"), {"any": [one("b"), one("c")]}]}, {"a": "TX"}, "all.1"),
            ({"all": [one("a"), {"any": [one("b")]}]}, {"a": "TX"}, "all.1.any.0"),
            ({"any": [one("a"), one("b")]}, {}, ""),
            ({"not": {"any": [one("a"), one("b")]}}, {"b": "TX"}, "not.any.1"),
            ({"not": {"all": [one("a"), one("b")]}}, {"a": "TX", "b": "TX"}, "not"),
        ],
    )
    def test_it_says_where_the_failed_rule_stands(self, document, values, path):
        assert conditions.parse(document).evaluate(values).failed.path == path

    def test_it_explains_every_rule_by_itself(self):
        rule = conditions.parse({"all": [one("a"), {"any": [one("b"), {"not": one("c")}]}]})
        found = list(rule.explain({"a": "NY", "b": "TX", "c": "TX"}))
        assert [(each.path, each.held, each.seen) for each in found] == [
            ("all.0", False, "NY"),
            ("all.1.any.0", True, "TX"),
            ("all.1.any.1.not", True, "TX"),
        ]
        assert found[0].text == "a is TX"

    def test_it_knows_what_it_reads(self):
        rule = conditions.parse({"any": [one("source.campaign_id"), one("state")]})
        assert rule.reads("source")
        assert rule.reads("state")
        assert not rule.reads("sour")
        assert not rule.reads("email")

    @given(st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["TX", "NY"])), st.data())
    def test_it_means_what_logic_means(self, values, data):
        leaf = st.sampled_from("abcd").map(one)
        tree = st.recursive(
            leaf,
            lambda inner: st.one_of(
                st.lists(inner, min_size=1, max_size=3).map(lambda rules: {"all": rules}),
                st.lists(inner, min_size=1, max_size=3).map(lambda rules: {"any": rules}),
                inner.map(lambda rule: {"not": rule}),
            ),
            max_leaves=8,
        )
        document = data.draw(tree.filter(lambda drawn: depth(drawn) <= 10))
        rule = conditions.parse(document)
        verdict = rule.evaluate(values)
        assert verdict.passed is meaning(document, values)
        assert rule.document == document
        looked = list(rule.explain(values))
        assert len(looked) == rule.size
        for each in looked:
            assert each.held is meaning(part_at(document, each.path), values)
        if verdict.failed is not None:
            assert part_at(document, verdict.failed.path)


def part_at(document, path):
    for key in path.split(".") if path else ():
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def depth(document):
    inner = [child for value in document.values() for child in as_rules(value)]
    return 1 + max(map(depth, inner), default=0)


def as_rules(value):
    return [value] if isinstance(value, dict) else value if isinstance(value, list) else []


def meaning(document, values):
    if "all" in document:
        return all(meaning(child, values) for child in document["all"])
    if "any" in document:
        return any(meaning(child, values) for child in document["any"])
    if "not" in document:
        return not meaning(document["not"], values)
    return values.get(document["field"]) == document["value"]


class TestSaying:
    def test_it_says_what_it_saw(self):
        rule = conditions.parse(one("state", "in", ["TX", "CA", "FL"]))
        failed = rule.evaluate({"state": "NY"}).failed
        assert failed.text == "state is NY, not in TX, CA, FL"
        assert (failed.field, failed.op, failed.seen) == ("state", "in", "NY")
        assert failed.expected == ["TX", "CA", "FL"]

    def test_it_says_missing(self):
        failed = conditions.parse(one("score", "gt", 80)).evaluate({}).failed
        assert failed.text == "score is missing, not above 80"

    def test_it_says_why_a_value_is_not_valid(self):
        values = {"email": "x", "email.valid": False, "email.reason": "has no @"}
        failed = conditions.parse({"field": "email", "op": "valid"}).evaluate(values).failed
        assert failed.text == "email is x, not valid (has no @)"

    def test_it_keeps_sentences_short(self):
        rule = conditions.parse(one("zip", "in", [str(n) for n in range(10_000)]))
        text = rule.evaluate({"zip": "x" * 5_000 + "\n"}).failed.text
        assert len(text) < 250
        assert "and 9990 more" in text

    def test_it_hides_what_a_reader_may_not_see(self):
        rule = conditions.parse({"any": [one("ssn.masked"), one("state")]})
        failed = rule.evaluate({"ssn.masked": "***-**-6789", "state": "NY"}).failed
        assert "6789" not in failed.masked({"ssn"}).text
        assert "NY" in failed.masked({"ssn"}).text

    def test_it_reads_as_a_sentence(self):
        rule = conditions.parse(
            {
                "all": [
                    one("lead.state", "in", ["TX", "CA"]),
                    {"any": [one("score", "gt", 80), {"field": "email", "op": "valid"}]},
                    {"not": one("source.name", "is", "Web")},
                ]
            }
        )
        assert rule.text == (
            "state is in TX, CA and (score is above 80 or email is valid)"
            " and not (source.name is Web)"
        )
        assert rule.fields == ("state", "score", "email", "source.name")

    def test_it_gives_a_document_that_parses_to_itself(self):
        document = {
            "all": [
                one("lead.born", "gt", date(2000, 1, 1)),
                one("price", "between", (Decimal("1.5"), Decimal(10))),
                {"field": "email", "op": "valid", "value": None},
            ]
        }
        rule = conditions.parse(document)
        assert rule.document == {
            "all": [
                one("born", "gt", "2000-01-01"),
                one("price", "between", [1.5, 10]),
                {"field": "email", "op": "valid"},
            ]
        }
        assert conditions.parse(rule.document) == rule


def nested(levels):
    return one() if levels == 0 else {"not": nested(levels - 1)}


class TestMistakes:
    @pytest.mark.parametrize(
        ("document", "path", "message"),
        [
            ([], "", "is written as"),
            ("state is TX", "", "is written as"),
            ({"all": "x"}, "all", "takes a list"),
            ({"any": []}, "any", "at least one"),
            ({"not": {}}, "not.field", "names a field"),
            ({"all": [one()], "any": [one()]}, "any", "not expected"),
            ({"all": [one(), {"field": "x", "op": "like"}]}, "all.1.op", "not an operator"),
            ({"all": [{"field": "x", "op": "IS"}]}, "all.0.op", "did you mean is?"),
            ({"field": "x", "op": ["is"]}, "op", "not an operator"),
            ({"field": "x"}, "op", "names an operator"),
            ({"field": "", "op": "is"}, "field", "names a field"),
            ({"field": "a..b", "op": "blank"}, "field", "not a field"),
            ({"field": "a\x00", "op": "blank"}, "field", "not a field"),
            ({"op": "is", "value": 1}, "field", "names a field"),
            (one("x", "is", ""), "value", "blank or not_blank"),
            (one("x", "is", None), "value", "blank or not_blank"),
            (one("x", "is", ["a"]), "value", "one value"),
            (one("x", "is", {"a": 1}), "value", "one value"),
            (one("x", "is", float("nan")), "value", "takes text"),
            (one("x", "is", 10**5000), "value", "takes text"),
            (one("x", "is", "a" * 20_000), "value", "longer than"),
            (one("x", "in", "TX"), "value", "list"),
            (one("x", "in", []), "value", "empty"),
            (one("x", "in", ["a", ""]), "value.1", "needs a value"),
            (one("x", "in", ["a"] * 10_001), "value", "at most"),
            (one("x", "gt", "high"), "value", "takes a number"),
            (one("x", "gt", True), "value", "takes a number"),
            (one("x", "between", 5), "value", "[low, high]"),
            (one("x", "between", [5]), "value", "[low, high]"),
            (one("x", "between", [5, 1]), "value", "above the second"),
            (one("x", "between", [5, "2024-01-01"]), "value.1", "another kind"),
            (one("x", "matches", "(["), "value", ""),
            (one("x", "matches", "(a+)+$"), "value", "for ever"),
            (one("x", "matches", 5), "value", "regular expression"),
            (one("x", "blank", "yes"), "value", "takes no value"),
            ({**one(), "values": 1}, "values", "not expected"),
            ({1: 2}, "1", "not expected"),
            (nested(11), ".".join(["not"] * 10), "nested deeper"),
            ({"all": [one()] * 501}, "all.500", "at most 500"),
        ],
    )
    def test_it_points_at_the_mistake(self, document, path, message):
        with pytest.raises(ConditionError) as caught:
            conditions.parse(document)
        assert caught.value.path == path
        assert message in caught.value.message

    def test_it_points_at_all_mistakes_at_once(self):
        document = {
            "all": [
                one(),
                {"field": "", "op": "like"},
                {"any": [one("x", "matches", "(["), one("x", "between", [1])]},
                one("x", "gt", "high"),
            ]
        }
        with pytest.raises(ConditionError) as caught:
            conditions.parse(document)
        assert [mistake.path for mistake in caught.value.all] == [
            "all.1.field",
            "all.1.op",
            "all.2.any.0.value",
            "all.2.any.1.value",
            "all.3.value",
        ]

    def test_it_does_not_count_mistakes_for_ever(self):
        with pytest.raises(ConditionError) as caught:
            conditions.parse({"all": [{"field": "", "op": ""}] * 400})
        assert len(caught.value.all) == 20

    def test_it_says_at_which_character_a_pattern_goes_wrong(self):
        with pytest.raises(ConditionError) as caught:
            conditions.parse(one("x", "matches", r"\d{5}(-\d{4}"))
        assert caught.value.position == 12
        assert "(character 13)" in caught.value.message

    def test_it_takes_the_largest_that_is_allowed(self):
        assert conditions.parse({"all": [one()] * 500}).size == 500
        assert conditions.parse(nested(9)).size == 1

    def test_a_pattern_that_runs_too_long_fails_even_inside_a_not(self, monkeypatch):
        class Slow:
            def search(self, text):
                raise patterns.PatternTimeout(text)

        monkeypatch.setattr(patterns, "check", lambda raw: None)
        monkeypatch.setattr(patterns, "compile", lambda raw: Slow())
        rule = conditions.parse({"not": one("x", "matches", "a+$")})
        verdict = rule.evaluate({"x": "aaaa"})
        assert not verdict.passed
        assert "took too long" in verdict.failed.text

    def test_slow_patterns_share_one_time(self, monkeypatch):
        spent = iter(range(0, 1000))

        class Busy:
            def search(self, text):
                return None

        monkeypatch.setattr(patterns, "check", lambda raw: None)
        monkeypatch.setattr(patterns, "compile", lambda raw: Busy())
        monkeypatch.setattr("leadops.lib.conditions.rules.time.thread_time", lambda: next(spent))
        rule = conditions.parse({"any": [one("x", "matches", "a"), one("x", "matches", "b")]})
        verdict = rule.evaluate({"x": "aaaa"})
        assert (verdict.passed, verdict.evaluated) == (False, 2)
        assert "/b/ took too long" in verdict.failed.text
        assert [each.held for each in rule.explain({"x": "aaaa"})] == [False, False]


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.dates()
    | st.datetimes()
    | st.decimals()
    | st.sampled_from(
        ["2024-01-15", "0001-01-01T00:00:00+14:00", "14:30", "1e3", "9999-12-31T23:59"]
    )
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


class TestAnyInput:
    @settings(max_examples=400)
    @given(st.sampled_from(sorted(conditions.OPERATORS)), anything, anything)
    def test_it_raises_only_when_parsed_and_only_its_own_error(self, op, value, seen):
        try:
            rule = conditions.parse({"field": "x", "op": op, "value": value})
        except ConditionError:
            return
        verdict = rule.evaluate({"x": seen})
        assert verdict.evaluated == 1
        assert verdict.passed or verdict.failed.text
        assert conditions.parse(rule.document).evaluate({"x": seen}).passed is verdict.passed

    @given(anything)
    def test_it_parses_or_explains(self, document):
        with contextlib.suppress(ConditionError):
            assert conditions.parse(document).text


def test_it_evaluates_twenty_rules_in_fifty_microseconds():
    kinds = [
        one("state", "in", ["TX", "CA"]),
        one("score", "gt", 80),
        one("email.domain", "is_not", "mailinator.com"),
        {"field": "email", "op": "valid"},
    ]
    rule = conditions.parse({"all": kinds * 5})
    values = {"state": "TX", "score": "85", "email.domain": "example.com", "email.valid": True}
    assert rule.evaluate(values) == conditions.Verdict(True, 20)
    best = min(timeit.repeat(lambda: rule.evaluate(values), number=500, repeat=9)) / 500
    assert best < 50e-6


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_amounts_compare_as_numbers_however_they_are_written(bound, seen):
    written = f"${seen:,}" if seen >= 0 else f"(${-seen:,})"
    for value in (seen, str(seen), written):
        assert holds("gt", bound, value) is (seen > bound)
        assert holds("lte", f"${bound:,}", value) is (seen <= bound)
        assert holds("is", bound, value) is (seen == bound)


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(st.lists(words.filter(str.strip), min_size=1), st.text())
def test_being_one_of_many_is_being_any_of_them(values, seen):
    each = [holds("is", value, seen) for value in values]
    assert holds("in", values, seen) is any(each)
    assert holds("not_in", values, seen) is not any(each)


@pytest.mark.parametrize(
    ("values", "passes"),
    [
        ({"state": "TX", "state.valid": True}, True),
        ({"state": "TX", "state.valid": True, "state.raw": "texas"}, False),
        ({"state": "TX"}, False),
        ({"lead": {"state": "TX", "state.valid": True}}, True),
    ],
)
def test_what_was_sent_is_the_value_where_nothing_else_is_kept(values, passes):
    rule = conditions.parse({"field": "state.raw", "op": "is", "value": "TX"})
    assert rule.evaluate(values).passed is passes


SOLD_IN = {"field": "state", "op": "in", "value": ["TX", "CA"]}
AGREED = {"field": "consent", "op": "is", "value": "yes"}
OF_US = {"field": "source.tier", "op": "is", "value": "gold"}


@pytest.mark.parametrize(
    ("rule", "values", "text"),
    [
        ({"all": [AGREED, SOLD_IN]}, {"state": "TX"}, ""),
        ({"all": [AGREED, SOLD_IN]}, {"state": "NY"}, "state is NY, not in TX, CA"),
        ({"all": [AGREED, SOLD_IN]}, {"consent": "no"}, "consent is no, not yes"),
        ({"any": [AGREED, SOLD_IN]}, {"state": "NY"}, ""),
        ({"not": {"any": [AGREED, SOLD_IN]}}, {"state": "TX"}, "state is TX, ruled out by"),
        ({"not": {"field": "consent", "op": "blank"}}, {}, ""),
        (OF_US, {}, "source.tier is missing, not gold"),
    ],
)
def test_a_rule_is_ruled_out_only_by_what_is_told(rule, values, text):
    failed = conditions.ruled_out(conditions.parse(rule), values)
    assert (failed.text if failed else "").startswith(text)
    assert (failed is None) is (text == "")


documents = st.recursive(
    st.builds(
        lambda name, value: {"field": name, "op": "is", "value": value},
        st.sampled_from("abc"),
        st.sampled_from("12"),
    ),
    lambda inner: st.one_of(
        st.builds(lambda word, those: {word: those}, st.sampled_from(["all", "any"]),
                  st.lists(inner, min_size=1, max_size=3)),
        inner.map(lambda one: {"not": one}),
    ),
    max_leaves=6,
)  # fmt: skip
told = st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"))


@given(documents, told, told)
def test_what_is_ruled_out_fails_whatever_is_told_later(document, known, later):
    rule = conditions.parse(document)
    if conditions.ruled_out(rule, known) is not None:
        assert not rule.evaluate({**later, **known}).passed
    if set(known) == set("abc"):
        assert (conditions.ruled_out(rule, known) is None) is rule.evaluate(known).passed
