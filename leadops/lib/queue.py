"""The only file that knows django-q2: its settings, tasks, schedules and clusters.

Our tables say what is due; the queue only supervises processes and wakes them. Two
clusters keep them apart: `pump` runs one long pump task a worker, `misc` everything else.
docs/decisions has the measurements behind the settings.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any

from django.db import DatabaseError, InterfaceError, connection

from leadops.lib import processes

PUMP, MISC = "pump", "misc"
PUMP_TASK = "flows.tasks.pump"
NAME_VARIABLE = "Q_CLUSTER_NAME"  # django-q2 reads it when it is first imported
WORKERS_VARIABLE = "LEADOPS_WORKERS"
MISC_WORKERS = 2
PUMP_TIMEOUT = 15 * 60  # seconds; a turn is 5 minutes
PUMP_RETRY = 20 * 60
WAITING_LIMIT = 64  # pump tasks: more than workers of all machines, less than a flood
RETRY_SECONDS = 0.5
STOP_SECONDS = 14  # more than LEADOPS_STOP_SECONDS


class Flag:
    """A flag shared with forked children.

    A byte of shared memory, not a multiprocessing.Event: that holds a lock while it is
    read, and a worker killed at that moment would block all others for ever.
    """

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def is_set(self) -> bool:
        return self._byte[0] == 1

    def set(self) -> None:
        self._byte[0] = 1

    def clear(self) -> None:
        self._byte[0] = 0


stopping = Flag()
"""Set when the cluster begins to stop: long tasks look at it often, and return."""


@dataclass(frozen=True)
class Every:
    """A task of the misc cluster that runs every so many minutes."""

    name: str
    task: str  # dotted path; called without arguments
    minutes: int = 1


def configuration() -> dict[str, Any]:
    """Q_CLUSTER for Django's settings: the misc cluster, and the pumps' beside it."""
    return {
        "name": "leadops",
        "cluster_name": MISC,
        "label": "Background tasks",
        "orm": "default",
        "poll": 0.2,
        "guard_cycle": 0.5,
        "log_level": "WARNING",
        **_workers(_worker_count(MISC)),
        "timeout": 600,
        "retry": 900,
        "max_attempts": 3,
        "save_limit": -1,  # 250 would lock every saved success for each task
        "ack_failures": True,
        "recycle": 1_000_000_000,  # a recycle while the pusher is blocked hangs the stop
        "catch_up": False,
        "ALT_CLUSTERS": {
            PUMP: {
                **_workers(_worker_count(PUMP)),
                "timeout": PUMP_TIMEOUT,
                "retry": PUMP_RETRY,
                "scheduler": False,
            }
        },
    }


def _worker_count(cluster: str) -> int:
    given = os.environ.get(WORKERS_VARIABLE) if os.environ.get(NAME_VARIABLE) == cluster else None
    return int(given) if given else default_workers(cluster)


def default_workers(cluster: str) -> int:
    """One pump a core; the misc cluster needs no more on a larger machine."""
    return max(1, os.cpu_count() or 1) if cluster == PUMP else MISC_WORKERS


def _workers(number: int) -> dict[str, int]:
    """No more in memory than workers: the retry clock runs while a task waits there."""
    return {"workers": number, "queue_limit": number, "bulk": number}


# --- tasks


def enqueue(task: str, *ids: str | int, cluster: str = MISC) -> None:
    """Have `task` (a dotted path) called with `ids`, soon, perhaps twice.

    Inside a transaction it becomes visible with the commit.
    """
    from django_q.tasks import async_task

    async_task(task, *ids, cluster=cluster)


def pending(cluster: str) -> int:
    """How many tasks wait for a worker; those being worked on are not counted."""
    from django.utils import timezone
    from django_q.models import OrmQ

    waiting: int = OrmQ.objects.filter(key=cluster, lock__lte=timezone.now()).count()
    return waiting


def longest_wait(cluster: str) -> float:
    """Seconds that the first waiting task has waited; 0 when none waits."""
    from django.utils import timezone
    from django_q.models import OrmQ

    now = timezone.now()
    first = OrmQ.objects.filter(key=cluster, lock__lte=now).order_by("lock").first()
    return (now - first.lock).total_seconds() if first else 0.0


def keep_schedules(wanted: Iterable[Every]) -> None:
    """Make the schedules exactly `wanted`; a known one keeps its next run."""
    from django_q.models import Schedule

    names = []
    for each in wanted:
        names.append(each.name)
        Schedule.objects.update_or_create(
            name=each.name,
            defaults={
                "func": each.task,
                "schedule_type": Schedule.MINUTES,
                "minutes": each.minutes,
                "repeats": -1,
                "cluster": MISC,
            },
        )
    Schedule.objects.exclude(name__in=names).delete()


# --- pumps


def wake_pump() -> None:
    """Put a pump task into the queue: called by a pump when its turn ends.

    Returns when done, however long the database is away, or when the cluster stops.
    """
    while not stopping.is_set():
        try:
            if pending(PUMP) < WAITING_LIMIT:
                enqueue(PUMP_TASK, cluster=PUMP)
            return
        except (DatabaseError, InterfaceError):
            connection.close()
            time.sleep(RETRY_SECONDS)


def _give_the_worker_its_pump(**_kwargs: object) -> None:
    """In a fresh worker: a task for it, since its predecessor's died with it."""
    wake_pump()


def _forget(task: Mapping[str, Any], **_kwargs: object) -> None:
    """A pump task that has begun must not come back when its worker is killed: the worker
    that takes its place has a task of its own, and there would be one too many for ever."""
    from django_q.models import OrmQ

    with contextlib.suppress(DatabaseError, InterfaceError):
        OrmQ.objects.filter(pk=task.get("ack_id")).delete()


def _forget_claimed(cluster: str) -> None:
    """Drop what earlier clusters had taken from the queue and not begun."""
    from django.utils import timezone
    from django_q.models import OrmQ

    OrmQ.objects.filter(key=cluster, lock__gt=timezone.now()).delete()


# --- clusters


def run_cluster(name: str) -> None:
    """Run a cluster in this process until SIGTERM or SIGINT; returns when all has stopped.

    The environment must name it before Django starts: `needs_restart` says whether it does.
    """
    from django_q import cluster as library
    from django_q.signals import post_spawn, pre_execute

    from leadops.lib.queue_locks import SturdyQueue

    processes.children_die_with_us()
    library.Queue = SturdyQueue
    if name == PUMP:
        _forget_claimed(PUMP)
        post_spawn.connect(_give_the_worker_its_pump, weak=False)
        pre_execute.connect(_forget, weak=False)
    cluster = library.Cluster()
    stop_cluster = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()  # before the library waits for its workers to come to an end
        # The library waits for ever for a child that was killed; the alarm's default
        # action ends us, and the kernel then ends our children.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(STOP_SECONDS)
        if callable(stop_cluster):
            stop_cluster(number, frame)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    cluster.start()
    if cluster.sentinel is not None:
        cluster.sentinel.join()
        signal.alarm(0)
        sys.exit(0 if stopping.is_set() else 1)  # without its sentinel a cluster is dead


def environment(name: str, workers: int | None = None) -> dict[str, str]:
    """The variables that make a process the cluster `name`."""
    chosen = {NAME_VARIABLE: name}
    return {**chosen, WORKERS_VARIABLE: str(workers)} if workers else chosen


def needs_restart(name: str, workers: int | None = None) -> bool:
    """Whether this process was started as something else than the cluster `name`."""
    return any(os.environ.get(key) != value for key, value in environment(name, workers).items())
