from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0013_places_held'),
    ]

    operations = [
        migrations.AddField(
            model_name='lead',
            name='services_cost',
            field=models.DecimalField(db_default=0, decimal_places=4, default=0, help_text="What of the cost was paid to services; the rest is the source's.", max_digits=12),
        ),
    ]
