
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0011_inquiry_under_way"),
    ]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="routing",
            field=models.JSONField(
                editable=False,
                help_text="The figures it was chosen by, where its step learns.",
                null=True,
            ),
        ),
    ]
