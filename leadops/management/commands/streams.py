"""`manage.py streams`: serves the firehose's streams, in the foreground."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from events.streaming.asked import SOCKET
from leadops.lib import handover, processes


class Command(BaseCommand):
    help = "Sends events to whoever keeps a stream open; the web server hands the connections over."
    requires_migrations_checks = False

    def handle(self, *_args: Any, **_options: Any) -> None:
        # The API's frame can only be imported once Django's checks have read all addresses.
        from events.streaming.server import Limits, Server

        if processes.RUN_VARIABLE in os.environ:
            processes.die_with_parent()
        at = handover.path(settings.LEADOPS_HOME, SOCKET)
        limits = Limits(caller=settings.LEADOPS_CALLER_STREAMS, all=settings.LEADOPS_STREAMS)
        asyncio.run(Server(at, limits).run())
