"""Seals over the record, and where their heads were published. Never changed, never deleted."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models

from events.models.record import AppendOnly


class Seal(models.Model):
    """Proof of the events of one month whose transactions are from `from_tx` to before `to_tx`.

    Written by `events.sealing.seals` alone; a trigger refuses changes.
    """

    n = models.BigIntegerField(primary_key=True, help_text="From 1, without gaps.")
    month = models.DateField(help_text="Its first day; by the events' timestamps, in UTC.")
    from_tx = models.BigIntegerField()
    to_tx = models.BigIntegerField(help_text="The first transaction after it.")
    events = models.PositiveBigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    root = models.BinaryField(help_text="Of the Merkle tree over the events, by (tx, id).")
    previous = models.BinaryField(help_text="The hash of the seal before.")
    hash = models.BinaryField()
    sealed_at = models.DateTimeField()

    class Meta:
        managed = False  # made by migration 0023
        ordering = ["-n"]
        constraints = [
            # Two seals that follow the same one would be a fork.
            models.UniqueConstraint(fields=["previous"], name="one_chain_of_seals"),
            models.CheckConstraint(
                condition=models.Q(n__gt=0, events__gt=0, from_tx__lt=models.F("to_tx")),
                name="seal_of_something",
            ),
        ]
        indexes = [models.Index(fields=["month", "from_tx"], name="seal_month")]

    def __str__(self) -> str:
        return f"Seal {self.n}"

    def save(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("Seals are made by events.sealing.seals.")

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("Seals are never deleted.")


class Head(models.Model):
    """The last seal of a moment, as it was published at `place`; or why it could not be."""

    id = models.BigAutoField(primary_key=True)
    place = models.CharField(max_length=120, help_text="“file”, or a destination's slug.")
    n = models.BigIntegerField()
    hash = models.BinaryField()
    tried_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["place", "-n"], name="head_place")]
        constraints = [
            models.UniqueConstraint(
                fields=["place"],
                condition=models.Q(published_at__isnull=True),
                name="one_open_try_a_place",
            )
        ]

    def __str__(self) -> str:
        return f"Head {self.n} at {self.place}"
