"""A desk for a web process: the state of endpoints and breakers as pumps see it, without a pump.

Nothing that is begun at it is ever sent or written, unless the caller writes it.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from flows.delivery import endpoints
from flows.plan import Plans
from flows.pricing import figures
from flows.steps import accounts
from flows.steps.accounts import Book
from flows.steps.learning import READ as MEASURED
from flows.steps.learning import memory
from flows.turns.desk import Desk

SHARES = """
    SELECT terms, recipient_id, sent, ended, accepted, last_at FROM flows_share WHERE flow_id = %s
"""


def desk_of(current: Plans, at: datetime) -> Desk:
    """Everybody may start: there is no pump whose places could be taken."""
    with connection.cursor() as cursor:
        cursor.execute(endpoints.CONDITIONS)
        conditions = {row[0]: endpoints.condition_of(row) for row in cursor.fetchall()}
        cursor.execute(endpoints.BREAKERS)
        breakers = {row[0]: endpoints.breaker_of(row) for row in cursor.fetchall()}
    desk = Desk(now=at, plans=current, may_start=lambda _: True, conditions=conditions)
    desk.breakers.known = breakers
    return desk


def book_of(flow_id: str, current: Plans) -> Book:
    """The accounts that a flow's orders go by; brings what is measured up to date by the way."""
    if current.needs.figures:
        figures.memory.renew()
    with connection.cursor() as cursor:
        if current.windows and memory.is_due():
            cursor.execute(MEASURED)
            memory.take(cursor.fetchall())
        if not current.accounts:
            return accounts.Book()
        cursor.execute(SHARES, [flow_id])
        return Book.of(cursor.fetchall())
