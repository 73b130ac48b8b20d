"""A delivery that was accepted in time stays sold, also when it is sent again and refused."""

from django.db import migrations, models

MARK_SOLD = """
UPDATE events_delivery SET sold = true WHERE (state = 'accepted' AND NOT late) OR revenue <> 0;
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0006_steps_by_id")]

    operations = [
        migrations.AddField(
            "delivery",
            "sold",
            models.BooleanField(
                db_default=False,
                default=False,
                help_text="Accepted in time once, however it ended since.",
            ),
        ),
        migrations.RunSQL(MARK_SOLD, migrations.RunSQL.noop),
    ]
