"""The site as an app: its commands and checks."""

from __future__ import annotations

import os

from django.apps import AppConfig

from leadops.lib import history, processes


class LeadOpsConfig(AppConfig):
    name = "leadops"
    verbose_name = "LeadOps"

    def ready(self) -> None:
        from leadops import changes

        history.keep_with(changes.JournalKeeper())
        # A program of `manage.py up` must not go on when its supervisor is killed.
        if processes.RUN_VARIABLE in os.environ:
            processes.die_with_parent()
