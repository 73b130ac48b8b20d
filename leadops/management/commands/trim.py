"""`manage.py trim`: take out of the record what is no longer kept, or say what that is."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from events.models import TrimRun
from events.retention import planning, running, terms
from events.retention.planning import Due

FOR_EVER = 1e9  # seconds: until it is done


class Command(BaseCommand):
    help = "Delete what of the record is older than the settings keep it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        plan = planning.plan(terms.load())
        for due in plan:
            self.stdout.write(said(due))
        freed = filesizeformat(sum(due.freed for due in plan)).replace("\xa0", " ")
        if options["dry_run"]:
            self.stdout.write(f"Whole months would free {freed}; nothing was deleted.")
            return
        self._run()

    def _run(self) -> None:
        run = running.start(by="manage.py trim")
        run_id = run.id if run else TrimRun.objects.get(state=TrimRun.State.RUNNING).id
        running.work(run_id, seconds=FOR_EVER, stopping=lambda: False)
        done = TrimRun.objects.get(id=run_id)
        if done.state == TrimRun.State.RUNNING:
            raise CommandError("A worker is at it; nothing was done here.")
        size = filesizeformat(done.bytes).replace("\xa0", " ")
        self.stdout.write(f"{done.rows} rows went, {size} with whole months.")
        if done.note:
            self.stdout.write(f"Left for now:\n{done.note}")


def said(due: Due) -> str:
    """A line on a month of which something goes, or waits."""
    size = filesizeformat(due.month.bytes).replace("\xa0", " ")
    if due.waits:
        return f"stays  {due.month} ({size}): {due.waits}"
    if due.whole:
        return f"goes   {due.month} ({size})"
    return f"partly {due.month} ({size}): what is out of flows and leads that are through"
