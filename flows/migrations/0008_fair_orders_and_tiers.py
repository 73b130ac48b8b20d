
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import flows.validation
import leadops.lib.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("flows", "0007_source_terms"),
        ("recipients", "0014_suppression"),
    ]

    operations = [
        migrations.AddField(
            model_name="step",
            name="learn_minimum",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Deliveries a recipient must have had for its figures to count; until then it counts as the mean of the others. Blank: 50.",
                null=True,
                verbose_name="learns from",
            ),
        ),
        migrations.AddField(
            model_name="step",
            name="learn_over",
            field=leadops.lib.fields.DurationField(
                blank=True,
                help_text="E.g. 7d. Best price and weighted then go by expected revenue: price × acceptance × (1 − return rate), measured over that time. Blank: by price and weight.",
                null=True,
                validators=[flows.validation.positive],
                verbose_name="learns over",
            ),
        ),
        migrations.AddField(
            model_name="step",
            name="when_declined",
            field=models.CharField(
                choices=[
                    ("wait", "Wait for the next tier's time"),
                    ("open_next", "Open the next tier at once"),
                ],
                db_default="wait",
                default="wait",
                help_text="Exclusive window: what a lead does that everybody who may have it has refused.",
                max_length=10,
                verbose_name="when the open tiers declined",
            ),
        ),
        migrations.AddField(
            model_name="steprecipient",
            name="opens_after",
            field=leadops.lib.fields.DurationField(
                blank=True,
                help_text="Exclusive window: the lead's age from which it may have it, e.g. 24h. Those of the same age are a tier. Blank: at once.",
                null=True,
                verbose_name="opens after",
            ),
        ),
        migrations.AddField(
            model_name="steprecipient",
            name="prices",
            field=models.JSONField(
                blank=True,
                db_default=models.Value([], models.JSONField()),
                default=list,
                help_text="The first whose rules hold, e.g. [{when: {field: state, op: is, value: TX}, price: 55.00}]; else the price.",
                validators=[flows.validation.prices],
                verbose_name="prices by rules",
            ),
        ),
        migrations.AlterField(
            model_name="step",
            name="remediation",
            field=models.ForeignKey(
                blank=True,
                help_text="Gets what nobody else took. Not for single and multi.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="remediates",
                to="recipients.recipient",
            ),
        ),
        migrations.AlterField(
            model_name="steprecipient",
            name="priority",
            field=models.PositiveIntegerField(
                default=0, help_text="Priority: the lowest number first."
            ),
        ),
        migrations.AlterField(
            model_name="steprecipient",
            name="weight",
            field=models.DecimalField(
                decimal_places=3,
                default=1,
                help_text="Weighted, percentage: its share. 0: only when nobody else is left.",
                max_digits=8,
                validators=[django.core.validators.MinValueValidator(0)],
            ),
        ),
        migrations.CreateModel(
            name="Measured",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("flow_id", models.CharField(db_collation="C", max_length=32)),
                ("over", models.FloatField(help_text="Seconds.")),
                ("recipient_id", models.CharField(db_collation="C", max_length=32)),
                ("deliveries", models.BigIntegerField()),
                ("accepted", models.BigIntegerField()),
                ("returned", models.BigIntegerField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "flows_measured",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("flow_id", "over", "recipient_id"), name="one_measure_a_window"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StepShare",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("terms", models.CharField(db_collation="C", max_length=60)),
                ("recipient_id", models.CharField(db_collation="C", max_length=32)),
                ("flow_id", models.CharField(db_collation="C", max_length=32)),
                ("step_id", models.CharField(db_collation="C", max_length=32)),
                ("sent", models.BigIntegerField(default=0)),
                ("ended", models.BigIntegerField(default=0)),
                ("accepted", models.BigIntegerField(default=0)),
                ("last_at", models.DateTimeField(null=True)),
                (
                    "since",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        help_text="When the account began.",
                    ),
                ),
            ],
            options={
                "db_table": "flows_share",
                "indexes": [models.Index(fields=["flow_id"], name="share_flow")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("terms", "recipient_id"), name="an_account_a_recipient"
                    )
                ],
            },
        ),
    ]
