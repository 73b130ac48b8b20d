"""`manage.py streams`: serves the firehose's streams and pushes events, in the foreground."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from events.streaming.asked import SOCKET
from leadops.lib import handover, processes

HOOK_STOP_SECONDS = 3.0
PUSH_STOP_SECONDS = 6.0  # what batches under way get to end


class Command(BaseCommand):
    help = (
        "Sends events to streams that the web server hands over, and to push subscriptions; "
        "looks at the record for hooks."
    )
    requires_migrations_checks = False

    def handle(self, *_args: Any, **_options: Any) -> None:
        # The API's frame can only be imported once Django's checks have read all addresses.
        from events.hooks.running import Hooks
        from events.pushing.working import Pushes
        from events.streaming.server import Limits, Server

        if processes.RUN_VARIABLE in os.environ:
            processes.die_with_parent()
        at = handover.path(settings.LEADOPS_HOME, SOCKET)
        limits = Limits(caller=settings.LEADOPS_CALLER_STREAMS, all=settings.LEADOPS_STREAMS)
        pushes, hooks = Pushes(), Hooks()
        pushes.start()
        hooks.start()
        try:
            asyncio.run(Server(at, limits).run())
        finally:
            hooks.stop(HOOK_STOP_SECONDS)
            pushes.stop(PUSH_STOP_SECONDS)
