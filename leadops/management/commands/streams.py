"""`manage.py streams`: serves the firehose's streams and pushes events, in the foreground."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand

from events.streaming.asked import SOCKET
from leadops.lib import handover, processes

if TYPE_CHECKING:
    from events.streaming.server import Server

HOOK_STOP_SECONDS = 3.0
PUSH_STOP_SECONDS = 6.0  # what batches under way get to end
PULSE_STOP_SECONDS = 1.0
# What one round of each part may take on a busy machine before it counts as a hang: the loop and
# the look for subscriptions wait for nothing but short queries, hooks judge a thousand events or an
# hour's figures, notices wait for receivers.
STREAMS_ROUND, PUSH_ROUND, HOOK_ROUND, NOTICE_ROUND = 10.0, 60.0, 120.0, 120.0


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
        from events.streaming.pulse import Pulse
        from events.streaming.server import Limits, Server

        if processes.RUN_VARIABLE in os.environ:
            processes.die_with_parent()
        at = handover.path(settings.LEADOPS_HOME, SOCKET)
        limits = Limits(caller=settings.LEADOPS_CALLER_STREAMS, all=settings.LEADOPS_STREAMS)
        server = Server(at, limits)
        pulse = Pulse(settings.LEADOPS_HOME, os.getpid(), open=server.open)
        server.moved = pulse.part("streams", STREAMS_ROUND)
        pushes = Pushes(moved=pulse.part("pushes", PUSH_ROUND))
        hooks = Hooks(
            follows=pulse.part("hooks", HOOK_ROUND), tells=pulse.part("hook notices", NOTICE_ROUND)
        )
        for part in (pulse, pushes, hooks):
            part.start()
        try:
            asyncio.run(_serve(server))
        finally:
            hooks.stop(HOOK_STOP_SECONDS)
            pushes.stop(PUSH_STOP_SECONDS)
            pulse.stop(PULSE_STOP_SECONDS)


async def _serve(server: Server) -> None:
    """Until SIGTERM or Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    await server.run()
