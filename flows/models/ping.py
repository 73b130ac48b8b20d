"""What sources have been offered for leads that they have not sent yet."""

from __future__ import annotations

from django.db import models

from leadops.lib.fields import IdField


class SourcePing(models.Model):
    """An offer that stands until `expires_at` or until a lead is sent for it: the price, and the
    bids behind it. What the source told of the lead is not kept."""

    id = IdField("ping")
    flow_id = models.CharField(max_length=32, db_collation="C")
    source_id = models.CharField(max_length=32, db_collation="C")
    at = models.DateTimeField()
    expires_at = models.DateTimeField()
    test = models.BooleanField(default=False)
    price = models.DecimalField(max_digits=12, decimal_places=4)
    step_id = models.CharField(max_length=32, db_collation="C")
    bids = models.JSONField(help_text="[recipient, amount, bid id, reason] each.")
    lead_id = models.CharField(max_length=32, db_collation="C", default="", blank=True)
    flow_version = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Of the flow that made the offer; its lead goes by it."
    )
    services_cost = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        default=0,
        db_default=0,
        help_text="Of the services asked for it; the lead that comes for the offer bears it.",
    )
    asked = models.JSONField(
        default=list, db_default=[], help_text="Digests of the questions whose answers are kept."
    )

    class Meta:
        indexes = [models.Index(fields=["at"], name="sourceping_at")]

    def __str__(self) -> str:
        return str(self.id)
