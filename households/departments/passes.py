"""Who of the register is in which department's list: made once for all matching rules of a run.

`matched` has a row for each row of a current list and each present member that it speaks of. A strong match is one of
identity numbers (15 digits upgraded, certificates cut to 18 characters). A weak match is one of name, birth date and
village, for rows whose number is missing, faulty, or nobody's in the register; where both numbers are sound and differ
two persons bear one name, and nothing is matched. Its score, out of 100:

    90  same folded name, same birth date (a month-only date agrees with its month), same village
    75  the list tells no village
    60  another village of the same town; a village elsewhere is no match
   −20  where several members fit equally well

A list of a county is matched with the register of that county's area. `covered` says which villages a list speaks of:
only there is it worth anything that somebody is not in it.
"""

import contextlib
from contextvars import ContextVar

from django.db import connection

from poverty import scope
from poverty.declarations import Pass, passes
from poverty.scope import code_range
from validation.models import Snapshot

SOUND = "('', 'certificate')"
COMPARED = "('', 'certificate', 'check', 'birth', 'check birth')"  # numbers that may be compared as they stand
SAME_VILLAGE, NO_VILLAGE, SAME_TOWN, SEVERAL = 90, 75, 60, 20
_only: ContextVar[tuple[str, ...]] = ContextVar("lists to be matched", default=())


@contextlib.contextmanager
def limited_to(kinds):
    """Match only lists of these kinds, inside: a run of a few rules need not look at the other lists."""
    token = _only.set(tuple(kinds))
    try:
        yield
    finally:
        _only.reset(token)


def fold(name: str) -> str:
    """SQL: a name as it is compared: NFKC, without blanks, middle dots alike. Names of lists are read so already."""
    return f"translate(normalize({name}, NFKC), '.•・‧∙⋅●･ 　', '········')"


def lists(check) -> str:
    """SQL: the lists that are matched, written out: the planner then knows how many they are."""
    kinds = _only.get() or check.lists
    with scope.system("look up departments' lists"):
        found = Snapshot.objects.filter(current=True, deleted_at__isnull=True)
        if kinds:
            found = found.filter(kind__in=kinds)
        rows = [
            f"({one.pk}::bigint, '{one.kind}', '{one.region_id}', '{one.as_of}'::date, '{code_range(one.region_id)[1]}')"
            for one in found.only("pk", "kind", "region_id", "as_of").order_by("pk")
        ]
    values = ", ".join(rows) or "(NULL::bigint, NULL, NULL, NULL::date, NULL)"
    return f"SELECT * FROM (VALUES {values}) x(id, kind, region, as_of, hi) WHERE id IS NOT NULL"


PRESENT = (
    "m.departed_on IS NULL AND m.withdrawn_at IS NULL AND EXISTS (SELECT 1 FROM households_household h"
    " WHERE h.id = m.household_id AND h.withdrawn_at IS NULL AND h.lifecycle <> 'CANCELLED')"
)
BORN = "CASE WHEN m.id_birth_on IS NOT NULL AND m.id_fault = '' THEN m.id_birth_on ELSE coalesce(m.birth_on, m.id_birth_on) END"


def _tune(check) -> None:
    """Plan a full run as joins of whole tables, for this transaction: see `RegisterMerge.tune`."""
    if check.households is None and connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('enable_nestloop', 'off', true), set_config('work_mem', '192MB', true)")


def matched(check) -> tuple[str, tuple]:
    person = f"""SELECT m.id, m.household_id, m.village, m.id_index, m.id_index IS NOT NULL AND m.id_kind <> ''
                        AND m.id_fault IN {SOUND} AS sound, {fold("m.name")} AS folded, {BORN} AS born,
                        coalesce(m.birth_precision = 'm' AND m.id_birth_on IS NULL, false) AS month_only
                   FROM households_member m WHERE {PRESENT} AND {check.limit("m.household_id", "m.village")}"""
    inside = 'p.village >= l.region COLLATE "C" AND p.village < l.hi COLLATE "C"'
    row = "s.village AS row_village, s.data, s.digest"
    who = (
        "l.kind AS source, s.id AS row_id, l.id AS snapshot_id, l.region, p.id AS member_id, p.household_id, p.village"
    )
    score = (
        f"CASE WHEN s.village = p.village THEN {SAME_VILLAGE} WHEN s.village IS NULL THEN {NO_VILLAGE}"
        f" WHEN left(s.village, 9) = left(p.village, 9) THEN {SAME_TOWN} END"
    )
    kept = "s.id, s.snapshot_id, s.village, s.birth_on, s.birth_precision, s.id_index, s.id_fault, s.data, s.digest"
    # Looked up row by row: few members have no sound number, whatever the planner thinks of it.
    unsound = f"""SELECT {kept} FROM validation_sourcerow s
                   WHERE s.birth_on = p.born AND s.name = p.folded AND s.id_fault IN {SOUND} OFFSET 0"""
    fits = f"{who}, true AS weak, {score} AS score, l.as_of, {row}, s.id_index, s.id_fault"
    _tune(check)
    return (
        f"""WITH lists AS MATERIALIZED ({lists(check)}), person AS MATERIALIZED ({person}),
                 faulty AS MATERIALIZED (
                   SELECT {kept}, s.name FROM validation_sourcerow s
                    WHERE s.id_fault <> '' AND s.id_fault NOT IN {SOUND} AND s.name <> ''
                      AND s.snapshot_id IN (SELECT id FROM lists)),
                 weak AS (
                   SELECT {fits} FROM faulty s JOIN person p ON p.born = s.birth_on AND p.folded = s.name
                     JOIN lists l ON l.id = s.snapshot_id AND {inside}
                   UNION ALL
                   SELECT {fits} FROM faulty s
                     JOIN person p ON date_trunc('month', p.born) = date_trunc('month', s.birth_on) AND p.folded = s.name
                     JOIN lists l ON l.id = s.snapshot_id AND {inside}
                    WHERE p.born <> s.birth_on AND (s.birth_precision = 'm' OR p.month_only)
                   UNION ALL
                   SELECT {fits} FROM (SELECT * FROM person WHERE NOT sound OFFSET 0) p
                     CROSS JOIN LATERAL ({unsound}) s JOIN lists l ON l.id = s.snapshot_id AND {inside}),
                 best AS (SELECT w.*, rank() OVER (PARTITION BY row_id ORDER BY score DESC) AS place,
                                 count(*) OVER (PARTITION BY row_id, score) AS several
                            FROM weak w WHERE score IS NOT NULL AND NOT EXISTS (
                                 SELECT 1 FROM households_member o WHERE o.id_index = w.id_index
                                    AND w.id_fault IN {COMPARED}))
            SELECT {who}, false AS weak, 100 AS score, l.as_of, {row}
              FROM validation_sourcerow s JOIN ({person}) p ON p.id_index = s.id_index
              JOIN lists l ON l.id = s.snapshot_id AND {inside}
             WHERE s.id_fault IN {COMPARED}
            UNION ALL
            SELECT source, row_id, snapshot_id, region, member_id, household_id, village, weak,
                   score - CASE WHEN several > 1 THEN {SEVERAL} ELSE 0 END, as_of, row_village, data, digest
              FROM best WHERE place = 1""",
        (),
    )


def covered(check) -> tuple[str, tuple]:
    """A village that a list names; where a row names none, the village where who it speaks of lives.

    For a few households only their villages are looked up: the lists are long, and the index knows village by village.
    """
    here = "s.village IS NOT NULL"
    if check.households is not None:
        here = f"s.village IN (SELECT village FROM households_household WHERE id IN ({check.households}))"
    elif check.code:
        here = check.limit("s.id", "s.village")
    return (
        f"""SELECT source, village, max(as_of) AS as_of, max(snapshot_id) AS snapshot_id FROM (
              SELECT l.kind AS source, s.village, l.as_of, l.id AS snapshot_id
                FROM ({lists(check)}) l JOIN validation_sourcerow s ON s.snapshot_id = l.id AND {here}
               GROUP BY 1, 2, 3, 4
              UNION ALL
              SELECT source, village, as_of, snapshot_id FROM matched WHERE NOT weak AND row_village IS NULL
               GROUP BY 1, 2, 3, 4) x
            GROUP BY source, village""",
        (),
    )


passes.add("matched", Pass("matched", matched, "households.Member", indexes=("source", "member_id")))
passes.add("covered", Pass("covered", covered, needs=("matched",), indexes=("village",)))
