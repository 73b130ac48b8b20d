"""`manage.py bundle`: configuration as a file."""

from __future__ import annotations

import getpass
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from leadops import tables
from leadops.config import loading
from leadops.config.nodes import MAX_BYTES
from leadops.config.problems import BundleError


class Command(BaseCommand):
    help = "Loads, writes and compares the configuration as a YAML file (docs/bundle.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        load = actions.add_parser("load", help="make the configuration equal to the file")
        load.add_argument("file", metavar="FILE", help="the bundle; - is standard input")
        load.add_argument("--dry-run", action="store_true", help="only say what would change")
        load.add_argument("--by", help="whom the history names (default: you)")
        dump = actions.add_parser("dump", help="write the configuration")
        dump.add_argument("file", metavar="FILE", nargs="?", help="default: standard output")
        diff = actions.add_parser("diff", help="say what loading the file would change")
        diff.add_argument("file", metavar="FILE", help="the bundle; - is standard input")
        diff.add_argument("--exit-code", action="store_true", help="1 when there are differences")

    def handle(self, *_args: Any, **options: Any) -> None:
        tables.require()
        try:
            getattr(self, f"_{options['action']}")(**options)
        except BundleError as error:
            count = len(error.problems)
            says = f"{error}\n{_plural(count, 'mistake')}; nothing was changed."
            raise CommandError(says) from error
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error

    def _load(self, *, file: str, dry_run: bool, by: str | None, **_rest: Any) -> None:
        report = loading.load(_read(file), name=file, by=by or _user(), dry_run=dry_run)
        self._say(report, "to make" if dry_run else "")

    def _diff(self, *, file: str, exit_code: bool, **_rest: Any) -> None:
        report = loading.compare(_read(file), name=file)
        self._say(report, "to make")
        for change in report.alone:
            self.stdout.write(str(change))
        if exit_code and report.changes:
            sys.exit(1)

    def _dump(self, *, file: str | None, **_rest: Any) -> None:
        text = loading.dump()
        if file is None or file == "-":
            self.stdout.write(text, ending="")
        else:
            _write(Path(file), text)

    def _say(self, report: loading.Report, ahead: str) -> None:
        for change in report.changes:
            self.stdout.write(str(change))
        for note in report.notes:
            self.stdout.write(f"! {note}")
        count = _plural(len(report.changes), "change")
        if report.changes:
            self.stdout.write(f"{count} {ahead}".strip())
        else:
            self.stdout.write(f"= nothing to change ({count})")


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _read(file: str) -> bytes:
    """At most one byte more than a bundle may have, whatever the file is."""
    if file == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    with open(file, "rb") as source:
        return source.read(MAX_BYTES + 1)


def _write(path: Path, text: str) -> None:
    """All of the file or nothing: a dump that fails leaves the old one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as target:
            target.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _user() -> str:
    """The account that runs the command, as the history shows it."""
    try:
        return f"bundle ({getpass.getuser()})"
    except (KeyError, OSError):  # a user id without a name, as in containers
        return "bundle"
