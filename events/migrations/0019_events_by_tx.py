"""Readers that follow the record walk it by the writing transaction."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("events", "0018_record_settings")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX events_event_tx ON events_event (tx);",
            "DROP INDEX events_event_tx;",
        )
    ]
