"""Runs cases in a process of its own and watches it: what crashes or hangs there is reported."""

from __future__ import annotations

import multiprocessing
import resource
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

HANG_SECONDS: Final = 30.0
"""Wall time without an end: generous, for machines that do other things as well."""
SLOW_SECONDS: Final = 2.0
"""Processor time of one case: rendering stops itself after a quarter of a second."""
MEMORY: Final = 4 * 1024**3

Run = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a case: `python -m tests.fuzz --case SEED:NUMBER` runs it alone."""

    number: int
    kind: str
    details: str


@dataclass(frozen=True, slots=True)
class Report:
    """How many cases ran, and what was found; of the same place in the code once."""

    cases: int
    findings: tuple[Finding, ...]


def fuzz(
    run: Run, *, seed: str, seconds: float, cases: int = 1 << 62, hang: float = HANG_SECONDS
) -> Report:
    """Runs cases 0, 1, 2, … of the seed for so long, or so many."""
    end, number = time.monotonic() + seconds, 0
    findings: dict[str, Finding] = {}
    while time.monotonic() < end and number < cases:
        for found in _watch(run, seed, range(number, cases), end, hang):
            number = found.number + 1
            if found.kind:
                findings.setdefault(f"{found.kind} {found.details[-200:]}", found)
    return Report(number, tuple(findings.values()))


def _watch(run: Run, seed: str, numbers: range, end: float, hang: float) -> Iterator[Finding]:
    """The cases of one process as they end, until it does, or hangs and is ended."""
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)
    at = fork.Value("q", numbers.start, lock=False)
    worker = fork.Process(target=_work, args=(run, seed, numbers, theirs, at, end), daemon=True)
    worker.start()
    theirs.close()
    seen, since = at.value, time.monotonic()
    try:
        while True:
            if ours.poll(0.05):
                yield ours.recv()
            elif at.value != seen:
                seen, since = at.value, time.monotonic()
            elif time.monotonic() - since > hang:
                yield Finding(seen, "hang", f"no end within {hang:.0f} s")
                return
    except EOFError:
        worker.join()
        if worker.exitcode:
            yield Finding(at.value, "died", f"the process ended with {worker.exitcode}")
        else:
            yield Finding(at.value - 1, "", "")
    finally:
        worker.kill()
        worker.join()


def _work(run: Run, seed: str, numbers: range, out: Connection, at: Any, end: float) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for number in numbers:
        at.value = number
        if time.monotonic() > end:
            return
        before = time.process_time()
        try:
            run(seed, number)
        except Exception:
            out.send(Finding(number, "crash", traceback.format_exc(limit=-6)[-3000:]))
        if (took := time.process_time() - before) > SLOW_SECONDS:
            out.send(Finding(number, "slow", f"{took:.1f} s of processor time"))
    at.value = numbers.stop
