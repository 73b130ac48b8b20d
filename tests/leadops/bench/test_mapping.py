from __future__ import annotations

from leadops.bench import mapping
from recipients.mapping import compile_text


def test_it_measures_turns_that_come_to_what_they_should() -> None:
    figures = mapping.run(0.2)
    assert (figures["errors"], figures["lost"]) == (0, 0)
    for name in ("rate", "bare_rate", "ratio", "p50_ms", "p95_ms", "json_us", "xml_us"):
        assert figures[name] > 0


def test_its_bare_limit_writes_the_same_payload() -> None:
    assert compile_text(mapping.NESTED).render(mapping.CONTEXT) == mapping._payload()
