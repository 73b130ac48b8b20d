"""An endpoint's breaker, as the workers keep it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from recipients import breaker
from recipients.models.endpoint import Endpoint


class Breaker(models.Model):
    """The state of `recipients.breaker.Breaker`. An endpoint that was never used has none.

    A table of its own: a worker's write must neither wait for somebody who saves the endpoint nor
    be undone by it.
    """

    # Without a constraint in the database: it would lock the endpoint for every new breaker.
    endpoint = models.OneToOneField(
        Endpoint,
        on_delete=models.CASCADE,
        primary_key=True,
        db_constraint=False,
        related_name="breaker",
    )
    state = models.CharField(max_length=8, default="closed")
    window = models.CharField(max_length=breaker.MOST_COUNTED, blank=True)
    wait = models.FloatField(default=0)
    until = models.DateTimeField(null=True)
    since = models.DateTimeField(null=True)
    probe = models.CharField(max_length=48, blank=True)
    quota = models.PositiveSmallIntegerField(default=0)
    used = models.PositiveSmallIntegerField(default=0)
    back = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=300, blank=True)
    at_rest = models.BooleanField(
        default=False, help_text="Further successes change nothing and are not written."
    )

    class Meta:
        indexes = [
            models.Index(fields=["endpoint"], condition=Q(at_rest=False), name="breaker_in_motion")
        ]

    def __str__(self) -> str:
        return f"{self.state}: {self.endpoint_id}"

    def value(self) -> breaker.Breaker:
        """The breaker as its state machine takes it."""
        return breaker.Breaker(
            state=breaker.State(self.state),
            window=self.window,
            wait=self.wait,
            until=self.until,
            since=self.since,
            probe=self.probe,
            quota=self.quota,
            used=self.used,
            back=self.back,
            reason=self.reason,
        )
