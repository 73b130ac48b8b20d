from django.db import migrations, models

import events.models.recordsettings
import leadops.lib.fields


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0025_trim"),
    ]

    operations = [
        migrations.AddField(
            model_name="recordsettings",
            name="seal_after",
            field=leadops.lib.fields.DurationField(
                default=10.0,
                help_text="How old events are when they are sealed. What is still being written holds sealing back by itself.",
                verbose_name="sealed after",
            ),
        ),
        migrations.AddField(
            model_name="recordsettings",
            name="heads_every",
            field=leadops.lib.fields.DurationField(
                default=3600.0,
                help_text="The last seal's number and hash. What is changed before its head is out, with all seals made anew, cannot be seen.",
                verbose_name="heads published every",
            ),
        ),
        migrations.AddField(
            model_name="recordsettings",
            name="heads_to",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text='Slugs of destinations, as ["audit-mail", "audit-bucket"]: places where who writes the database writes nothing. They also go to heads.jsonl under LEADOPS_HOME.',
                validators=[events.models.recordsettings.slugs],
                verbose_name="heads go to",
            ),
        ),
    ]
