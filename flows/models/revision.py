"""The number of the configuration in force."""

from __future__ import annotations

from django.db import models


class Revision(models.Model):
    """One row. Every change of configuration raises it; workers reload when it has moved."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.BigIntegerField(default=1)

    def __str__(self) -> str:
        return str(self.number)
