from django.db import migrations, models

import recipients.validation


class Migration(migrations.Migration):

    dependencies = [
        ('recipients', '0016_hours_caps_limits'),
    ]

    operations = [
        migrations.AddField(
            model_name='ping',
            name='lost_url',
            field=models.CharField(blank=True, help_text='Where it is told that another has got the lead it bid for, if the step tells losers, e.g. https://api.buyer.com/lost?bid={{bid.id}}. Blank: it is not told.', max_length=2000, validators=[recipients.validation.lost_url], verbose_name='lost URL'),
        ),
    ]
