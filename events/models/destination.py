"""A place for files: what leaves LeadOps regularly goes there."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models

from events.destinations import kinds
from leadops.lib.fields import IdField, SecretField
from recipients.options import OptionError
from recipients.validation import written_options


class Destination(models.Model):
    """How files get to somebody; `events.destinations.delivering.deliver` takes one there."""

    class Kind(models.TextChoices):
        EMAIL = "email", "E-mail"
        SFTP = "sftp", "SFTP"
        OBJECT_STORE = "object_store", "Object store"
        HTTP = "http", "HTTP"
        FILE = "file", "Folder"

    id = IdField("dst")
    slug = models.SlugField(unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.EMAIL)
    settings = models.JSONField(
        default=dict,
        blank=True,
        validators=[written_options],
        help_text="Those of the kind chosen. Secrets are written ${NAME}.",
    )
    secret = SecretField(
        blank=True,
        help_text="Kept encrypted, or ${NAME} of the secrets, where it is rotated and expires.",
    )
    active = models.BooleanField(default=True, help_text="Off: whatever goes there says so.")

    # Its condition, written by `deliver`.
    delivered_at = models.DateTimeField(null=True, blank=True, editable=False)
    failed_at = models.DateTimeField(null=True, blank=True, editable=False)
    failed_reason = models.CharField(max_length=300, blank=True, editable=False)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug

    def clean(self) -> None:
        """The settings are those of the kind, each as it must be, and they fit together."""
        if self.kind not in kinds.KINDS or not isinstance(self.settings, dict):
            return  # said where it stands
        try:
            kinds.check(self.kind, self.settings, secret=self.secret)
        except kinds.SecretError as error:
            raise ValidationError({"secret": str(error)}) from error
        except OptionError as error:
            problem = ValidationError(str(error))
            problem.__cause__ = error  # which says where among the settings
            raise ValidationError({"settings": problem}) from error
