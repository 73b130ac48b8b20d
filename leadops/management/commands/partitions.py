"""`manage.py partitions`: how far ahead the record's months are made; `--mend` empties the nets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from events import partitions, partitionwatch
from leadops.lib.locks import Busy


class Command(BaseCommand):
    help = "Make the record's coming months; say what is wrong with them, and mend it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--mend", action="store_true", help="move rows out of the nets into their months"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["mend"]:
            self._mend()
        for name in partitions.ensure():
            self.stdout.write(f"made {name}")
        found = partitions.readiness()
        self.stdout.write(f"The months are made until {found.until:%-d %B %Y}.")
        partitionwatch.watch()
        if wrong := [text for _, text in partitionwatch.trouble(found, datetime.now(UTC))]:
            raise CommandError("\n".join(wrong))

    def _mend(self) -> None:
        try:
            for mended in partitions.mend():
                into = ", ".join(f"{month:%B %Y}" for month in mended.months)
                self.stdout.write(f"{mended.table}: {mended.rows} rows moved into {into}")
        except Busy as error:
            raise CommandError(
                f"The record is being read for long ({error}); nothing was moved. Try again."
            ) from error
