"""Files of leads on their way in, row by row."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

from flows.models.flow import Flow
from flows.models.source import Source
from leadops.lib.fields import IdField
from leadops.lib.jobs import Job

FASTEST = 500  # rows a second


class LeadImport(Job):
    """A file, what its columns mean, and how far it has come. The row is the truth: a task only
    works on it. The counters change in the transactions that take rows in."""

    class State(models.TextChoices):
        DRAFT = "draft", "Not started"
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    ENDED = frozenset({State.DONE, State.CANCELLED})

    id = IdField("imp")
    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="imports")
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="imports")
    by = models.CharField(max_length=150)
    filename = models.CharField(max_length=200, blank=True)
    digest = models.BinaryField(max_length=16, help_text="Of the file, keyed: finds the same one.")
    test = models.BooleanField(default=False, help_text="Its rows become test leads.")
    rate = models.PositiveSmallIntegerField(
        default=50,
        validators=[MinValueValidator(1), MaxValueValidator(FASTEST)],
        help_text="Rows a second at most.",
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    encoding = models.CharField(max_length=20)
    odd_line = models.PositiveIntegerField(default=0, help_text="The first line that is no UTF-8.")
    delimiter = models.CharField(max_length=1)
    header = models.BooleanField(default=True, help_text="The first line names the columns.")
    columns = models.JSONField(default=list, help_text="The columns' names, in their order.")
    targets = models.JSONField(default=list, help_text="Where each column goes; blank: nowhere.")
    total = models.PositiveIntegerField(default=0, help_text="Rows.")
    pieces_total = models.PositiveIntegerField(default=0)
    position = models.PositiveIntegerField(default=0, help_text="Pieces that are done.")
    accepted = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0, help_text="By the checks at the door.")
    failed = models.PositiveIntegerField(default=0, help_text="Rows that cannot be read as leads.")
    cost = models.DecimalField(max_digits=14, decimal_places=4, default=0)
    reasons = models.JSONField(default=dict, help_text="Why rows are no leads: reason, number.")
    problem = models.CharField(max_length=300, blank=True, default="")
    waits_for = models.CharField(max_length=200, blank=True, default="")
    started_at = models.DateTimeField(null=True)
    touched_at = models.DateTimeField(db_default=Now(), help_text="When somebody last steered it.")
    purged_at = models.DateTimeField(null=True, help_text="When its rows were deleted.")

    class Meta:
        indexes = [
            models.Index(fields=["-created_at"], name="lead_import_created"),
            models.Index(fields=["flow", "digest"], name="lead_import_same_file"),
            models.Index(
                fields=["created_at"],
                condition=models.Q(state__in=["queued", "running"]),
                name="lead_import_open",
            ),
        ]

    @property
    def done(self) -> int:
        """Rows that have been dealt with."""
        return self.accepted + self.rejected + self.failed

    @property
    def has_ended(self) -> bool:
        return self.state in self.ENDED

    @property
    def may_start(self) -> bool:
        return self.state == self.State.DRAFT

    @property
    def is_paused(self) -> bool:
        return self.state == self.State.PAUSED


class LeadImportPiece(models.Model):
    """Some rows of a file, encrypted; `first` is the number of the first of its `rows`."""

    lead_import = models.ForeignKey(LeadImport, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    first = models.PositiveIntegerField()
    rows = models.PositiveIntegerField()
    data = models.TextField(help_text="Encrypted.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lead_import", "number"], name="one_piece_of_leads")
        ]

    def __str__(self) -> str:
        return f"{self.lead_import_id} {self.number}"


class LeadImportRow(models.Model):
    """What came of a row, written in the transaction that took it in: a row that stands here is
    never taken again. `reason` names no values; `told` is what a source would be told, encrypted.
    """

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted"
        REJECTED = "rejected"
        FAILED = "failed"

    pk = models.CompositePrimaryKey("lead_import_id", "row")
    lead_import = models.ForeignKey(LeadImport, on_delete=models.CASCADE, related_name="rows")
    row = models.PositiveIntegerField(help_text="Counted from 1, without the line of names.")
    lead_id = models.CharField(max_length=32, blank=True, db_collation="C")
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    reason = models.CharField(max_length=200, blank=True)
    told = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.lead_import_id} {self.row}: {self.outcome}"
