"""`manage.py streams`: serves the firehose's streams and pushes events, in the foreground."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from events.streaming.asked import SOCKET
from leadops.lib import handover, processes

PUSH_STOP_SECONDS = 8.0  # what batches under way get to end


class Command(BaseCommand):
    help = "Sends events to streams that the web server hands over, and to push subscriptions."
    requires_migrations_checks = False

    def handle(self, *_args: Any, **_options: Any) -> None:
        # The API's frame can only be imported once Django's checks have read all addresses.
        from events.pushing.working import Pushes
        from events.streaming.server import Limits, Server

        if processes.RUN_VARIABLE in os.environ:
            processes.die_with_parent()
        at = handover.path(settings.LEADOPS_HOME, SOCKET)
        limits = Limits(caller=settings.LEADOPS_CALLER_STREAMS, all=settings.LEADOPS_STREAMS)
        pushes = Pushes()
        pushes.start()
        try:
            asyncio.run(Server(at, limits).run())
        finally:
            pushes.stop(PUSH_STOP_SECONDS)
