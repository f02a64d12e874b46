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

from poverty.declarations import Pass, passes

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
    """SQL: a name as it is compared: NFKC, without blanks, middle dots alike."""
    return f"translate(normalize({name}, NFKC), '.•・‧∙⋅●･ 　', '········')"


def lists() -> str:
    """SQL: the lists that are matched."""
    kinds = "".join(f",'{kind}'" for kind in _only.get())[1:]
    wanted = f" AND kind IN ({kinds})" if kinds else ""
    return (
        "SELECT id, kind, region, as_of, CASE WHEN region = '' THEN '~' ELSE left(region, -1)"
        " || chr(ascii(right(region, 1)) + 1) END AS hi"
        f" FROM validation_snapshot WHERE current AND deleted_at IS NULL{wanted}"
    )


PRESENT = (
    "m.departed_on IS NULL AND m.withdrawn_at IS NULL AND EXISTS (SELECT 1 FROM households_household h"
    " WHERE h.id = m.household_id AND h.withdrawn_at IS NULL AND h.lifecycle <> 'CANCELLED')"
)
BORN = "CASE WHEN m.id_birth_on IS NOT NULL AND m.id_fault = '' THEN m.id_birth_on ELSE coalesce(m.birth_on, m.id_birth_on) END"


def matched(check) -> tuple[str, tuple]:
    person = f"""SELECT m.id, m.household_id, m.village, m.id_index, m.id_fault, m.id_index IS NOT NULL AND m.id_kind <> ''
                        AND m.id_fault IN {SOUND} AS sound, m.name, {BORN} AS born,
                        m.birth_precision = 'm' AND m.id_birth_on IS NULL AS month_only
                   FROM households_member m WHERE {PRESENT} AND {check.limit("m.household_id", "m.village")}"""
    inside = 'p.village >= l.region COLLATE "C" AND p.village < l.hi COLLATE "C"'
    row = "l.as_of, s.village AS row_village, s.data, s.digest"
    who = (
        "l.kind AS source, s.id AS row_id, l.id AS snapshot_id, l.region, p.id AS member_id, p.household_id, p.village"
    )
    score = (
        f"CASE WHEN s.village = p.village THEN {SAME_VILLAGE} WHEN s.village IS NULL THEN {NO_VILLAGE}"
        f" WHEN left(s.village, 9) = left(p.village, 9) THEN {SAME_TOWN} END"
    )
    nobodys = (
        f"NOT EXISTS (SELECT 1 FROM households_member o WHERE o.id_index = s.id_index AND s.id_fault IN {COMPARED})"
    )

    def weak(born: str, ids: str) -> str:
        return f"""SELECT {who}, true AS weak, {score} AS score, {row}
                     FROM lists l JOIN validation_sourcerow s ON s.snapshot_id = l.id
                     JOIN person p ON {born} AND {fold("p.name")} = {fold("s.name")}
                    WHERE s.name <> '' AND {inside} AND {ids} AND {score} IS NOT NULL AND {nobodys}"""

    day, month = "p.born = s.birth_on", "date_trunc('month', s.birth_on) = date_trunc('month', p.born)"
    faulty, other = f"s.id_fault NOT IN {SOUND}", f"s.id_fault IN {SOUND} AND NOT p.sound"
    month_only = f"{faulty} AND p.born <> s.birth_on AND (s.birth_precision = 'm' OR p.month_only)"
    names = "source, row_id, snapshot_id, region, member_id, household_id, village, weak"
    return (
        f"""WITH lists AS MATERIALIZED ({lists()}), person AS ({person}),
                 weak AS ({weak(day, faulty)} UNION ALL {weak(day, other)} UNION ALL {weak(month, month_only)}),
                 best AS (SELECT w.*, rank() OVER (PARTITION BY row_id ORDER BY score DESC) AS place,
                                 count(*) OVER (PARTITION BY row_id, score) AS several FROM weak w)
            SELECT {who}, false AS weak, 100 AS score, {row}
              FROM lists l JOIN validation_sourcerow s ON s.snapshot_id = l.id
              JOIN person p ON p.id_index = s.id_index AND {inside}
             WHERE s.id_fault IN {COMPARED}
            UNION ALL
            SELECT {names}, score - CASE WHEN several > 1 THEN {SEVERAL} ELSE 0 END, as_of, row_village, data, digest
              FROM best WHERE place = 1""",
        (),
    )


def covered(check) -> tuple[str, tuple]:
    """A village that a list names; where a row names none, the village where who it speaks of lives."""
    return (
        f"""SELECT source, village, max(as_of) AS as_of, max(snapshot_id) AS snapshot_id FROM (
              SELECT l.kind AS source, s.village, l.as_of, l.id AS snapshot_id
                FROM ({lists()}) l JOIN validation_sourcerow s ON s.snapshot_id = l.id WHERE s.village IS NOT NULL
               GROUP BY 1, 2, 3, 4
              UNION ALL
              SELECT source, village, as_of, snapshot_id FROM matched WHERE NOT weak AND row_village IS NULL
               GROUP BY 1, 2, 3, 4) x
            GROUP BY source, village""",
        (),
    )


passes.add("matched", Pass("matched", matched, "households.Member", indexes=("source", "member_id")))
passes.add("covered", Pass("covered", covered, needs=("matched",), indexes=("village",)))
