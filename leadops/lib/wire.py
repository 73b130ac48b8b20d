"""Cursors that send statement and values apart, so that the server plans a statement once.

Django's own cursors write the values into the text, and every execution is parsed and planned
anew: fine for a page, a third of the work on the hot paths.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import psycopg
from django.db import connection
from psycopg.abc import Loader

_OID = psycopg.adapters.types["timestamptz"].oid
_MOMENTS = cast(type[Loader], psycopg.adapters.get_loader(_OID, psycopg.pq.Format.TEXT))


def cursor() -> psycopg.Cursor[Any]:
    """A cursor of Django's connection, inside its transaction; may stand in a pipeline.

    Moments come with the zone of the session, UTC: Django's own loader makes each of them twice.
    """
    made = psycopg.Cursor(connection.connection)
    made.adapters.register_loader("timestamptz", _MOMENTS)
    return made


def array(ids: Iterable[str | int]) -> str:
    """An array of ids as the database reads it: they hold nothing that would need quotes."""
    return "{" + ",".join(map(str, ids)) + "}"
