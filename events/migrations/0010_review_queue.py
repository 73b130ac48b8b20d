"""Since when deliveries and leads wait for a person, so that the review queue is found at once."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

HELD = """
    UPDATE events_delivery d SET held_at = coalesce(
        (SELECT max(timestamp) FROM events_event e
         WHERE e.lead_id = d.lead_id AND e.entity_id = d.recipient_id
           AND e.type = 'recipient.failed'),
        d.created_at)
    WHERE state = 'review';
    UPDATE events_lead SET held_at = created_at WHERE status = 'review';
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("events", "0009_mail_server_of_the_site")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="delivery",
            name="held_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="lead",
            name="held_at",
            field=models.DateTimeField(help_text="Set while it needs review.", null=True),
        ),
        migrations.RunSQL(HELD, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                fields=["held_at", "id"],
                condition=models.Q(held_at__isnull=False),
                name="delivery_held",
            ),
        ),
        migrations.AddIndex(
            model_name="lead",
            index=models.Index(
                fields=["held_at", "id"],
                condition=models.Q(held_at__isnull=False),
                name="lead_held",
            ),
        ),
    ]
