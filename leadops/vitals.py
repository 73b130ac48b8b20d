"""How the system is, read from the database: what the health pages and the watchdog ask."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from leadops.lib import queue

COUNT_LIMIT = 10_000  # a backlog is counted no further


@dataclass(frozen=True)
class Beat:
    """A pump's last sign of life."""

    slot: int
    pid: int
    host: str
    age: float  # seconds


@dataclass(frozen=True)
class StreamsBeat:
    """The last sign of life of a process that serves streams."""

    host: str
    home: str
    pid: int
    age: float  # seconds
    open: int = 0  # streams


@dataclass(frozen=True)
class Vitals:
    """One look at the database."""

    beats: tuple[Beat, ...]
    due: int  # rows that are due, counted up to COUNT_LIMIT
    oldest_due: float  # seconds that the first of them is late
    oldest_id: int  # which row that is; 0: none
    longest_wait: float  # seconds that the first background task has waited
    streams: tuple[StreamsBeat, ...] = ()

    def freshest_beat(self) -> float | None:
        """Age of the newest sign of life of any pump; None when none was ever seen."""
        return min((beat.age for beat in self.beats), default=None)

    def streams_of(self, host: str, home: str) -> StreamsBeat | None:
        """What serves the streams of a machine and home; None: it was never seen, or has ended."""
        found = (beat for beat in self.streams if (beat.host, beat.home) == (host, home))
        return next(found, None)


def read() -> Vitals:
    """The vitals now, by the database's clock. Raises django.db.Error when it is away."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT slot, pid, host, extract(epoch FROM clock_timestamp() - beat)::float8 "
            "FROM flows_pump ORDER BY slot"
        )
        beats = tuple(Beat(*row) for row in cursor.fetchall())
        cursor.execute(
            "SELECT host, home, pid, extract(epoch FROM clock_timestamp() - beat)::float8, open "
            "FROM events_streamsbeat ORDER BY host, home"
        )
        streams = tuple(StreamsBeat(*row) for row in cursor.fetchall())
        cursor.execute(
            "SELECT count(*) FROM (SELECT FROM flows_work WHERE due_at <= now() LIMIT %s) AS due",
            [COUNT_LIMIT],
        )
        due = int(cursor.fetchone()[0])
        cursor.execute(
            "SELECT id, extract(epoch FROM clock_timestamp() - due_at)::float8 "
            "FROM flows_work WHERE due_at <= now() ORDER BY due_at LIMIT 1"
        )
        oldest_id, oldest_due = cursor.fetchone() or (0, 0.0)
    return Vitals(
        beats=beats,
        due=due,
        oldest_due=oldest_due,
        oldest_id=oldest_id,
        longest_wait=queue.longest_wait(queue.MISC),
        streams=streams,
    )
