"""A link with which a buyer opens its delivery specification."""

from __future__ import annotations

from django.db import models

from leadops.lib.fields import IdField
from leadops.lib.links import SignedLink
from recipients.models.recipient import Recipient


class SpecificationLink(SignedLink):
    salt = "leadops.specification"
    about = ("recipient",)

    id = IdField("spl")
    recipient = models.ForeignKey(
        Recipient, on_delete=models.CASCADE, related_name="specification_links"
    )

    class Meta(SignedLink.Meta):
        pass
