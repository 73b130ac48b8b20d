from django.db import migrations, models

import leadops.lib.fields


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0017_figures_of_bids"),
    ]

    operations = [
        migrations.CreateModel(
            name="RecordSettings",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(
                        default=1, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "events_kept",
                    leadops.lib.fields.RetentionField(
                        default=3153600000.0,
                        help_text="For example 400d, or forever. Events go by whole months, sealed ones alone, when the last day of a month is older than this; the leads, their money and all figures stay. A lead's page then says that its events are no longer kept.",
                        verbose_name="events",
                    ),
                ),
                (
                    "exchanges_kept",
                    leadops.lib.fields.RetentionField(
                        default=2592000.0,
                        help_text="The full requests and replies of deliveries, pings and services. They take most of the room. A flow may keep its own for longer or shorter.",
                        verbose_name="requests and replies",
                    ),
                ),
                (
                    "snapshots_kept",
                    leadops.lib.fields.RetentionField(
                        default=3153600000.0,
                        help_text="The leads' values, version by version. Without them a lead cannot be sent again or exported. A flow may keep its own for longer or shorter.",
                        verbose_name="snapshots of leads",
                    ),
                ),
            ],
            options={
                "verbose_name": "settings of the record",
                "verbose_name_plural": "settings of the record",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("id", 1)), name="one_row_of_record_settings"
                    )
                ],
            },
        ),
        migrations.RunSQL(
            "INSERT INTO events_recordsettings (id, events_kept, exchanges_kept, snapshots_kept) "
            "VALUES (1, 3153600000, 2592000, 3153600000)",
            migrations.RunSQL.noop,
        ),
    ]
