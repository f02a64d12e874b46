"""The monthly ledger: a table per year, its guard, and the closed months of towns."""

import django.db.models.deletion
import django.db.models.functions.datetime
import poverty.fields
import poverty.uids
from django.conf import settings
from django.db import migrations, models

# Wide values last; the key first says household and month, by which everything is looked up, also the change of a
# household's village (the foreign key's cascade).
TABLE = """
CREATE SEQUENCE households_ledgerline_id_seq AS bigint;
CREATE TABLE households_ledgerline (
    id bigint NOT NULL DEFAULT nextval('households_ledgerline_id_seq'),
    household_id bigint NOT NULL,
    source_batch_id bigint,
    at timestamptz NOT NULL DEFAULT statement_timestamp(),
    withdrawn_at timestamptz,
    operator_id bigint,
    withdrawn_by_id bigint,
    month date NOT NULL,
    recorded_on date,
    heads integer,
    source_row integer,
    ordinal smallint NOT NULL DEFAULT 1,
    version smallint NOT NULL DEFAULT 1,
    superseded smallint NOT NULL DEFAULT 0,
    village varchar(15) COLLATE "C" NOT NULL,
    category varchar(6) COLLATE "C" NOT NULL,
    amount_yuan numeric(14, 2) NOT NULL,
    quantity numeric(12, 3),
    price_yuan numeric(14, 2),
    stamp varchar(12) COLLATE "C" NOT NULL DEFAULT '',
    source_sheet varchar(100),
    recorded_by varchar(100),
    note varchar(500),
    voucher varchar(500),
    CONSTRAINT ledgerline_key PRIMARY KEY (household_id, month, category, ordinal, superseded),
    CONSTRAINT ledgerline_version CHECK ((superseded = 0 AND withdrawn_at IS NULL)
        OR (superseded = version AND withdrawn_at IS NOT NULL)),
    CONSTRAINT ledgerline_first_of_month CHECK (extract(day FROM month) = 1),
    CONSTRAINT ledgerline_parent FOREIGN KEY (household_id, village) REFERENCES households_household (id, village)
        ON UPDATE CASCADE
) PARTITION BY RANGE (month);
ALTER SEQUENCE households_ledgerline_id_seq OWNED BY households_ledgerline.id;
CREATE INDEX ledgerline_village ON households_ledgerline (village, month);
CREATE TABLE households_ledgerline_rest PARTITION OF households_ledgerline DEFAULT;
ALTER TABLE households_ledgerline_rest ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
REVOKE ALL ON households_ledgerline_rest FROM app, definer;
"""

# A year's table is reached through the whole table only: nobody but its owner has a right to it, and it has no policy.
YEAR = """
CREATE FUNCTION ledger_year(wanted integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  made text := format('households_ledgerline_y%s', wanted);
BEGIN
  IF wanted NOT BETWEEN 1978 AND 2100 OR to_regclass(made) IS NOT NULL THEN
    RETURN false;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('ledger year'), wanted);
  IF to_regclass(made) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE %I PARTITION OF households_ledgerline FOR VALUES FROM (%L) TO (%L)', made,
                 make_date(wanted, 1, 1), make_date(wanted + 1, 1, 1));
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', made);
  EXECUTE format('REVOKE ALL ON %I FROM app, definer', made);
  RETURN true;
EXCEPTION WHEN check_violation THEN
  RETURN false; -- lines of that year lie in the table of the rest already, and stay there
END $$;
REVOKE ALL ON FUNCTION ledger_year(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_year(integer) TO app;
SELECT ledger_year(year) FROM generate_series(2014, 2035) year;
"""

# Closed months, enforced where rows are written, whoever writes and however many. A writer and somebody who closes the
# month meet at an advisory lock, so that no line slips in while a month is being closed.
GUARD = """
CREATE FUNCTION ledger_closed(towns text[]) RETURNS TABLE (town text, month date)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT m.region, m.month FROM households_ledgermonth m WHERE m.region = ANY (towns) AND m.reopened_at IS NULL
$$;
ALTER FUNCTION ledger_closed(text[]) OWNER TO definer;
REVOKE ALL ON FUNCTION ledger_closed(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_closed(text[]) TO app;

CREATE FUNCTION ledger_lock(town text, month date, alone boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF alone THEN
    PERFORM pg_advisory_xact_lock(hashtext('ledger of ' || town), month - date '2000-01-01');
  ELSE
    PERFORM pg_advisory_xact_lock_shared(hashtext('ledger of ' || town), month - date '2000-01-01');
  END IF;
END $$;

CREATE FUNCTION ledger_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
  place record;
BEGIN
  FOR place IN
    SELECT DISTINCT left(n.village, 9) AS town, n.month FROM new_lines n ORDER BY 1, 2
  LOOP
    PERFORM ledger_lock(place.town, place.month, false);
    IF EXISTS (SELECT 1 FROM ledger_closed(ARRAY[place.town]) c WHERE c.month = place.month) THEN
      RAISE EXCEPTION 'the ledger of % is closed for %', place.town, to_char(place.month, 'YYYY-MM')
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_month_open';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;

-- A household that moves takes its lines along, also those of closed months: that is no change of a line.
CREATE FUNCTION ledger_guard_change() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
  place record;
BEGIN
  FOR place IN
    SELECT DISTINCT left(n.village, 9) AS town, n.month FROM new_lines n
      JOIN old_lines o ON o.id = n.id AND o.month = n.month
     WHERE (o.superseded, o.withdrawn_at, o.amount_yuan, o.category) IS DISTINCT FROM
           (n.superseded, n.withdrawn_at, n.amount_yuan, n.category) ORDER BY 1, 2
  LOOP
    PERFORM ledger_lock(place.town, place.month, false);
    IF EXISTS (SELECT 1 FROM ledger_closed(ARRAY[place.town]) c WHERE c.month = place.month) THEN
      RAISE EXCEPTION 'the ledger of % is closed for %', place.town, to_char(place.month, 'YYYY-MM')
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_month_open';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;

CREATE TRIGGER ledger_guard AFTER INSERT ON households_ledgerline
  REFERENCING NEW TABLE AS new_lines FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard();
CREATE TRIGGER ledger_guard_change AFTER UPDATE ON households_ledgerline
  REFERENCING OLD TABLE AS old_lines NEW TABLE AS new_lines FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard_change();

CREATE FUNCTION analyze_ledger(years integer[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  one integer;
BEGIN
  FOREACH one IN ARRAY years LOOP
    IF to_regclass(format('households_ledgerline_y%s', one)) IS NOT NULL THEN
      EXECUTE format('ANALYZE households_ledgerline_y%s', one);
    END IF;
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION analyze_ledger(integer[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analyze_ledger(integer[]) TO app;
"""
UNGUARD = """
DROP FUNCTION analyze_ledger(integer[]);
DROP TRIGGER ledger_guard ON households_ledgerline;
DROP TRIGGER ledger_guard_change ON households_ledgerline;
DROP FUNCTION ledger_guard(), ledger_guard_change(), ledger_lock(text, date, boolean), ledger_closed(text[]);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0002_labels_of_a_county"),
        ("households", "0006_rows_that_rules_look_at"),
        ("regions", "0002_cheaper_loading"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(TABLE, "DROP TABLE households_ledgerline CASCADE"),
                migrations.RunSQL(YEAR, "DROP FUNCTION ledger_year(integer)"),
            ],
            state_operations=[
                migrations.CreateModel(
                    name="LedgerLine",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("month", models.DateField(verbose_name="month")),
                        ("category", models.CharField(db_collation="C", max_length=6, verbose_name="category")),
                        ("ordinal", models.PositiveSmallIntegerField(db_default=1, default=1)),
                        (
                            "amount_yuan",
                            poverty.fields.YuanField(decimal_places=2, max_digits=14, verbose_name="amount (yuan)"),
                        ),
                        ("heads", models.IntegerField(blank=True, null=True, verbose_name="persons")),
                        (
                            "quantity",
                            models.DecimalField(
                                blank=True, decimal_places=3, max_digits=12, null=True, verbose_name="quantity"
                            ),
                        ),
                        (
                            "price_yuan",
                            poverty.fields.YuanField(
                                blank=True, decimal_places=2, max_digits=14, null=True, verbose_name="unit price (yuan)"
                            ),
                        ),
                        ("note", models.CharField(blank=True, max_length=500, null=True, verbose_name="note")),
                        ("voucher", models.CharField(blank=True, max_length=500, null=True, verbose_name="voucher")),
                        (
                            "recorded_by",
                            models.CharField(blank=True, max_length=100, null=True, verbose_name="recorded by"),
                        ),
                        ("recorded_on", models.DateField(blank=True, null=True, verbose_name="recorded on")),
                        (
                            "stamp",
                            models.CharField(blank=True, db_collation="C", db_default="", default="", max_length=12),
                        ),
                        ("source_sheet", models.CharField(blank=True, max_length=100, null=True)),
                        ("source_row", models.IntegerField(blank=True, null=True)),
                        ("version", models.PositiveSmallIntegerField(db_default=1, default=1)),
                        (
                            "at",
                            models.DateTimeField(
                                db_default=django.db.models.functions.datetime.Now(), verbose_name="written"
                            ),
                        ),
                        ("superseded", models.PositiveSmallIntegerField(db_default=0, default=0)),
                        ("withdrawn_at", models.DateTimeField(blank=True, null=True, verbose_name="withdrawn")),
                        (
                            "household",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="ledger",
                                to="households.household",
                            ),
                        ),
                        (
                            "operator",
                            models.ForeignKey(
                                blank=True,
                                db_constraint=False,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "source_batch",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="exchange.importbatch",
                            ),
                        ),
                        (
                            "village",
                            models.ForeignKey(
                                db_column="village",
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="regions.region",
                                verbose_name="village",
                            ),
                        ),
                        (
                            "withdrawn_by",
                            models.ForeignKey(
                                blank=True,
                                db_constraint=False,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "ledger line",
                        "verbose_name_plural": "ledger lines",
                        "indexes": [models.Index(fields=["village", "month"], name="ledgerline_village")],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("household", "month", "category", "ordinal", "superseded"),
                                name="ledgerline_key",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("superseded", 0), ("withdrawn_at__isnull", True)),
                                    models.Q(("superseded", models.F("version")), ("withdrawn_at__isnull", False)),
                                    _connector="OR",
                                ),
                                name="ledgerline_version",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("month__day", 1)), name="ledgerline_first_of_month"
                            ),
                        ],
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name="LedgerMonth",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=poverty.uids.uuid7, editable=False, unique=True)),
                ("month", models.DateField(verbose_name="month")),
                ("closed_at", models.DateTimeField(auto_now_add=True, verbose_name="month closed")),
                ("ask_reason", models.CharField(blank=True, default="", max_length=500, verbose_name="reason")),
                ("asked_at", models.DateTimeField(blank=True, null=True)),
                ("answer", models.CharField(blank=True, default="", max_length=500, verbose_name="answer")),
                ("reopened_at", models.DateTimeField(blank=True, null=True, verbose_name="opened again")),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "closed_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "reopened_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "town",
                    models.ForeignKey(
                        db_column="region",
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="regions.region",
                        verbose_name="town",
                    ),
                ),
            ],
            options={
                "verbose_name": "closed month",
                "verbose_name_plural": "closed months",
                "ordering": ["-month", "town"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("reopened_at__isnull", True)),
                        fields=("town", "month"),
                        name="ledgermonth_closed_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("reopened_by__isnull", True),
                            models.Q(("reopened_by", models.F("asked_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="ledgermonth_reopened_by_another_person",
                        violation_error_message="Somebody else has to open the month again.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("reopened_at__isnull", True),
                            models.Q(("asked_by__isnull", False), ("reopened_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="ledgermonth_reopened_on_request",
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
