"""`manage.py verify`: does everything agree with the record?"""

from __future__ import annotations

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from events import verify
from events.models import Event


class Command(BaseCommand):
    help = "Checks that figures, money and states agree with the events. Exit 1 where not."

    def handle(self, *args: Any, **options: Any) -> None:
        if Event._meta.db_table not in connection.introspection.table_names():
            raise CommandError("The database is empty: run `python manage.py migrate` first.")
        wrong = 0
        began = time.monotonic()
        for check in verify.run():
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
