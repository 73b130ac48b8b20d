"""The examples as files: each is used, can be loaded again, and is written as it was read."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadops.config import loading
from tests.examples.stage import HERE, Stage
from tests.leadops.config.bundles import load

EXAMPLES = sorted(path.stem for path in HERE.glob("*.yaml"))


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_played(example: str) -> None:
    tests = "".join(path.read_text() for path in Path(HERE).glob("test_*.py"))
    assert f'"{example}"' in tests


@pytest.mark.django_db
@pytest.mark.parametrize("example", EXAMPLES)
def test_what_is_written_changes_nothing(stage: Stage, example: str) -> None:
    stage.load(example)
    assert load(loading.dump()) == []
