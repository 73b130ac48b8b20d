from django.db import migrations, models

import leadops.lib.fields
import flows.validation


class Migration(migrations.Migration):

    dependencies = [
        ('flows', '0013_caps'),
    ]

    operations = [
        migrations.AddField(
            model_name='step',
            name='tell_losers',
            field=models.BooleanField(db_default=False, default=False, help_text='Ping/post: once the lead is sold, those who bid in vain are told so, each at its lost URL. Never at what price.', verbose_name='tell losers'),
        ),
        migrations.AlterField(
            model_name='step',
            name='learn_over',
            field=leadops.lib.fields.DurationField(blank=True, help_text="E.g. 7d. Best price and weighted then go by expected revenue: price × acceptance × (1 − return rate), measured over that time. In an auction a bid counts less by its bidder's return rate. Blank: by price, weight and bid.", null=True, validators=[flows.validation.positive], verbose_name='learns over'),
        ),
        migrations.AddField(
            model_name='bid',
            name='told',
            field=models.CharField(db_default='', help_text='Blank: it was not told that it lost. sent: it is being told; else the outcome.', max_length=20),
        ),
    ]
