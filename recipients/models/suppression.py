"""Lists of values that are not to be sent: do not call, unsubscribed, litigators."""

from __future__ import annotations

from typing import Any

from django.db import models, transaction

from leadops.lib.fields import IdField
from leadops.lib.jobs import Job
from recipients import suppression


class SuppressionList(models.Model):
    """What its entries are, and which fields of a lead are looked up in it.

    Its number is small and in every entry: a list of a million entries stays lean.
    """

    class Hashed(models.TextChoices):
        NONE = "none", "Plain values"
        MD5 = "md5", "MD5 hashes"
        SHA256 = "sha256", "SHA-256 hashes"

    id = models.AutoField(primary_key=True)
    slug = models.SlugField(unique=True, help_text="Names it in bundles, URLs, the API, reasons.")
    name = models.CharField(max_length=200)
    fields = models.JSONField(
        default=list,
        validators=[suppression.field_names],
        help_text='Fields of leads that are looked up in it, e.g. ["phone_1", "phone_2"] or '
        '["email.domain"].',
    )
    type = models.CharField(
        "type of its values",
        max_length=30,
        blank=True,
        validators=[suppression.value_type],
        help_text="How values are read before they are compared. Blank: what the first field's "
        "name says: phone_1 is a phone, email an e-mail address, anything else a text.",
    )
    hashed = models.CharField(
        "it holds",
        max_length=10,
        choices=Hashed.choices,
        default=Hashed.NONE,
        help_text="Hashes are for lists that others hand out as such. Nothing is kept in clear "
        "either way.",
    )
    entries = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    changed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.pk and self.entries:
            suppression.values_stay(self, SuppressionList.objects.get(pk=self.pk))

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """The list with its entries, and with those that wait to replace them."""
        with transaction.atomic():
            numbers = [self.pk, *(-upload.number for upload in self.uploads.all())]
            SuppressionEntry.objects.filter(list_id__in=numbers).delete()
            return super().delete(*args, **kwargs)

    @property
    def value_type(self) -> str:
        """The field type by which its values are read."""
        return self.type or suppression.type_by_name(self.fields[0] if self.fields else "")


class SuppressionEntry(models.Model):
    """A value on a list: 16 bytes of a keyed digest. The primary key is all there is to read.

    No foreign key: entries come by the million. Deleting a list deletes them first. Those of an
    upload that will replace a list wait under its negative number.
    """

    pk = models.CompositePrimaryKey("list_id", "digest")
    list_id = models.IntegerField()
    digest = models.BinaryField(max_length=16)

    def __str__(self) -> str:
        return f"{self.list_id} {bytes(self.digest).hex()}"


class SuppressionUpload(Job):
    """A file on its way into a list. The row is the truth: a task only works on it, and whoever
    comes after a task that died goes on from `position`."""

    class Mode(models.TextChoices):
        ADD = "add", "Add to the list"
        REPLACE = "replace", "Replace the list"
        REMOVE = "remove", "Remove from the list"

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    id = IdField("upl")
    number = models.PositiveIntegerField(unique=True, help_text="Of its entries in waiting.")
    target = models.ForeignKey(SuppressionList, on_delete=models.CASCADE, related_name="uploads")
    by = models.CharField(max_length=150)
    filename = models.CharField(max_length=200, blank=True)
    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.ADD)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    delimiter = models.CharField(max_length=1, default=",")
    column = models.PositiveIntegerField(default=0, help_text="Counted from 0.")
    header = models.BooleanField(default=False, help_text="The first line names the columns.")
    total = models.PositiveIntegerField(default=0, help_text="Pieces.")
    position = models.PositiveIntegerField(default=0, help_text="Pieces that are done.")
    lines = models.PositiveIntegerField(default=0)
    read = models.PositiveIntegerField(default=0, help_text="Lines with a value.")
    bad = models.PositiveIntegerField(default=0, help_text="Lines without a usable value.")
    changed = models.PositiveIntegerField(default=0, help_text="Entries added or removed.")
    report = models.JSONField(default=list, help_text="Line numbers and reasons, no values.")
    problem = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        indexes = [
            models.Index(fields=["target", "-created_at"], name="suppression_uploads"),
            models.Index(
                fields=["created_at"],
                condition=models.Q(state__in=["queued", "running"]),
                name="suppression_upload_open",
            ),
        ]

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN


class SuppressionPiece(models.Model):
    """Some whole lines of an upload, kept until they are worked in: any machine may do it."""

    upload = models.ForeignKey(SuppressionUpload, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    first_line = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["upload", "number"], name="one_piece_a_number")
        ]

    def __str__(self) -> str:
        return f"{self.upload_id} {self.number}"
