from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0012_figures_of_a_choice'),
    ]

    operations = [
        migrations.AddField(
            model_name='delivery',
            name='holds',
            field=models.JSONField(editable=False, help_text='Places it holds in caps and limits.', null=True),
        ),
    ]
