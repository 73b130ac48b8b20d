"""Who may do what in the console and the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import QuerySet

from leadops.accounts import roles
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

    def save(self, *args: Any, **kwargs: Any) -> None:
        """The role decides: everybody enters the console, administrators may do everything.

        Who was made by `createsuperuser` is an administrator.
        """
        if self._state.adding and self.is_superuser:
            self.role = self.Role.ADMINISTRATOR
        self.is_staff = True
        self.is_superuser = self.role == self.Role.ADMINISTRATOR
        if (named := kwargs.get("update_fields")) is not None and "role" in named:
            kwargs["update_fields"] = {*named, "is_superuser", "is_staff"}
        super().save(*args, **kwargs)

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return self.is_active and roles.may(self.role, perm)

    def has_perms(self, perm_list: Iterable[str], obj: Any = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and roles.opens(self.role, app_label)

    @property
    def sees_all(self) -> bool:
        return self.role != self.Role.ACCOUNT_MANAGER

    @property
    def operates(self) -> bool:
        """May change configuration and steer deliveries."""
        return self.role in (self.Role.ADMINISTRATOR, self.Role.OPS)

    @property
    def exports(self) -> bool:
        """May take the record away as files, as far as it is seen."""
        return self.role in roles.EXPORTERS

    def visible_recipients(self) -> QuerySet[Recipient]:
        return Recipient.objects.all() if self.sees_all else self.recipients.all()


class SignIns(models.Model):
    """How often somebody tried to sign in of late, by a digest of who and from where.

    Written by `leadops.accounts.signing_in` alone; a row means nothing after `until`.
    """

    key = models.CharField(primary_key=True, max_length=64)
    tries = models.PositiveIntegerField()
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.tries} until {self.until}"


class AccountKey(ApiKey):
    """The key with which a member of staff uses the API."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="keys")

    class Meta:
        ordering = ["created_at"]
