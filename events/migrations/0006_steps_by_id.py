"""Leads and deliveries know their step by its id: its place changes when steps come and go."""

from django.db import migrations, models

# A step that is gone leaves its place, so that a recipient of two such steps is there twice.
NAME_STEPS = """
UPDATE events_delivery d SET step_id = coalesce(
    (SELECT s.id FROM flows_step s WHERE s.flow_id = d.flow_id
     ORDER BY s.position, s.id OFFSET d.step LIMIT 1), d.step::text);
UPDATE events_lead l SET step_id = coalesce(
    (SELECT s.id FROM flows_step s WHERE s.flow_id = l.flow_id
     ORDER BY s.position, s.id OFFSET l.step LIMIT 1), '')
WHERE l.status IN ('working', 'review');
"""


def step_id() -> models.CharField:
    return models.CharField(
        db_collation="C", db_default="", default="", editable=False, max_length=32
    )


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0005_rollup_by_hour"),
        ("flows", "0002_work_table"),
    ]

    operations = [
        migrations.AddField("delivery", "step_id", step_id()),
        migrations.AddField("lead", "step_id", step_id()),
        migrations.AlterField(
            "delivery",
            "step",
            models.PositiveSmallIntegerField(help_text="Where the step stood at that time."),
        ),
        migrations.RunSQL(NAME_STEPS, migrations.RunSQL.noop),
        migrations.RemoveConstraint("delivery", "a_lead_once_a_recipient_and_step"),
        migrations.AddConstraint(
            "delivery",
            models.UniqueConstraint(
                fields=("lead", "step_id", "recipient"), name="a_lead_once_a_recipient_and_step"
            ),
        ),
    ]
