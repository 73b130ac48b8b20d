"""`manage.py demo`: the demo's configuration, past and stream; `up --demo` runs it."""

from __future__ import annotations

import os
import signal
import threading
import time
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from leadops.demo import history, setting
from leadops.demo.stream import Stream


class Command(BaseCommand):
    help = "Loads the demo's configuration, makes past traffic, then posts leads until stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        port = os.environ.get("LEADOPS_PORT", "8000")
        parser.add_argument("--url", default=f"http://127.0.0.1:{port}", help="of the web server")
        parser.add_argument("--days", type=int, default=history.DAYS, help="of past traffic")
        parser.add_argument("--volume", type=int, default=history.LEADS_A_DAY, help="leads a day")
        parser.add_argument("--rate", type=float, default=2.0, help="leads a second; 0: none")

    def handle(self, *args: Any, **options: Any) -> None:
        stopping = threading.Event()

        def stop(_number: int, _frame: FrameType | None) -> None:
            stopping.set()
            raise SystemExit(0)

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        found = setting.load()
        self._welcome(found, options["url"])
        began = time.monotonic()
        made = history.make(self._say, days=options["days"], volume=options["volume"])
        if made:
            self._say(f"Past traffic is there: {made:,} leads in {time.monotonic() - began:.0f} s")
        if options["rate"] > 0:
            self._say(f"New leads come now, about {options['rate']:g} a second.")
            Stream(found, options["url"], stopping, rate=options["rate"]).run()

    def _welcome(self, found: setting.Setting, url: str) -> None:
        self._say(f"LeadOps demo: {url}/admin/")
        for login in found.logins:
            role = login.role.replace("_", " ")
            self._say(f"  {login.username:<12} {login.password:<16} {role}")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
