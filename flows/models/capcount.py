"""How full caps and limits are."""

from __future__ import annotations

from django.db import models


class CapCount(models.Model):
    """One window of a cap, a rate or a limit of deliveries at once. `reserved` is what deliveries
    under way hold, each of which keeps a note of it on its own row; `used` is what has been used
    up; `booked` counts deliveries that wait for their place."""

    key = models.CharField(max_length=120, db_collation="C")
    starts = models.DateTimeField()
    ends = models.DateTimeField()
    reserved = models.DecimalField(max_digits=16, decimal_places=4, default=0)
    used = models.DecimalField(max_digits=16, decimal_places=4, default=0)
    booked = models.DecimalField(max_digits=16, decimal_places=4, default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "starts"], name="a_count_a_window")]
        indexes = [models.Index(fields=["ends"], name="capcount_ends")]

    def __str__(self) -> str:
        return f"{self.key}: {self.used} and {self.reserved}"
