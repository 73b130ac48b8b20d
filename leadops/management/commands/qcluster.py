"""`manage.py qcluster --name pump|misc`: one cluster of workers, in the foreground."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from leadops import schedules
from leadops.lib import queue


class Command(BaseCommand):
    help = "Runs a cluster of workers: “pump” delivers, “misc” does everything else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("-n", "--name", choices=[queue.PUMP, queue.MISC], default=queue.MISC)
        parser.add_argument("--workers", type=int, help="worker processes (default: by cores)")

    def handle(self, *_args: Any, **options: Any) -> None:
        name, workers = options["name"], options["workers"]
        if queue.needs_restart(name, workers):
            # django-q2 has read its settings by now; a fresh interpreter reads the right ones.
            os.environ.update(queue.environment(name, workers))
            os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606  # ourselves again
        if name == queue.MISC:
            queue.keep_schedules(schedules.SCHEDULES)
        queue.run_cluster(name)
