"""`manage.py erase`: what is held about a person, a copy of it, its erasure."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from events.models import Lead, PrivacyRequest
from events.privacy import copying, erasing, finding
from events.privacy.finding import Person
from leadops import tables

WAIT = 24 * 3600.0  # seconds: here somebody waits for all of it


class Command(BaseCommand):
    help = "Finds what is held about a person, hands out a copy, erases it (docs/privacy.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--email", metavar="VALUE", help="an e-mail address; - reads it")
        who.add_argument("--phone", metavar="VALUE", help="a phone number, in any spelling")
        who.add_argument("--lead", metavar="VALUE", help="a lead's id: that lead alone")
        parser.add_argument("--dry-run", action="store_true", help="only say what is held where")
        parser.add_argument(
            "--copy", metavar="FILE", help="write a copy first; JSON, or with .zip also as a page"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--reason", default="", help="why; it stays in the record")
        lists = parser.add_mutually_exclusive_group()
        lists.add_argument("--suppress", metavar="LIST", default="", help="put them on this list")
        lists.add_argument(
            "--unsuppress", action="store_true", help="take them off all suppression lists"
        )
        parser.add_argument("--by", help="whom the record names (default: you)")

    def handle(self, *_args: Any, **options: Any) -> None:
        tables.require()
        found, by = self._person(options), options["by"] or getpass.getuser()
        self._say(found)
        reason = options["reason"] or "At the command line"
        if options["copy"]:
            self._copy(found, options["copy"], by=by, reason=reason)
        if options["dry_run"]:
            return
        if not options["yes"]:
            self._ask()
        try:
            done = erasing.erase(
                found,
                by=by,
                reason=reason,
                add_to=options["suppress"],
                take_off=options["unsuppress"],
            )
        except LookupError as error:
            raise CommandError(str(error.args[0])) from error
        self._done(erasing.wait(done, seconds=WAIT))

    def _person(self, options: dict[str, Any]) -> Person:
        kind = next(name for name in ("email", "phone", "lead") if options[name] is not None)
        value = options[kind]
        if value == "-":
            value = sys.stdin.readline()
        try:
            return finding.person("lead_id" if kind == "lead" else kind, value)
        except finding.NotFindable as error:
            raise CommandError(str(error)) from error
        except Lead.DoesNotExist as error:
            raise CommandError("There is no such lead.") from error

    def _say(self, found: Person) -> None:
        held = finding.held(found)
        if not held:
            self.stdout.write(f"{erasing.NOTHING_HELD}.")
        for lead in found.leads:
            when = f"{lead.created_at:%Y-%m-%d %H:%M}"
            self.stdout.write(f"{lead.id}  {when}  {lead.flow.name}  {lead.get_status_display()}")
        for each in held:
            self.stdout.write(f"{each.rows:>8,}  {each.table}: {each.title}")
        if found.related:
            self.stdout.write(
                f"Other leads with the same e-mail or phone, not meant: {', '.join(found.related)}"
            )

    def _copy(self, found: Person, name: str, *, by: str, reason: str) -> None:
        try:
            made = copying.copy(found)
        except copying.TooMany as error:
            raise CommandError(str(error)) from error
        zipped = name.lower().endswith(".zip")
        packed = copying.as_zip(made) if zipped else copying.as_text(made).encode()
        copying.record(found, by=by, reason=reason)
        try:
            path = Path(name)
            path.touch(mode=0o600)
            path.write_bytes(packed)
        except OSError as error:
            raise CommandError(f"{name}: {error.strerror}") from error
        self.stdout.write(f"A copy is in {name}")

    def _ask(self) -> None:
        if not sys.stdin.isatty():
            raise CommandError("Say --yes to erase without being asked.")
        if input("Erase all of this for good? Type yes: ").strip().lower() != "yes":
            raise CommandError("Nothing was erased.")

    def _done(self, done: PrivacyRequest) -> None:
        if not done.leads and not done.counts:
            self.stdout.write(f"{erasing.NOTHING_HELD}; the request is recorded as {done.id}.")
            return
        for table, rows in sorted(done.counts.items()):
            self.stdout.write(f"{rows:>8,}  {table}")
        noun = "lead" if len(done.leads) == 1 else "leads"
        self.stdout.write(f"Erased {len(done.leads):,} {noun}; recorded as {done.id}.")
