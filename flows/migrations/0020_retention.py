from django.db import migrations

import leadops.lib.fields


def kept(name: str, help_text: str) -> leadops.lib.fields.RetentionField:
    return leadops.lib.fields.RetentionField(
        name, blank=True, null=True, help_text=help_text
    )


FIELDS = {
    "exchanges_kept": kept(
        "requests and replies kept",
        "E.g. 90d, or forever. Blank: as the record's settings say. Longer or shorter.",
    ),
    "snapshots_kept": kept(
        "snapshots kept", "The leads' values. Without them a lead cannot be sent again."
    ),
    "events_kept": kept(
        "events kept",
        "Longer only: events go by whole months, those of all flows together, so the "
        "longest time of all flows and of the record's settings holds for every flow.",
    ),
}


class Migration(migrations.Migration):
    dependencies = [("flows", "0019_lead_versions")]

    operations = [
        migrations.AddField(model_name="flow", name=name, field=field)
        for name, field in FIELDS.items()
    ]
