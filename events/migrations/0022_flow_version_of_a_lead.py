from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0021_pricing_of_a_delivery")]

    operations = [
        migrations.AddField(
            model_name="lead",
            name="flow_version",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                editable=False,
                help_text="The version of its flow that it goes by; 0: the flow as it is.",
            ),
        ),
    ]
