"""The fuzz run itself, and a short one with the same cases each time."""

from __future__ import annotations

import os
import time

import pytest

from tests.fuzz.__main__ import main
from tests.fuzz.targets import TARGETS, case_of, run_case
from tests.fuzz.watching import fuzz


def test_it_finds_nothing_in_a_short_run() -> None:
    report = fuzz(run_case, seed="tests", seconds=600, cases=3000, hang=120)
    assert report.findings == ()
    assert report.cases == 3000


def _mostly_well(seed: str, number: int) -> None:
    if number == 3:
        raise KeyError(seed)
    if number == 5:
        os._exit(7)
    if number == 8:
        time.sleep(3600)


def test_it_reports_what_crashes_dies_and_hangs_and_goes_on() -> None:
    report = fuzz(_mostly_well, seed="x", seconds=600, cases=20, hang=2)
    assert [(found.number, found.kind) for found in report.findings] == [
        (3, "crash"),
        (5, "died"),
        (8, "hang"),
    ]
    assert "KeyError: 'x'" in report.findings[0].details
    assert report.cases == 20


def test_it_stops_when_its_time_is_over() -> None:
    report = fuzz(lambda seed, number: time.sleep(0.01), seed="x", seconds=0.5)
    assert 0 < report.cases < 1000
    assert report.findings == ()


def test_it_runs_a_case_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--case", "tests:1"]) == 0
    assert capsys.readouterr().out.startswith(list(TARGETS)[1])


def test_it_makes_the_same_case_again() -> None:
    for number in range(len(TARGETS)):
        assert repr(case_of("a", number)) == repr(case_of("a", number))
