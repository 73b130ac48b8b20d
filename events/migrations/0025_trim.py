import django.db.models.functions.datetime
from django.db import migrations, models

import leadops.lib.fields


class Migration(migrations.Migration):
    dependencies = [("events", "0024_exports")]

    operations = [
        migrations.CreateModel(
            name="Trim",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("run", models.CharField(db_collation="C", max_length=32)),
                ("month", models.DateField(help_text="Its first day, UTC.")),
                ("table_name", models.CharField(max_length=40)),
                (
                    "flow_id",
                    models.CharField(blank=True, db_collation="C", default="", max_length=32),
                ),
                ("whole", models.BooleanField(default=False)),
                ("until", models.DateTimeField()),
                ("rows", models.PositiveBigIntegerField()),
                ("bytes", models.PositiveBigIntegerField(default=0)),
                (
                    "dropped_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["table_name", "-until"], name="trim_table_until")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("run", "table_name", "month", "flow_id"),
                        name="one_trim_a_run_and_flow",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TrimRun",
            fields=[
                (
                    "id",
                    leadops.lib.fields.IdField(
                        editable=False, prefix="trim", primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Under way"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="running",
                        max_length=10,
                    ),
                ),
                (
                    "by",
                    models.CharField(
                        blank=True, help_text="Blank for the schedule.", max_length=150
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("worked_until", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("table_name", models.CharField(blank=True, default="", max_length=40)),
                ("month", models.DateField(null=True)),
                (
                    "block",
                    models.PositiveIntegerField(default=0, help_text="Of the table of that month."),
                ),
                ("rows", models.PositiveBigIntegerField(default=0)),
                ("bytes", models.PositiveBigIntegerField(default=0)),
                (
                    "note",
                    models.TextField(
                        blank=True, default="", help_text="What it had to leave, and why."
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "running")),
                        fields=("state",),
                        name="one_trim_at_a_time",
                    )
                ],
            },
        ),
    ]
