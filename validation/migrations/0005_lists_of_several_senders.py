"""A list of the same kind from another sender stands beside; what a sender is told of its rows."""

import django.db.models.deletion
import django.db.models.functions.datetime
import poverty.crypto
import poverty.uids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0003_batches_of_departments"),
        ("regions", "0002_cheaper_loading"),
        ("validation", "0004_quality_by_month_and_reports"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SourceVerdict",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "uid",
                    models.UUIDField(
                        db_default=models.Func(function="gen_random_uuid"), default=poverty.uids.uuid7, unique=True
                    ),
                ),
                ("sheet", models.CharField(max_length=100)),
                ("row", models.IntegerField()),
                ("name", models.CharField(blank=True, default="", max_length=100)),
                ("rule", models.CharField(max_length=10)),
                ("finding_id", models.BigIntegerField()),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("error", "true error"),
                            ("special", "real special case"),
                            ("false_alarm", "false alarm"),
                            ("upheld", "upheld"),
                            ("not_upheld", "not upheld"),
                            ("source_wrong", "the department's list is wrong"),
                            ("approved", "special approval"),
                        ],
                        max_length=12,
                        verbose_name="verdict",
                    ),
                ),
                ("verdict_on", models.DateField(verbose_name="verdict given")),
                ("released_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "answer",
                    models.CharField(blank=True, db_default="", default="", max_length=1000, verbose_name="answer"),
                ),
                ("answered_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["sheet", "row", "rule"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="snapshot",
            name="snapshot_one_current",
        ),
        migrations.AddField(
            model_name="snapshot",
            name="replaced",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="validation.snapshot",
            ),
        ),
        migrations.AddField(
            model_name="snapshot",
            name="replaced_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="sourcerow",
            name="birth_precision",
            field=models.CharField(max_length=1, null=True),
        ),
        migrations.AddField(
            model_name="sourcerow",
            name="id_fault",
            field=models.CharField(blank=True, db_default="", default="", max_length=20),
        ),
        migrations.AddField(
            model_name="sourcerow",
            name="other_index",
            field=poverty.crypto.BlindField(null=True),
        ),
        migrations.AddField(
            model_name="sourcerow",
            name="other_name",
            field=models.CharField(blank=True, db_default="", default="", max_length=100),
        ),
        migrations.AddConstraint(
            model_name="snapshot",
            constraint=models.UniqueConstraint(
                condition=models.Q(("current", True)), fields=("kind", "region", "sender"), name="snapshot_one_current"
            ),
        ),
        migrations.AddField(
            model_name="sourceverdict",
            name="answered_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="sourceverdict",
            name="region",
            field=models.ForeignKey(
                db_column="region",
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="regions.region",
                verbose_name="area",
            ),
        ),
        migrations.AddField(
            model_name="sourceverdict",
            name="snapshot",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="verdicts",
                to="validation.snapshot",
            ),
        ),
        migrations.AddField(
            model_name="sourceverdict",
            name="uploaded_by",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="sourceverdict",
            constraint=models.UniqueConstraint(
                fields=("snapshot", "sheet", "row", "rule"), name="sourceverdict_row_and_rule_once"
            ),
        ),
    ]
