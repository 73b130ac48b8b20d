"""Counted events: what dashboards read.

A tally is what the events of one transaction count for in a cell, written beside them; a rollup
is many tallies folded into one row an hour. Figures are always read from both together (the view
`events_figure`), so that they equal a recount of the events at every moment, and no two writers
meet on one row.
"""

from __future__ import annotations

from django.db import models


class Counted(models.Model):
    """One cell: its key, and what was counted under it."""

    class Kind(models.TextChoices):
        LEAD = "lead", "A lead arrived (outcome: accepted, rejected)"
        ATTEMPT = "attempt", "An attempt ended (outcome of the attempt)"
        DELIVERY = "delivery", "A delivery reached its final outcome"
        SHARE = "share", "A sale's share of its lead's cost"
        FEEDBACK = "feedback", "A buyer said something (outcome: the kind of feedback)"
        FILTER = "filter", "A lead met a filter (outcome: passed, failed; under the step's id)"
        ENHANCE = "enhance", "A service was asked (outcome: success, failure, error, skipped)"
        AUCTION = "auction", "An auction was decided (under the step's id)"
        RESULT = "result", "A lead came to its end (outcome: sold, unsold, stopped)"
        BID = (
            "bid",
            "Asked for a bid (outcome: bid, declined, silent, failed; cost: what it bid), or won",
        )

    hour = models.DateTimeField(help_text="Start of the hour, UTC.")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    flow_id = models.CharField(max_length=32, db_collation="C")
    source_id = models.CharField(max_length=32, db_collation="C")
    recipient_id = models.CharField(max_length=32, db_collation="C")
    outcome = models.CharField(max_length=20)
    category = models.CharField(max_length=20)
    reason = models.CharField(max_length=120)
    attempt = models.PositiveSmallIntegerField(help_text="Number of the attempt; 0: none.")
    bucket = models.SmallIntegerField(help_text="Response time, log-spaced; -1: none.")
    test = models.BooleanField()
    n = models.BigIntegerField()
    ms = models.BigIntegerField(help_text="Sum of response times.")
    revenue = models.DecimalField(max_digits=16, decimal_places=4)
    cost = models.DecimalField(max_digits=16, decimal_places=4)

    KEY = (
        "hour",
        "kind",
        "flow_id",
        "source_id",
        "recipient_id",
        "outcome",
        "category",
        "reason",
        "attempt",
        "bucket",
        "test",
    )
    SUMS = ("n", "ms", "revenue", "cost")

    class Meta:
        abstract = True


class Tally(Counted):
    """One event's contribution, not yet folded."""

    def __str__(self) -> str:
        return f"{self.kind} {self.outcome}"


class Rollup(Counted):
    """An hour's sum."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=Counted.KEY, name="one_row_a_cell")]
        indexes = [
            models.Index(fields=["recipient_id", "hour"], name="rollup_recipient_hour"),
            # Hours are folded in order, so this reads the table as it lies on the disk.
            models.Index(fields=["hour"], name="rollup_hour"),
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H} {self.kind} {self.outcome}: {self.n}"


class Figure(Counted):
    """Rollups and the tallies not yet folded into them, as one (a view)."""

    class Meta:
        managed = False
        db_table = "events_figure"

    def __str__(self) -> str:
        return f"{self.kind} {self.outcome}: {self.n}"
