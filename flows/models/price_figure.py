"""What price rules read of recipients and sources, as measured."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class PriceFigure(models.Model):
    """A figure of a recipient or source, as of the last minute. `flow_id` is that of the flow
    whose rules read it; `value` null where there is nothing to divide by."""

    subject_id = models.CharField(max_length=32, db_collation="C")
    flow_id = models.CharField(max_length=32, db_collation="C")
    name = models.CharField(max_length=60, db_collation="C")
    value = models.DecimalField(max_digits=16, decimal_places=4, null=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "flows_pricefigure"
        constraints = [
            models.UniqueConstraint(
                fields=["subject_id", "flow_id", "name"], name="one_price_figure_a_name"
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject_id}: {self.name} {self.value}"
