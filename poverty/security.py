"""Row-level security and grants, made from the models themselves after every `migrate`.

A scoped model needs no migration of its own for its policy: `apply()` compares what the database has with what the
models ask for and changes only what differs. A test compares the catalogue with the models, so that a table with a
village or region column cannot stay open unnoticed.
"""

import hashlib

from django.apps import apps
from django.db import connections

from poverty.scope import ScopedModel

# Tables with a village or region column and no policy, each with its reason.
EXCEPTIONS = {
    "regions_region": "the tree itself: names and codes are public, pickers limit themselves to the user's area",
    "regions_regionalias": "other names of the tree",
    "regions_villageprofile": "official village statistics, no persons",
    "accounts_user": "read before log-in, when no scope can be set yet",
    "poverty_configvalue": "thresholds and poverty lines are public rules",
    "dashboard_dirtyvillage": "codes of changed villages and nothing else; triggers append to it",
    "dashboard_dirtyfigure": "codes of changed villages and nothing else; triggers append to it",
}

BOUNDS = '{t}."{v}" >= {lo} COLLATE "C" AND {t}."{v}" < scope_hi() COLLATE "C"'
RANGES = (
    "EXISTS (SELECT 1 FROM accounts_scoperange s WHERE s.user_id = (SELECT scope_user())"
    ' AND s.household_id IS NULL AND {t}."{v}" >= {lo} AND {t}."{v}" < s.hi)'
)


def condition(table: str, village: str, household: str = "", owner: str = "", cut: int = 0) -> str:
    """Return the policy's condition; `owner` is the column of who made a row, and sees it without any area.

    The bounds come first: they are settings of the transaction, so the planner knows how much lies between them and the
    index on the village column serves (text comparison is leakproof). Most people have one unbroken range; only for
    the others is more looked at. With `cut`, a range begins where the region of that length does which holds it.
    """
    lo, of_range = (f"left(scope_lo(), {cut})", f"left(s.lo, {cut})") if cut else ("scope_lo()", "s.lo")
    bounds = BOUNDS.format(t=table, v=village, lo=lo)
    more = ["(SELECT scope_whole())", RANGES.format(t=table, v=village, lo=of_range)]
    if household:
        own = f'{table}."{household}" = ANY ((SELECT scope_households())::bigint[])'
        # Of what reaches beyond the household's village its helper is not told, whatever lies between two pairings.
        more.append(f'({own} AND length({table}."{village}") >= 12)' if village == "reach" else own)
    shown = f"{bounds} AND ({' OR '.join(more)})"
    return f'({shown}) OR {table}."{owner}" = (SELECT scope_user())' if owner else shown


def scoped_models():
    return [model for model in apps.get_models() if issubclass(model, ScopedModel) and model._meta.managed]


def event_models():
    """Return the history models of scoped models."""
    return [
        model
        for model in apps.get_models()
        if getattr(model, "pgh_tracked_model", None) and issubclass(model.pgh_tracked_model, ScopedModel)
    ]


def column(model, name: str) -> str:
    """Return the database column of the field or attribute `name`, such as "village_id" or "pk"."""
    if name == "pk":
        return model._meta.pk.column
    return next(field.column for field in model._meta.concrete_fields if name in (field.name, field.attname))


def policies() -> dict[str, list[tuple[str, str, str]]]:
    """Return {table: [(policy name, command, body)]}."""
    wanted = {}
    for model in scoped_models():
        table = model._meta.db_table
        household = column(model, model.scope_household) if model.scope_household else ""
        owner = column(model, model.scope_owner) if model.scope_owner else ""
        cond = condition(table, column(model, model.scope_column), household, owner, model.scope_cut)
        wanted[table] = [("scope", "ALL", f"USING ({cond}) WITH CHECK ({cond})")]
    for model in event_models():
        table, tracked = model._meta.db_table, model.pgh_tracked_model
        household = tracked.scope_household
        household = (
            column(model, household) if household not in ("", "id", "pk") else ("pgh_obj_id" if household else "")
        )
        # History is shown through the current row: who may see the household today sees its past.
        through = f"(SELECT scope_system()) OR EXISTS (SELECT 1 FROM {tracked._meta.db_table} now WHERE now.id = {table}.pgh_obj_id)"
        check = condition(table, column(tracked, tracked.scope_column), household)
        wanted[table] = [
            ("scope_read", "SELECT", f"USING ({through})"),
            ("scope_write", "INSERT", f"WITH CHECK ({check})"),
        ]
    return wanted


def revoked() -> dict[str, str]:
    """Return {table: privileges the application never has}: nothing in the register is physically deleted."""
    taken = {model._meta.db_table: "DELETE, TRUNCATE" for model in scoped_models()}
    taken.update({model._meta.db_table: "UPDATE, DELETE, TRUNCATE" for model in event_models()})
    for model in apps.get_models():
        if getattr(model, "append_only", False):
            taken[model._meta.db_table] = "UPDATE, DELETE, TRUNCATE"
        elif getattr(model, "deletable", False) and model._meta.db_table in taken:
            taken[model._meta.db_table] = "TRUNCATE"
        elif getattr(model, "updatable", None):
            taken[model._meta.db_table] = "UPDATE, DELETE, TRUNCATE"
    return taken


def updatable() -> dict[str, str]:
    """Return {table: columns that may be changed}, for tables whose rows are replaced by newer ones instead."""
    return {
        model._meta.db_table: ", ".join(model.updatable) for model in scoped_models() if hasattr(model, "updatable")
    }


PARTITIONS = """
SELECT part.relname, part.relrowsecurity AND part.relforcerowsecurity
  FROM pg_inherits i JOIN pg_class part ON part.oid = i.inhrelid AND part.relkind = 'r'
  JOIN pg_class whole ON whole.oid = i.inhparent AND whole.relkind = 'p'
 WHERE whole.relname = ANY(%s)
"""


def apply(using: str) -> int:
    """Bring policies and grants of the database `using` (an owner's connection) up to date; return statements run."""
    ran = 0
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regprocedure('scope_lo()') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return 0  # an early, partial migrate: the functions come with the accounts app
        existing = set(connections[using].introspection.table_names(cursor))
        cursor.execute("SELECT polrelid::regclass::text, polname, obj_description(oid, 'pg_policy') FROM pg_policy")
        have = {(table, name): comment for table, name, comment in cursor.fetchall()}
        cursor.execute("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
        forced = {name for (name,) in cursor.fetchall()}
        for table, wanted in policies().items():
            if table not in existing:
                continue
            if table not in forced:
                cursor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
                ran += 1
            names = {name for name, _command, _body in wanted}
            for stale in [name for (of, name) in have if of == table and name not in names]:
                cursor.execute(f"DROP POLICY {stale} ON {table}")
                ran += 1
            for name, command, body in wanted:
                mark = hashlib.sha256(f"{command} {body}".encode()).hexdigest()
                if have.get((table, name)) == mark:
                    continue
                cursor.execute(f"DROP POLICY IF EXISTS {name} ON {table}")
                cursor.execute(f"CREATE POLICY {name} ON {table} FOR {command} {body}")
                cursor.execute(f"COMMENT ON POLICY {name} ON {table} IS '{mark}'")
                ran += 1
        # A partition is reached through the whole table, whose policy then holds; by itself it shows nobody anything.
        cursor.execute(PARTITIONS, [list(policies())])
        parts = cursor.fetchall()
        for part, closed in parts:
            if not closed:
                cursor.execute(f"ALTER TABLE {part} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
                ran += 1
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = 'app'")
        if cursor.fetchone():
            for table, privileges in revoked().items():
                if table in existing:
                    cursor.execute(f"REVOKE {privileges} ON {table} FROM app")
                    ran += 1
            for table, columns in updatable().items():
                if table in existing:
                    cursor.execute(f"GRANT UPDATE ({columns}) ON {table} TO app")
                    ran += 1
            for part, _closed in parts:
                cursor.execute(f"REVOKE ALL ON {part} FROM app")
                ran += 1
    return ran


def refuse_powerful_role(connection) -> None:
    """Raise when the application runs as a superuser or with BYPASSRLS: both silently see every row."""
    from django.core.exceptions import ImproperlyConfigured

    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls, current_user FROM pg_roles WHERE rolname = current_user")
        powerful, name = cursor.fetchone()
    if powerful:
        raise ImproperlyConfigured(
            f"DATABASE_URL logs in as {name}, which passes by row-level security; use the role `app`"
        )
