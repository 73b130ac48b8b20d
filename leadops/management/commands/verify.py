"""`manage.py verify`: does everything agree with the record?"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from events import verify
from events.models import Event
from events.sealing import proofs


class Command(BaseCommand):
    help = (
        "Checks that figures, money and states agree with the events, and the events with their "
        "seals. Exit 1 where not. With a lead's id: that its events are those that were sealed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", nargs="?", default="", metavar="LEAD", help="a lead's id")
        parser.add_argument("--lead", default="", metavar="LEAD", help="the same")
        parser.add_argument(
            "--proof", metavar="FILE", help="write the lead's proof here, for docs/check_proof.py"
        )
        parser.add_argument(
            "--heads",
            action="append",
            default=[],
            metavar="FILE",
            help="heads as they were published elsewhere, one JSON object a line; repeatable",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if Event._meta.db_table not in connection.introspection.table_names():
            raise CommandError("The database is empty: run `python manage.py migrate` first.")
        lead = options["lead"] or options["id"]
        if lead:
            self._lead(lead, options["proof"])
            return
        if options["proof"]:
            raise CommandError("A proof is of one lead: name it.")
        self._everything([Path(each) for each in options["heads"]])

    def _everything(self, files: list[Path]) -> None:
        wrong = 0
        began = time.monotonic()
        for check in verify.run(files):
            seconds, began = time.monotonic() - began, time.monotonic()
            verdict = "WRONG" if check.problems else "ok"
            self.stdout.write(f"{check.name:<14} {verdict:<6} {check.looked_at} ({seconds:.1f} s)")
            for problem in check.problems:
                self.stdout.write(f"    {problem}")
            if len(check.problems) == verify.MOST:
                self.stdout.write(f"    … only the first {verify.MOST} are listed")
            wrong += bool(check.problems)
        if wrong:
            self.stdout.write(f"{wrong} of the checks found something wrong")
            sys.exit(1)
        self.stdout.write("everything agrees with the record")

    def _lead(self, lead_id: str, file: str | None) -> None:
        try:
            proof = proofs.proof(lead_id)
        except proofs.Unproved as error:
            self.stdout.write(f"{lead_id}: {error}")
            sys.exit(1)
        waiting = len(proof["not_sealed_yet"])
        self.stdout.write(
            f"{lead_id}: {len(proof['events'])} events are as they were sealed"
            + (f", {waiting} are not sealed yet" if waiting else "")
        )
        for head in proof["heads"]:
            self.stdout.write(f"    under head {head['n']} {head['hash']}")
        if file:
            Path(file).write_text(json.dumps(proof, indent=1) + "\n", encoding="utf-8")
            self.stdout.write(f"    proof written to {file}")
