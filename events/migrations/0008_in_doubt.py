"""A delivery remembers that an attempt had no answer, whatever its later attempts came to."""

from django.db import migrations, models

MARK_IN_DOUBT = """
UPDATE events_delivery SET in_doubt = true WHERE outcome = 'unknown';
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0007_sold_once")]

    operations = [
        migrations.AddField(
            "delivery",
            "in_doubt",
            models.BooleanField(
                db_default=False,
                default=False,
                help_text="An attempt had no answer: it may have arrived.",
            ),
        ),
        migrations.RunSQL(MARK_IN_DOUBT, migrations.RunSQL.noop),
    ]
