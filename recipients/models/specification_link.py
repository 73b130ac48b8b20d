"""A link with which a buyer opens its delivery specification."""

from __future__ import annotations

from datetime import datetime

from django.core import signing
from django.db import models

from leadops.lib.fields import IdField
from recipients.models.recipient import Recipient

SALT = "leadops.specification"


class SpecificationLink(models.Model):
    """Good until it expires or is deleted: what the address holds is its id, signed."""

    id = IdField("spl")
    recipient = models.ForeignKey(
        Recipient, on_delete=models.CASCADE, related_name="specification_links"
    )
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return f"by {self.made_by}, until {self.expires_at:%Y-%m-%d %H:%M:%S} UTC"

    def has_ended(self, now: datetime) -> bool:
        return self.expires_at <= now

    @property
    def token(self) -> str:
        return signing.Signer(salt=SALT).sign(self.pk)

    @classmethod
    def of_token(cls, token: str) -> SpecificationLink | None:
        """The link, ended or not; None where nobody signed the token or the link was revoked."""
        try:
            pk = signing.Signer(salt=SALT).unsign(token)
        except signing.BadSignature:
            return None
        return cls.objects.select_related("recipient").filter(pk=pk).first()
