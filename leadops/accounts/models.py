"""Who may do what in the console and the API."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import QuerySet

from leadops.lib.keys import ApiKey
from recipients.models import Recipient


class User(AbstractUser):
    """A member of staff, with one role. An account manager sees only the recipients given."""

    class Role(models.TextChoices):
        ADMINISTRATOR = "administrator"
        OPS = "ops"
        ACCOUNT_MANAGER = "account_manager"
        AUDITOR = "auditor"

    role = models.CharField(max_length=20, choices=Role.choices, default=Role.OPS)
    recipients = models.ManyToManyField(
        Recipient,
        blank=True,
        related_name="account_managers",
        help_text="What an account manager sees. Other roles see all.",
    )

    @property
    def sees_all(self) -> bool:
        return self.role != self.Role.ACCOUNT_MANAGER

    @property
    def operates(self) -> bool:
        """May change configuration and steer deliveries."""
        return self.role in (self.Role.ADMINISTRATOR, self.Role.OPS)

    def visible_recipients(self) -> QuerySet[Recipient]:
        return Recipient.objects.all() if self.sees_all else self.recipients.all()


class AccountKey(ApiKey):
    """The key with which a member of staff uses the API."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="keys")

    class Meta:
        ordering = ["created_at"]
