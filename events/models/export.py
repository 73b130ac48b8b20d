"""What somebody takes out of the record as a file."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from leadops.lib.fields import IdField
from leadops.lib.jobs import Job
from leadops.lib.links import SignedLink


class Format(models.TextChoices):
    CSV = "csv", "CSV"
    JSONL = "jsonl", "JSON lines"
    XLSX = "xlsx", "Excel"
    PARQUET = "parquet", "Parquet"


class What(models.TextChoices):
    EVENTS = "events", "Events"
    LEADS = "leads", "Leads"
    DELIVERIES = "deliveries", "Deliveries"


class Export(Job):
    """What was asked for, and how far it has come. The row is the truth: a task only works on it,
    and whoever comes after a task that died goes on from `position`."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    id = IdField("exp")
    what = models.CharField(max_length=12, choices=What.choices, default=What.EVENTS)
    format = models.CharField(max_length=10, choices=Format.choices, default=Format.CSV)
    filters = models.JSONField(default=dict, help_text="As the API's list takes them.")
    fields = models.JSONField(default=list, help_text="Those asked for; empty: the usual ones.")
    with_lead = models.BooleanField(default=True, help_text="With the lead's values.")
    columns = models.JSONField(default=list, help_text="The file's columns, fixed at its start.")
    created_by = models.CharField(max_length=150)
    reason = models.CharField(max_length=300, blank=True, default="")
    recipients = models.JSONField(
        null=True, help_text="Ids of those it is confined to; null: everything."
    )
    personal = models.BooleanField(help_text="Personal values stand in it as they are.")
    partner_words = models.BooleanField(
        default=False, help_text="Words that partners wrote with their feedback stand in it."
    )
    schedule = models.CharField(
        max_length=50, blank=True, default="", help_text="By which it was made."
    )

    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    horizon = models.BigIntegerField(help_text="Transactions before it are in, others are not.")
    begun_at = models.DateTimeField(help_text="What came later is not in it.")
    span_start = models.DateTimeField(null=True, help_text="Progress is measured from here…")
    span_end = models.DateTimeField(null=True, help_text="… to here.")
    position_at = models.DateTimeField(null=True)
    position_id = models.CharField(max_length=32, blank=True, default="", db_collation="C")
    gathered = models.BooleanField(default=False, help_text="Every row has been read.")
    rows = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0, help_text="Of the file.")
    pieces = models.PositiveIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    error = models.CharField(max_length=500, blank=True, default="")
    tries = models.PositiveSmallIntegerField(default=0, help_text="Turns that ended in an error.")
    started_at = models.DateTimeField(null=True)
    touched_at = models.DateTimeField(db_default=Now(), help_text="When it was last worked on.")
    expires_at = models.DateTimeField(null=True)
    purged_at = models.DateTimeField(null=True, help_text="When its file was deleted.")

    # Where it is sent when it is done; of an export by schedule.
    sent_at = models.DateTimeField(null=True)
    send_at = models.DateTimeField(null=True, help_text="When it is sent, or sent again.")
    send_tries = models.PositiveSmallIntegerField(default=0)
    send_error = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="export_created"),
            models.Index(
                fields=["touched_at"],
                condition=models.Q(state__in=["queued", "running"]),
                name="export_open",
            ),
            models.Index(
                fields=["send_at"], condition=models.Q(send_at__isnull=False), name="export_send"
            ),
        ]

    @property
    def has_file(self) -> bool:
        """Done, and neither expired nor erased."""
        return self.state == self.State.DONE and self.purged_at is None

    @property
    def filename(self) -> str:
        return f"{self.what}-{self.begun_at:%Y%m%d-%H%M%S}-{self.id}.{self.format}"

    @property
    def progress(self) -> float:
        """From 0 to 1, by the time that the rows read so far cover: nothing is counted."""
        if self.state == self.State.DONE:
            return 1.0
        if not (self.span_start and self.span_end and self.position_at):
            return 0.0
        whole = (self.span_end - self.span_start).total_seconds()
        part = (self.position_at - self.span_start).total_seconds()
        return min(max(part / whole, 0.0), 0.99) if whole > 0 else 0.0


class ExportPiece(models.Model):
    """Some of a file's bytes, packed small and encrypted. `first` is the place of its first byte
    in the file. `raw`: rows that wait to be put into a file as a whole."""

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="stored")
    raw = models.BooleanField()
    number = models.PositiveIntegerField()
    first = models.BigIntegerField()
    size = models.PositiveIntegerField(help_text="Bytes, unpacked.")
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["export", "raw", "number"], name="one_piece_of_export")
        ]

    def __str__(self) -> str:
        return f"{self.export_id} {self.number}"


class ExportLink(SignedLink):
    """A link with which somebody without a login takes one file."""

    salt = "leadops.export"
    about = ("export",)

    id = IdField("exl")
    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="links")

    class Meta(SignedLink.Meta):
        pass
