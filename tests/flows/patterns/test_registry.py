"""The registry: every pattern under its own name, and every one under contract."""

from __future__ import annotations

import importlib

from flows.patterns import PATTERNS
from tests.flows.patterns.contract import PatternContract


def test_it_finds_every_pattern_under_its_own_name():
    assert {name: pattern.name for name, pattern in PATTERNS.items()} == {
        name: name for name in PATTERNS
    }
    assert {"single", "multi", "waterfall"} <= PATTERNS.keys()
    assert all(pattern.label for pattern in PATTERNS.values())


def test_it_has_no_pattern_without_the_contract_suite():
    for name in PATTERNS:
        module = importlib.import_module(f"tests.flows.patterns.test_{name}")
        suites = [
            thing
            for thing in vars(module).values()
            if isinstance(thing, type) and issubclass(thing, PatternContract)
        ]
        assert any(getattr(suite, "pattern", None) for suite in suites), name
