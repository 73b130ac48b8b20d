"""Somebody's server that gets events pushed, and how far it has got."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, validate_slug
from django.db import models
from django.db.models.functions import Now

from events.vocabulary import EventType
from leadops.lib import webhooks
from leadops.lib.fields import DurationField, IdField, SecretField
from leadops.lib.http.addresses import is_allowed

REFERENCE = re.compile(r"\$\{\w+\}")
ALL_TYPES = [kind.value for kind in EventType]


def validate_url(url: str) -> None:
    """Where batches may be posted to. What an address says of itself is seen here; where a name
    leads to, the door sees each time it connects. Raises ValidationError."""
    parts = urlsplit(url)
    try:
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        named = False
    if parts.scheme not in ("http", "https") or not named:
        raise ValidationError("Write https://….")
    if parts.username or parts.password:
        raise ValidationError("Write no user name or password into the address.")
    if _is_inside(parts.hostname or ""):
        raise ValidationError("This address is inside a private network, which is not reached.")


def _is_inside(host: str) -> bool:
    """Whether it is an address, or a name of this machine, that the door would refuse."""
    name = host.rstrip(".")
    address = "127.0.0.1" if name == "localhost" or name.endswith(".localhost") else name
    try:
        return not is_allowed(address, tuple(settings.LEADOPS_PRIVATE_NETWORKS))
    except ValueError:
        return False


def validate_types(words: Any) -> None:
    """Event types, or groups as recipient.*; raises ValidationError."""
    for word in _words(words):
        group = word.endswith(".*") and any(kind.startswith(word[:-1]) for kind in ALL_TYPES)
        if not group and word not in ALL_TYPES:
            raise ValidationError(f"There is no event type {word[:60]!r}.")


def validate_slugs(slugs: Any) -> None:
    """Slugs; whether they name anything, the console and bundles see. Raises ValidationError."""
    for slug in _words(slugs):
        validate_slug(slug)


def _words(given: Any) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(word, str) for word in given):
        raise ValidationError("Write a list of words.")
    return given


def validate_secret(secret: str) -> None:
    """A webhook secret, or the name of one; raises ValidationError."""
    if not secret or REFERENCE.fullmatch(secret):
        return
    try:
        webhooks.key_of(secret)
    except ValueError as error:
        raise ValidationError(f"Not a webhook secret: {error}.") from error


class EventSubscription(models.Model):
    """Batches of chosen events go to `url`, each until it is taken, in the record's order.

    The position moves on when a batch was taken. A batch that is under way keeps its id and its
    end on the row, so that it is the same batch however often it is sent.
    """

    id = IdField("sub")
    slug = models.SlugField(unique=True)
    url = models.CharField("URL", max_length=500, validators=[validate_url])
    secret = SecretField(
        validators=[validate_secret],
        help_text="whsec_ and base64, or ${NAME} of the secrets. Signs each batch after Standard "
        "Webhooks.",
    )
    previous_secret = SecretField(
        blank=True,
        validators=[validate_secret],
        help_text="While the secret is changed: signs as well, until the receiver knows the new.",
    )
    types = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_types],
        help_text='For example ["recipient.*", "flow.completed"]. None: all.',
    )
    flows = models.JSONField(
        default=list, blank=True, validators=[validate_slugs], help_text="Slugs. None: all."
    )
    recipients = models.JSONField(
        default=list, blank=True, validators=[validate_slugs], help_text="Slugs. None: all."
    )
    with_lead = models.BooleanField(
        "with the lead",
        default=False,
        help_text="Each event says what the lead looked like, personal values included.",
    )
    masked = models.BooleanField(
        "mask personal values",
        default=False,
        help_text="In the lead and in all else that events say of it. Sensitive values are always "
        "masked.",
    )
    batch_size = models.PositiveIntegerField(
        default=100,
        validators=[MinValueValidator(1), MaxValueValidator(1_000)],
        help_text="Events that a batch holds at most.",
    )
    batch_age = DurationField(
        default=5.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(3_600.0)],
        help_text="A batch that is not full goes when its first event is this old.",
    )
    timeout = DurationField(
        default=15.0,
        validators=[MinValueValidator(1.0), MaxValueValidator(30.0)],
        help_text="What the receiver gets to answer, all in all.",
    )
    active = models.BooleanField(default=True)

    # Written by events.pushing alone.
    tx = models.BigIntegerField(null=True, editable=False)
    after = models.CharField(max_length=32, blank=True, db_default="", editable=False)
    batch_id = models.CharField(max_length=40, blank=True, db_default="", editable=False)
    batch_tx = models.BigIntegerField(null=True, editable=False)
    batch_after = models.CharField(max_length=32, blank=True, db_default="", editable=False)
    due_at = models.DateTimeField(db_default=Now(), editable=False)
    lease = models.CharField(max_length=40, blank=True, db_default="", editable=False)
    failures = models.PositiveIntegerField(db_default=0, default=0, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    failed_at = models.DateTimeField(null=True, editable=False)
    failed_reason = models.CharField(max_length=300, blank=True, db_default="", editable=False)
    delivered_at = models.DateTimeField(null=True, editable=False)
    delivered = models.BigIntegerField(db_default=0, default=0, editable=False)
    paused_at = models.DateTimeField(null=True, editable=False)
    paused_reason = models.CharField(max_length=300, blank=True, db_default="", editable=False)
    # Written by events.retention alone: what went before it was sent, all in all and the last.
    missed = models.BigIntegerField(db_default=0, default=0, editable=False)
    missed_from = models.DateTimeField(null=True, editable=False)
    missed_to = models.DateTimeField(null=True, editable=False)
    missed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["slug"]
        verbose_name = "push subscription"

    def __str__(self) -> str:
        return self.slug
