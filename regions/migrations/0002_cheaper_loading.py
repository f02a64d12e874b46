"""Load the country in half the time: no index on names, none for LIKE (the key's collation is C), a check that looks at one level."""

from django.db import migrations, models


NO_LIKE_INDEXES = """
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT indexrelid::regclass::text FROM pg_index
        WHERE indrelid IN ('regions_region'::regclass, 'regions_villageprofile'::regclass)
          AND indexrelid::regclass::text LIKE '%\\_like'
    LOOP
        EXECUTE 'DROP INDEX ' || name;
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('regions', '0001_initial'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='region',
            name='region_code_fits_level',
        ),
        migrations.RemoveIndex(
            model_name='region',
            name='region_name',
        ),
        migrations.AddConstraint(
            model_name='region',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('level', 'village'), ('code__regex', '^[0-9]{12}$')), models.Q(('level', 'province'), ('code__regex', '^[0-9]{2}$')), models.Q(('level', 'city'), ('code__regex', '^[0-9]{4}$')), models.Q(('level', 'county'), ('code__regex', '^[0-9]{6}$')), models.Q(('level', 'town'), ('code__regex', '^[0-9]{9}$')), models.Q(('level', 'hamlet'), ('code__regex', '^[0-9]{15}$')), _connector='OR'), name='region_code_fits_level'),
        ),
        migrations.RunSQL(NO_LIKE_INDEXES, migrations.RunSQL.noop),
    ]
