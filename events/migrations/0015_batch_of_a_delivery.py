from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0014_cost_of_services"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="batch",
            field=models.CharField(
                blank=True,
                db_collation="C",
                db_default="",
                default="",
                editable=False,
                help_text="The batch it goes with, or went with last.",
                max_length=32,
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("batch", ""), _negated=True),
                fields=["batch"],
                name="delivery_batch",
            ),
        ),
    ]
