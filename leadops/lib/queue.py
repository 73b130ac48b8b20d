"""The only file that knows django-q2: clusters, tasks, schedules."""

from __future__ import annotations

import os
from typing import Any

PUMP, MISC = "pump", "misc"


def configuration() -> dict[str, Any]:
    """Q_CLUSTER for Django's settings: the misc cluster, with the pumps' beside it."""
    workers = int(os.environ.get("LEADOPS_PUMPS") or os.cpu_count() or 1)
    return {
        "name": "leadops",
        "cluster_name": MISC,
        "orm": "default",
        "poll": 0.2,
        "log_level": "WARNING",
        "label": "Background tasks",
        **_workers(2),
        "timeout": 600,
        "retry": 900,
        "max_attempts": 3,
        "save_limit": -1,  # 250 would lock every saved success for each task
        "ack_failures": True,
        "recycle": 1_000_000_000,  # a recycle while the pusher is blocked hangs the stop
        "catch_up": False,
        "ALT_CLUSTERS": {
            PUMP: {**_workers(workers), "timeout": 15 * 60, "retry": 20 * 60, "scheduler": False}
        },
    }


def _workers(number: int) -> dict[str, int]:
    """No more in memory than workers: the retry clock runs while a task waits there."""
    return {"workers": number, "queue_limit": number, "bulk": number}
