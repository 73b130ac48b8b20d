"""The backend's wrapper; Django asks for a module of this name.

The server is joined when the first connection is opened, so commands that need no
database pay nothing, and whoever finds the server dead brings it back.
"""

from __future__ import annotations

from typing import Any

import psycopg
from django.conf import settings
from django.db.backends.postgresql import base

from leadops.lib import postgres


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        postgres.attach(settings.LEADOPS_HOME)
        try:
            return super().get_new_connection(conn_params)
        except psycopg.OperationalError:
            if not postgres.ensure(settings.LEADOPS_HOME):
                raise
            return super().get_new_connection(conn_params)
