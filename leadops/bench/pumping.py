"""What recording and sealing cost beside the pump's own work: the load of `bench deliver`, counted
in processor time."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Final

from leadops.bench import bundles, deliver, events
from leadops.bench.system import System, processes, running
from leadops.lib import postgres

DELIVERIES: Final = 4_000
RECORDING_SECONDS: Final = 2.0
WARMING: Final = 500  # deliveries


def share_of_sealing(us_an_event: float) -> dict[str, Any]:
    """Processor time a lead: of the pump and the database, of sealing its events as a share of
    that; and how long writing its events takes."""
    with running(workers=1) as system:
        system.load(bundles.one_buyer(f"{system.buyers_url}/accept"))
        deliver.deliver(system, WARMING, limit=120)
        before, had = _work(system), _events(system)
        done = deliver.deliver(system, DELIVERIES, limit=300, first=WARMING + 1)
        after = _work(system)
        a_lead = (_events(system) - had) / DELIVERIES
        written, _ = events.journal_rate(system.home, RECORDING_SECONDS)
    pumped = sum(after[pid] - before.get(pid, 0.0) for pid in after) * 1e6 / DELIVERIES
    return {
        "events_a_lead": a_lead,
        "pump_us_a_lead": pumped,
        "sealing_us_a_lead": us_an_event * a_lead,
        "sealing_share": us_an_event * a_lead / pumped if pumped else 0.0,
        "recording_ms_a_lead": 1000 * a_lead / written,
        "pump_left": done["left"],
    }


def _work(system: System) -> dict[int, float]:
    """Seconds of processor time, by process, of the pumps and of the database's backends: one that
    has ended meanwhile, as that which laid the load down, is not counted."""
    pumps = [pid for pid, name in processes(system.up.pid).items() if "pump" in name]
    return {pid: cpu_seconds(pid) for pid in (*pumps, *postgres.pids(system.home))}


def _events(system: System) -> int:
    with system.connect() as connection:
        row = connection.execute("SELECT count(*) FROM events_event WHERE lead_id <> ''").fetchone()
    return int(row[0]) if row else 0


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has had, 0 when it is gone (proc(5): utime and stime)."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0
