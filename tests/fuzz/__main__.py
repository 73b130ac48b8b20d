"""`python -m tests.fuzz [--seconds N] [--seed TEXT] [--case SEED:NUMBER]`."""

from __future__ import annotations

import argparse
import secrets
import sys
from pprint import pformat

from tests.fuzz.targets import case_of, run_case
from tests.fuzz.watching import fuzz


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long (default: 30)")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="the same gives the same")
    parser.add_argument("--case", help="run one case alone and show it")
    options = parser.parse_args(arguments)
    if options.case:
        return _one(options.case)
    report = fuzz(run_case, seed=options.seed, seconds=options.seconds)
    for found in report.findings:
        sys.stdout.write(f"\n{found.kind} --case {options.seed}:{found.number}\n{found.details}\n")
    count = len(report.findings)
    sys.stdout.write(f"seed {options.seed}: {report.cases:,} cases, {count} findings\n")
    return 1 if count else 0


def _one(case: str) -> int:
    seed, _, number = case.rpartition(":")
    target, values = case_of(seed, int(number))
    sys.stdout.write(f"{target}\n{pformat(values)}\n")
    sys.stdout.flush()
    run_case(seed, int(number))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
