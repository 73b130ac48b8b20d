"""What people have sent again in bulk, and how far it has come."""

from __future__ import annotations

from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.functions.datetime
from django.db import migrations, models

import leadops.lib.fields


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("flows", "0004_idempotency_key_per_flow"),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="BulkRetry",
            fields=[
                (
                    "id",
                    leadops.lib.fields.IdField(
                        editable=False, prefix="rty", primary_key=True, serialize=False
                    ),
                ),
                ("by", models.CharField(max_length=150)),
                ("filters", models.JSONField(default=dict)),
                (
                    "force",
                    models.BooleanField(
                        default=False,
                        help_text="Also leads that were sold to another in the meantime.",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                (
                    "deliveries",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), default=list, size=None
                    ),
                ),
                (
                    "lanes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), default=list, size=None
                    ),
                ),
                ("total", models.PositiveIntegerField()),
                (
                    "position",
                    models.PositiveIntegerField(
                        default=0, help_text="How many have been looked at."
                    ),
                ),
                (
                    "sent",
                    models.PositiveIntegerField(
                        default=0, help_text="How many of them are sent again."
                    ),
                ),
                (
                    "refused",
                    models.JSONField(
                        default=dict, help_text="Why the others are not: reason, number."
                    ),
                ),
                ("waits_for", models.CharField(blank=True, default="", max_length=200)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "worked_until",
                    models.DateTimeField(help_text="Till when a worker has it.", null=True),
                ),
            ],
            options={
                "verbose_name_plural": "bulk retries",
                "indexes": [
                    models.Index(fields=["-created_at"], name="bulk_retry_created"),
                    models.Index(
                        condition=models.Q(("state__in", ["queued", "running"])),
                        fields=["created_at"],
                        name="bulk_retry_open",
                    ),
                ],
            },
        ),
    ]
