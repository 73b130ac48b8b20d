"""The site as an app: its commands and checks."""

from __future__ import annotations

import os
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.backends.signals import connection_created

from leadops.lib import history, processes


def _without_jit(connection: Any, **_kwargs: object) -> None:
    """Our statements are shorter than a compilation. Said here, for a pooler such as pgbouncer
    refuses options in the start-up packet."""
    with connection.cursor() as cursor:
        cursor.execute("SET jit = off")


class LeadOpsConfig(AppConfig):
    name = "leadops"
    verbose_name = "LeadOps"

    def ready(self) -> None:
        from leadops import changes, flowdocuments

        flowdocuments.install()
        history.keep_with(changes.JournalKeeper())
        if settings.ENVIRONMENT.database_url:  # the embedded server has it off for all
            connection_created.connect(_without_jit)
        # A program of `manage.py up` must not go on when its supervisor is killed.
        if processes.RUN_VARIABLE in os.environ:
            processes.die_with_parent()
