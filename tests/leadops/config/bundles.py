"""Loading in tests: text in, a report or all mistakes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadops.config import loading
from leadops.config.problems import BundleError

CONTRACT = (Path(__file__).parent / "contract.yaml").read_text()


def load(text: str, *, dry_run: bool = False) -> list[str]:
    """The lines of the report."""
    report = loading.load(text.encode(), name="b.yaml", dry_run=dry_run)
    return [str(change) for change in report.changes]


def notes(text: str) -> str:
    return "\n".join(loading.load(text.encode(), name="b.yaml").notes)


def mistakes(text: str) -> list[str]:
    with pytest.raises(BundleError) as caught:
        load(text)
    return str(caught.value).splitlines()


def changed(old: str, new: str, text: str = CONTRACT) -> str:
    """`text` with one place changed."""
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


def line_of(words: str, text: str) -> int:
    """The line on which `words` first stand."""
    return next(n for n, line in enumerate(text.splitlines(), 1) if words in line)
