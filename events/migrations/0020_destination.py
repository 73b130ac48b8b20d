"""Where files go."""

import leadops.lib.fields
import recipients.validation
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0019_events_by_tx"),
    ]

    operations = [
        migrations.CreateModel(
            name="Destination",
            fields=[
                (
                    "id",
                    leadops.lib.fields.IdField(
                        editable=False, prefix="dst", primary_key=True, serialize=False
                    ),
                ),
                ("slug", models.SlugField(unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("email", "E-mail"),
                            ("sftp", "SFTP"),
                            ("object_store", "Object store"),
                            ("http", "HTTP"),
                            ("file", "Folder"),
                        ],
                        default="email",
                        max_length=20,
                    ),
                ),
                (
                    "settings",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="Those of the kind chosen. Secrets are written ${NAME}.",
                        validators=[recipients.validation.written_options],
                    ),
                ),
                (
                    "secret",
                    leadops.lib.fields.SecretField(
                        blank=True,
                        help_text="Kept encrypted, or ${NAME} of the secrets, where it is rotated and expires.",
                    ),
                ),
                (
                    "active",
                    models.BooleanField(
                        default=True, help_text="Off: whatever goes there says so."
                    ),
                ),
                ("delivered_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("failed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("failed_reason", models.CharField(blank=True, editable=False, max_length=300)),
            ],
            options={
                "ordering": ["slug"],
            },
        ),
    ]
