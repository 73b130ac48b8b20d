from django.db import migrations, models

FILL = """
    UPDATE flows_intakekey k SET flow_id = l.flow_id FROM events_lead l WHERE l.id = k.lead_id
"""


class Migration(migrations.Migration):

    dependencies = [
        ("events", "0008_in_doubt"),
        ("flows", "0003_while_a_breaker_is_open"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="intakekey", name="one_answer_a_key"),
        migrations.AddField(
            model_name="intakekey",
            name="flow_id",
            field=models.CharField(db_collation="C", default="", max_length=32),
            preserve_default=False,
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="intakekey",
            constraint=models.UniqueConstraint(
                fields=("source_id", "flow_id", "key"), name="one_answer_a_key"
            ),
        ),
    ]
