"""The record's partitioned tables: events, snapshots, exchanges.

The tables are made in SQL (migration 0002): partitioned by month, primary key (id, timestamp).
Django sees `id` alone as the key, for the admin cannot show a model with a composite one.
"""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models

from leadops.lib.fields import IdField


class AppendOnly(TypeError):
    """Somebody tried to change the record."""


class Event(models.Model):
    """A moment, for ever. Written by `events.journal.record` alone."""

    id = IdField("evt")
    seq = models.PositiveIntegerField(help_text="Order within the lead, without gaps.")
    type = models.CharField(max_length=40)
    timestamp = models.DateTimeField()
    lead_id = models.CharField(max_length=32, db_collation="C")
    flow_id = models.CharField(max_length=32, db_collation="C")
    entity_id = models.CharField(max_length=32, db_collation="C")
    outcome = models.CharField(max_length=20)
    reason = models.TextField()
    duration_ms = models.PositiveIntegerField(null=True)
    data = models.JSONField(help_text="The type's own fields.")
    snapshot = models.PositiveSmallIntegerField(help_text="Version of the lead at that moment.")
    exchange_id = models.CharField(max_length=32, db_collation="C")
    digest = models.BinaryField(
        null=True, help_text="Salted digest of the snapshot or exchange it points at."
    )

    class Meta:
        managed = False
        db_table = "events_event"
        ordering = ["-timestamp", "-id"]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"

    def save(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("Events are written by events.journal.record.")

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("Events are never deleted.")


class Snapshot(models.Model):
    """The lead's values at one moment; erasable."""

    id = IdField("snap")
    lead_id = models.CharField(max_length=32, db_collation="C")
    version = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    body = models.JSONField(help_text="Flat: email, email.valid, source.name, appended.….")

    class Meta:
        managed = False
        db_table = "events_snapshot"

    def __str__(self) -> str:
        return f"{self.lead_id} version {self.version}"


class Exchange(models.Model):
    """The request and reply of one attempt, secrets redacted; erasable."""

    id = IdField("exc")
    lead_id = models.CharField(max_length=32, db_collation="C")
    delivery_id = models.CharField(max_length=32, db_collation="C")
    attempt = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    method = models.CharField(max_length=10)
    url = models.TextField()
    request_headers = models.JSONField()
    request_body = models.TextField()
    status = models.PositiveSmallIntegerField(null=True)
    reply_headers = models.JSONField()
    reply_body = models.TextField()
    error = models.TextField()

    class Meta:
        managed = False
        db_table = "events_exchange"

    def __str__(self) -> str:
        return f"{self.method} {self.url}"
