"""What a recipient is asked before an auction, and what its bids are worth."""

from __future__ import annotations

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from recipients import validation
from recipients.models.recipient import Recipient


class Ping(models.Model):
    """How a recipient bids. Where it is asked is its endpoint of kind ping; one that always pays
    the same has a static bid instead, and is not asked."""

    recipient = models.OneToOneField(Recipient, on_delete=models.CASCADE, related_name="ping")
    mapping = models.JSONField(
        "sends",
        default=dict,
        blank=True,
        validators=[validation.mapping_document],
        help_text="What it is told of the lead, e.g. {state: '{{lead.state}}'}. Nothing else is.",
    )
    success = models.CharField(
        max_length=2000,
        blank=True,
        help_text="When its reply is a bid. Blank: any 2xx in which there is one.",
    )
    bid_path = models.CharField(
        "bid",
        max_length=500,
        blank=True,
        help_text="Where its bid stands in the reply, e.g. bid or offer.price.",
    )
    bid_id_path = models.CharField(
        "bid id",
        max_length=500,
        blank=True,
        help_text="Where its own name for the bid stands; mappings have it as {{bid.id}}.",
    )
    reason_path = models.CharField(
        "reason",
        max_length=500,
        blank=True,
        help_text="Where it says why it does not bid.",
    )
    lost_url = models.CharField(
        "lost URL",
        max_length=2000,
        blank=True,
        validators=[validation.lost_url],
        help_text="Where it is told that another has got the lead it bid for, if the step tells "
        "losers, e.g. https://api.buyer.com/lost?bid={{bid.id}}. Blank: it is not told.",
    )
    minimum = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="Lower bids are not taken.",
    )
    margin = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="The share of its bids that is ours, e.g. 0.1: they rank by what remains, and "
        "that is what a source's ping is offered.",
    )
    static_bid = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="What it always bids. It is not asked then.",
    )

    def __str__(self) -> str:
        return f"Bids of {self.recipient}"

    def clean(self) -> None:
        validation.bids(self)

    def reader_fields(self) -> dict[str, Any]:
        """What `responses.ReaderSpec` takes."""
        return {
            "success": self.success,
            "price": self.bid_path,
            "lead_id": self.bid_id_path,
            "reason": self.reason_path,
        }
