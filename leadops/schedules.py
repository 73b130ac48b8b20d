"""What runs by the clock, in the misc cluster. Finer than a minute is the pumps' business."""

from __future__ import annotations

from leadops.lib.queue import Every

SCHEDULES: tuple[Every, ...] = (
    Every("fold", "events.tasks.fold"),
    Every("alerts", "events.tasks.alerts"),
    Every("seal", "events.tasks.seal"),
    Every("wake held", "flows.tasks.wake_held"),
    Every("learn", "flows.tasks.learn"),
    Every("secrets", "events.tasks.secrets", minutes=30),
    Every("bulk retries", "flows.tasks.resume_bulk_retries"),
    Every("moves of leads", "flows.tasks.resume_flow_moves"),
    Every("suppression uploads", "flows.tasks.resume_suppression_uploads"),
    Every("lead imports", "flows.tasks.resume_lead_imports"),
    Every("exports", "events.tasks.exports"),
    Every("feedback passed on", "events.tasks.pass_on"),
    Every("tidy exports", "events.tasks.tidy_exports", minutes=60),
    Every("erasures", "events.tasks.resume_erasures", minutes=10),
    Every("tidy", "flows.tasks.tidy", minutes=60),
    Every("partitions", "events.tasks.make_partitions", minutes=60),
    Every("trim", "events.tasks.trim", minutes=10),
)
