from __future__ import annotations

from leadops.bench import rules
from leadops.lib import conditions


def test_it_measures_turns_that_come_to_what_they_should() -> None:
    figures = rules.run(0.3)
    assert (figures["errors"], figures["lost"]) == (0, 0)
    for name in ("rate", "bare_rate", "ratio", "p50_ms", "p95_ms", "rules_us", "parse_us"):
        assert figures[name] > 0


def test_its_bare_limit_judges_the_same_lead_alike() -> None:
    verdict = conditions.parse(rules.TWENTY).evaluate(rules.LEAD)
    assert (verdict.passed, rules._bare()) == (True, True)
    assert verdict.evaluated == len(rules.TWENTY["all"])
