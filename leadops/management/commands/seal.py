"""`manage.py seal`: seals what has settled, now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from events.models import Seal
from events.sealing import heads, restored, seals


class Command(BaseCommand):
    help = "Seals what has settled. The workers do it every minute on their own."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--publish",
            action="store_true",
            help="publish the head everywhere at once, whatever the interval",
        )
        parser.add_argument(
            "--after-restore",
            action="store_true",
            help="first count transactions on from where the record is: needed after a restore "
            "into another cluster",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if Seal._meta.db_table not in connection.introspection.table_names():
            raise CommandError("The database is not up to date: run `python manage.py migrate`.")
        if options["after_restore"]:
            moved = restored.resume()
            self.stdout.write(f"transactions are counted on, {moved} further")
        elif trouble := restored.problem():
            raise CommandError(trouble)
        done = seals.seal()
        self.stdout.write(f"sealed {done.events} events in {done.seals} seals")
        everywhere = options["publish"]
        places = heads.publish(force=everywhere, here=not everywhere)
        if everywhere:
            self.stdout.write(f"published the head at {places} places")
        last = Seal.objects.first()
        if last is not None:
            self.stdout.write(f"head {last.n} {bytes(last.hash).hex()}")
