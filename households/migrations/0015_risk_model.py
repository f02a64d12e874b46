"""Keep risk models, and ship the limits and points of the rule score as dated values."""

from datetime import date

import django.db.models.deletion
import poverty.uids
from django.conf import settings
from django.db import migrations, models


NOTE = "默认值，各地可另定"
VALUES = {
    "near": (5, "%"),
    "margin": (50, "%"),
    "fall": (30, "%"),
    "medical": (30, "%"),
    "months": (6, "个月"),
    "transfer": (50, "%"),
    "high": (50, "分"),
    "middle": (25, "分"),
    "high_chance": (20, "%"),
    "middle_chance": (8, "%"),
    "points.line": (30, "分"),
    "points.near": (15, "分"),
    "points.monitored": (30, "分"),
    "points.fall": (15, "分"),
    "points.ill": (10, "分"),
    "points.medical": (15, "分"),
    "points.disabled": (10, "分"),
    "points.school": (5, "分"),
    "points.dropout": (5, "分"),
    "points.work": (10, "分"),
    "points.labour": (15, "分"),
    "points.transfer": (10, "分"),
    "points.house": (10, "分"),
    "points.water": (5, "分"),
    "points.insurance": (5, "分"),
}


def ship(apps, schema_editor):
    ConfigValue = apps.get_model("poverty", "ConfigValue")
    ConfigValue.objects.using(schema_editor.connection.alias).bulk_create(
        ConfigValue(key=f"risk.{name}", value=value, unit=unit, valid_from=date(2000, 1, 1), note=NOTE)
        for name, (value, unit) in VALUES.items()
    )


class Migration(migrations.Migration):

    dependencies = [
        ('households', '0014_ledger_checked_by_statement'),
        ('poverty', '0004_days_to_keep_departments_lists'),
        ('regions', '0002_cheaper_loading'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RiskModel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uid', models.UUIDField(default=poverty.uids.uuid7, editable=False, unique=True)),
                ('kind', models.CharField(choices=[('logistic', 'logistic model'), ('rules', 'rule score')], max_length=10)),
                ('fitted', models.JSONField(default=dict)),
                ('years', models.JSONField(default=list)),
                ('rows', models.IntegerField()),
                ('events', models.IntegerField()),
                ('needed', models.IntegerField()),
                ('made_at', models.DateTimeField(auto_now_add=True)),
                ('made_by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('region', models.ForeignKey(db_column='region', db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='regions.region', verbose_name='area')),
            ],
            options={
                'verbose_name': 'risk model',
                'verbose_name_plural': 'risk models',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['region', '-id'], name='riskmodel_region')],
            },
        ),
        migrations.RunPython(ship, migrations.RunPython.noop),
    ]
