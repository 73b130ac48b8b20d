"""Signs of life of the processes that serve streams, pushes and hooks."""

from __future__ import annotations

from django.db import models


class StreamsBeat(models.Model):
    """One process's, a row for each machine and home. Written by `events.streaming.pulse` alone."""

    host = models.CharField(max_length=255)
    home = models.CharField(max_length=1_000, help_text="Several systems may share a machine.")
    pid = models.IntegerField()
    beat = models.DateTimeField()
    open = models.IntegerField(default=0, help_text="Streams that it serves.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["host", "home"], name="one_streams_beat_a_home")
        ]

    def __str__(self) -> str:
        return f"{self.host} {self.home}"
