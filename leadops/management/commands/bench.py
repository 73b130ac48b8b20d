"""`manage.py bench NAME`: the built-in load generator."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from leadops.bench import (
    deliver,
    events,
    export,
    fields,
    flow,
    intake,
    mapping,
    ping,
    record,
    record_year,
    report,
    rules,
    stream,
)

BENCHES: dict[str, tuple[float, Callable[..., dict[str, Any]]]] = {
    "deliver": (10.0, deliver.run),
    "deliver100": (10.0, lambda seconds: deliver.run(seconds, latency_ms=100)),
    "deliver_full": (10.0, lambda seconds: deliver.run(seconds, full=True)),
    "events": (5.0, events.run),
    "export": (120.0, export.run),
    "fields": (3.0, fields.run),
    "flow": (120.0, flow.run),
    "flow_busy": (60.0, lambda seconds: flow.run(seconds, busy=True)),
    "intake": (10.0, intake.run),
    "mapping": (5.0, mapping.run),
    "ping": (10.0, ping.run),
    "record": (16.0, record.run),
    "record_year": (16.0, record_year.run),
    "rules": (5.0, rules.run),
    "stream": (10.0, stream.run),
}


def _seconds(text: str) -> float:
    """A time to measure for; raises ArgumentTypeError."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise ArgumentTypeError("a number of seconds above 0")
    return seconds


def _events(text: str) -> int:
    """How many; raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) < record.LEAST:
        raise ArgumentTypeError(f"a number from {record.LEAST:,} on")
    return int(text)


def _of_record(options: dict[str, Any]) -> dict[str, Any]:
    """The options that one bench alone has; raises CommandError where it is another."""
    given = {name: options[name] for name in ("events", "keep", "reuse") if options[name]}
    if given and options["name"] != "record":
        raise CommandError(f"Only record knows --{next(iter(given))}.")
    if (reuse := given.get("reuse")) and not record.is_kept(reuse):
        raise CommandError(f"{reuse}: no bench was kept there.")
    if (keep := given.get("keep")) and keep.exists() and any(keep.iterdir()):
        raise CommandError(f"{keep}: it holds something else already.")
    return given


class Command(BaseCommand):
    help = "Measures one part against its bare limit, on loopback, with a database of its own."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", choices=sorted(BENCHES))
        parser.add_argument("--seconds", type=_seconds, help="how long it measures")
        parser.add_argument("--events", type=_events, help="record: how many are laid down")
        homes = parser.add_mutually_exclusive_group()
        homes.add_argument(
            "--keep", type=Path, metavar="HOME", help="record: a new folder, kept for --reuse"
        )
        homes.add_argument(
            "--reuse", type=Path, metavar="HOME", help="record: measure on what was kept there"
        )
        parser.add_argument("--json", action="store_true", help="only the JSON line")

    def handle(self, *_: Any, **options: Any) -> None:
        default, run = BENCHES[options["name"]]
        figures = run(options["seconds"] or default, **_of_record(options))
        text = report.lines(options["name"], figures)
        self.stdout.write(text.splitlines()[-1] if options["json"] else text)
