"""Cursors that send statement and values apart, so that the server plans a statement once.

Django's own cursors write the values into the text, and every execution is parsed and planned
anew: fine for a page, a third of the work on the hot paths.
"""

from __future__ import annotations

from typing import Any

import psycopg
from django.db import connection


def cursor() -> psycopg.Cursor[Any]:
    """A cursor of Django's connection, inside its transaction; may stand in a pipeline."""
    return psycopg.Cursor(connection.connection)
