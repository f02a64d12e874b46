"""The set-based half of an import: match staged rows with the register, compare, merge.

All of it runs as the importer, under row-level security, and may be run again: a preview compares and rolls a merge
back, the merge itself compares first.
"""

from django.db import connection

from exchange import staging
from households.codes import RELATION
from households.importing import PLACES, RegisterImport
from poverty import crypto
from validation import engine

HEAD = next(code for code, label in RELATION.labels.items() if label == "户主")
LOCK = "SELECT pg_advisory_xact_lock(hashtext('register import'), hashtext(%s))"


class RegisterMerge(RegisterImport):
    """See `RegisterImport`; these methods are SQL over its staged tables."""

    def run(self, sql: str, params=()) -> int:
        with connection.cursor() as cursor:
            cursor.execute(sql, params or None)
            return cursor.rowcount

    def fetch(self, sql: str, params=()):
        with connection.cursor() as cursor:
            cursor.execute(sql, params or None)
            return cursor.fetchall()

    def lock(self) -> None:
        """Let imports into one county follow each other; the unique keys decide in any case."""
        self.run(LOCK, [self.batch.region_id[:6]])

    # --- matching ----------------------------------------------------------------------------------------------

    def tune(self) -> None:
        """Plan the statements of a large import as joins of whole tables, for this transaction.

        The planner cannot see through row-level security how many rows are in scope and takes a few for granted; with
        a whole county it would look up each row of one table in all of the other.
        """
        if self.batch.meta.get("data_rows", 0) > 2000:
            self.run(
                "SELECT set_config('enable_nestloop', 'off', true), set_config('work_mem', '192MB', true),"
                " set_config('jit', 'off', true)"
            )

    def match(self) -> None:
        """Find the stored household, person and years of every staged row; refuse numbers taken elsewhere.

        What is new gets its key here, so that a merge need not write the staged rows again. Stored rows are looked up
        one by one through their unique keys: a join would read a whole province for a county's file.
        """
        self.tune()
        # Without a number: the household in whose village a head with this identity is on file.
        self.run(f"TRUNCATE {self.h_state}")
        self.run(
            f"""INSERT INTO {self.h_state} (h, household_id, household_year_id, is_new, verdict)
                SELECT x.h, COALESCE(x.known, nextval('households_household_id_seq')),
                       (SELECT y.id FROM households_householdyear y WHERE y.household_id = x.known AND y.year = x.year),
                       x.known IS NULL, CASE WHEN x.known IS NULL THEN 'new' ELSE 'unchanged' END
                  FROM (SELECT d.h, d.year, COALESCE((SELECT t.id FROM households_household t
                                                       WHERE t.household_no = d.household_no), f.household_id) AS known
                          FROM {self.h_data} d
                          LEFT JOIN (SELECT m.id_index, m.village, min(m.household_id) AS household_id
                                       FROM households_member m
                                      WHERE m.relation = '{HEAD}' AND m.departed_on IS NULL AND m.withdrawn_at IS NULL
                                        AND m.id_index IN (SELECT head_index FROM {self.h_data}
                                                            WHERE household_no IS NULL)
                                      GROUP BY m.id_index, m.village) f
                            ON d.household_no IS NULL AND f.id_index = d.head_index AND f.village = d.village
                         OFFSET 0) x
                 ORDER BY x.h"""
        )
        # One household named in two ways in one file: the second group of rows cannot be told from the first.
        self.run(
            f"""UPDATE {self.h_state} s SET problem = 'double', verdict = 'rejected', is_new = false
                  FROM (SELECT h, row_number() OVER (PARTITION BY household_id ORDER BY h) AS nth
                          FROM {self.h_state}) d WHERE d.h = s.h AND d.nth > 1"""
        )
        self.run(f"ANALYZE {self.h_state}")
        if self.persons:
            self._match_persons()
        self._refuse_taken()

    def _match_persons(self) -> None:
        self.run(f"TRUNCATE {self.p_state}")
        self.run(
            f"""INSERT INTO {self.p_state} (_no, household_id, member_id, member_year_id, is_new, verdict, new_village)
                SELECT d._no, h.household_id,
                       COALESCE(d.known, CASE WHEN d._verdict = '' THEN nextval('households_member_id_seq') END),
                       (SELECT y.id FROM households_memberyear y WHERE y.member_id = d.known AND y.year = d.year),
                       d._verdict = '' AND d.known IS NULL,
                       CASE WHEN d._verdict <> '' THEN d._verdict
                            WHEN d.known IS NULL THEN 'new' ELSE 'unchanged' END,
                       CASE WHEN g.village <> d.village THEN g.village END
                  FROM (SELECT d._no, d.h, d.village, d.year, d._verdict,
                               (SELECT t.id FROM households_member t
                                 WHERE t.person_no = d.person_no AND d._verdict = '') AS known
                          FROM {self.p_data} d OFFSET 0) d
                  LEFT JOIN {self.h_state} h ON h.h = d.h LEFT JOIN {self.h_data} g ON g.h = d.h
                 ORDER BY d._no"""
        )
        self.run(f"ANALYZE {self.p_state}")
        if not self._any(self.p_data, "s.person_no IS NULL AND s._verdict = ''") and not self._any(
            "households_member", "s.person_no >= 'L' AND s.person_no < 'M' AND s.person_no LIKE 'L%'"
        ):
            return
        # A missing person number is matched by identity inside the household, else by name; a first official number
        # finds the person known under a local one.
        for condition in ("t.id_index = s.id_index", "t.id_index IS NULL AND s.id_index IS NULL AND t.name = s.name"):
            self.run(
                f"""UPDATE {self.p_state} s SET member_id = found.id, member_year_id = found.year_id, is_new = false,
                           verdict = 'unchanged'
                      FROM (SELECT DISTINCT ON (id) * FROM (
                              SELECT DISTINCT ON (s._no) s._no, t.id, y.id AS year_id FROM {self.p} s
                                JOIN households_member t ON t.household_id = s.household_id AND {condition}
                                LEFT JOIN households_memberyear y ON y.member_id = t.id AND y.year = s.year
                               WHERE s.is_new AND (s.person_no IS NULL OR t.person_no LIKE 'L%')
                                 AND NOT EXISTS (SELECT 1 FROM {self.p_state} o WHERE o.member_id = t.id)
                               ORDER BY s._no, t.withdrawn_at IS NOT NULL, t.departed_on IS NOT NULL, t.id) x
                             ORDER BY id, _no) found
                     WHERE s._no = found._no"""
            )

    def _refuse_taken(self) -> None:
        """Reject rows whose official number stands outside the importer's area; nothing more is said of it."""
        numbers = f"(SELECT array_agg(household_no) FROM {self.h} WHERE is_new AND household_no IS NOT NULL)"
        persons = f"(SELECT array_agg(person_no) FROM {self.p} WHERE is_new AND person_no IS NOT NULL)"
        taken = self.fetch(
            f"SELECT kind, number FROM register_numbers_elsewhere({numbers}, {persons if self.persons else 'NULL'})"
        )
        households = [number for kind, number in taken if kind == "household"]
        people = [number for kind, number in taken if kind == "person"]
        refused = "problem = 'taken', verdict = 'rejected', is_new = false"
        if households:
            self.run(
                f"""UPDATE {self.h_state} s SET {refused} FROM {self.h_data} d
                     WHERE d.h = s.h AND d.household_no = ANY(%s)""",
                [households],
            )
        if not self.persons:
            return
        if people:
            self.run(
                f"""UPDATE {self.p_state} s SET {refused} FROM {self.p_data} d
                     WHERE d._no = s._no AND d.person_no = ANY(%s)""",
                [people],
            )
        if taken or self._any(self.h_state, "s.problem <> ''"):
            self.run(
                f"""UPDATE {self.p_state} s SET problem = h.problem, verdict = 'rejected', is_new = false
                      FROM {self.p_data} d JOIN {self.h_state} h ON h.h = d.h
                     WHERE d._no = s._no AND h.problem <> '' AND s.verdict NOT IN ('asked', 'rejected')"""
            )
            # A new household none of whose rows is left is not made.
            self.run(
                f"""UPDATE {self.h_state} s SET is_new = false, verdict = 'rejected'
                     WHERE s.is_new AND NOT EXISTS (SELECT 1 FROM {self.p} p WHERE p.h = s.h AND p.is_new)"""
            )

    def unmask(self) -> list[tuple]:
        """Compare masked cells with the mask of the stored value; return [(sheet, row, field)] of those that differ.

        An equal mask says "unchanged": the staged value stays blank. A different one hides what was meant, and the
        row is asked about.
        """
        from accounts import masks

        bad = []
        checks = [
            (self.h, "phone_mask", "households_household", "household_id", "phone_sealed", masks.mask_phone, "phone"),
            (self.h, "card_no_mask", "households_household", "household_id", "card_sealed", masks.mask_card, "card_no"),
        ]
        if self.persons:
            checks.append(
                (self.p, "cert_no_mask", "households_member", "member_id", "cert_no_sealed", masks.mask_id, "cert_no")
            )
        for name, mask, table, key, sealed, hide, field in checks:
            if not self._any(self._data(name), f's."{mask}" IS NOT NULL'):
                continue
            rows = self.fetch(
                f'SELECT s._sheet, s._row, s."{mask}", t.uid, t.{sealed} FROM {name} s'
                f' LEFT JOIN {table} t ON t.id = s.{key} WHERE s."{mask}" IS NOT NULL'
            )
            for sheet, row, shown, uid, stored in rows:
                if stored is None or hide(crypto.unseal(PLACES[sealed], uid, stored)) != shown:
                    bad.append((sheet, row, field))
        if self.persons and self._any(self.p_data, "s.name_mask IS NOT NULL"):
            named = self.fetch(
                f"""SELECT s._sheet, s._row, s.name_mask, t.name FROM {self.p} s
                      LEFT JOIN households_member t ON t.id = s.member_id WHERE s.name_mask IS NOT NULL"""
            )
            bad += [(sheet, row, "name") for sheet, row, shown, name in named if masks.mask_name(name or "") != shown]
        return bad

    # --- comparing ---------------------------------------------------------------------------------------------

    def compare(self) -> dict[str, int]:
        """Set the verdict and the list of changed values of every matched row; return the counts of rows by verdict."""
        if self._any(self.h_state, "NOT s.is_new"):
            self._compare_households()
        if not self.persons:
            return self._counts(self.h_state)
        if self._any(self.p_state, "s.verdict = 'unchanged'"):
            self._compare_members()
        return self._counts(self.p_state)

    def _compare_households(self) -> None:
        household, year = self.layout.target("household"), self.layout.target("household_year")
        self.run(
            f"""UPDATE {self.h_state} s SET changed = x.changed, verdict = 'changed'
                  FROM (SELECT s.h, {household.changes()} || CASE WHEN t.village <> s.village
                               AND s.stamp >= coalesce(t.field_stamps->>'village', t.stamp) COLLATE "C" THEN ARRAY['household.village'] ELSE '{{}}' END
                               || CASE WHEN t.withdrawn_at IS NOT NULL THEN ARRAY['household.revived'] ELSE '{{}}' END
                               AS changed
                          FROM {self.h} s JOIN households_household t ON t.id = s.household_id
                         WHERE s.verdict = 'unchanged') x
                 WHERE x.h = s.h AND x.changed <> '{{}}'"""
        )
        self._compare_years(self.h, self.h_state, "h", year, "household_year", "households_householdyear")

    def _compare_members(self) -> None:
        member, member_year = self.layout.target("member"), self.layout.target("member_year")
        self.run(
            f"""UPDATE {self.p_state} s SET changed = x.changed, verdict = 'changed'
                  FROM (SELECT s._no, {member.changes()} || CASE WHEN t.household_id <> s.household_id
                               AND s.stamp >= t.stamp COLLATE "C"
                               THEN ARRAY['member.household'] ELSE '{{}}' END
                               || CASE WHEN t.withdrawn_at IS NOT NULL THEN ARRAY['member.revived'] ELSE '{{}}' END
                               || CASE WHEN s.person_no <> t.person_no THEN ARRAY['member.person_no'] ELSE '{{}}' END
                               AS changed
                          FROM {self.p} s JOIN households_member t ON t.id = s.member_id
                         WHERE s.verdict = 'unchanged') x
                 WHERE x._no = s._no AND x.changed <> '{{}}'"""
        )
        self._compare_years(self.p, self.p_state, "_no", member_year, "member_year", "households_memberyear")
        # What changes for the household is counted at the first row that stands for it.
        self.run(
            f"""UPDATE {self.p_state} s SET verdict = 'changed', changed = s.changed || h.changed
                  FROM {self.h_state} h JOIN (SELECT d.h, min(d._no) AS first
                        FROM {self.p_data} d JOIN {self.p_state} m ON m._no = d._no
                        WHERE m.verdict IN ('unchanged', 'changed') GROUP BY d.h) f ON f.h = h.h
                 WHERE h.verdict = 'changed' AND s._no = f.first"""
        )

    def _compare_years(self, name, state, key, target, label, table) -> None:
        if not target.values:
            return
        filled = " OR ".join(f's."{value.staged}" IS NOT NULL' for value in target.values)
        self.run(
            f"""UPDATE {state} s SET changed = s.changed || x.changed, verdict = 'changed'
                  FROM (SELECT s."{key}" AS key, CASE WHEN t.id IS NULL THEN ARRAY['{label}.new']
                               ELSE {target.changes()} END AS changed
                          FROM {name} s LEFT JOIN {table} t ON t.id = s.{target.staged_key}
                         WHERE s.verdict IN ('unchanged', 'changed') AND (t.id IS NOT NULL OR {filled})) x
                 WHERE x.key = s."{key}" AND x.changed <> '{{}}'"""
        )

    def _counts(self, name: str) -> dict[str, int]:
        counts = dict(self.fetch(f"SELECT verdict, count(*) FROM {name} GROUP BY verdict"))
        if not self.persons:
            spare = staging.table(self.batch.pk, "rest")
            for verdict, number in self.fetch(f"SELECT _verdict, count(*) FROM {spare} GROUP BY _verdict"):
                counts[verdict] = counts.get(verdict, 0) + number
        return counts

    # --- merging -----------------------------------------------------------------------------------------------

    def merge(self) -> dict[str, int]:
        """Write the good rows; call inside one transaction, after `match` and `compare`. Return rows written by table."""
        good = "s.verdict IN ('new', 'changed', 'unchanged')"
        self._number_households()
        written = {}
        household, year = self.layout.target("household"), self.layout.target("household_year")
        prov = "source_batch_id = s.batch_id; source_sheet = s._sheet; source_row = s._row"
        written["household"] = self.run(household.insert(self.h, "s.is_new ORDER BY s.village, s.h"))
        self._analyze("households_household", written["household"])
        if self._any_newer(self.h, "household_id", "households_household"):
            self._update_households(household, good, prov, written)
        self._write_years(year, self.h, good, prov, written)
        if self.persons:
            self._merge_persons(good, prov, written)
        return written

    def _analyze(self, table: str, rows: int) -> None:
        """A bulk load makes the planner's statistics useless at once: joins to what was just written need new ones."""
        if rows > 1000:
            self.run("SELECT analyze_register(%s)", [table])

    def _data(self, name: str) -> str:
        """Return the table of staged values behind a staged view: what asks nothing of the register needs no join."""
        return self.p_data if name == self.p else self.h_data

    def _any(self, name: str, condition: str) -> bool:
        source = name if " s JOIN " in name else f"{name} s"
        return self.fetch(f"SELECT EXISTS (SELECT 1 FROM {source} WHERE {condition})")[0][0]

    def _any_newer(self, name: str, key: str, table: str) -> bool:
        """Whether any staged row changes its stored row, or makes it newer: the same file again does neither."""
        state = self.p_state if name == self.p else self.h_state
        if not self._any(state, "NOT s.is_new AND s.verdict IN ('unchanged', 'changed')"):
            return False
        return self._any(state, "s.verdict = 'changed'") or self._any(
            f'{name} s JOIN {table} t ON t.id = s.{key} AND s.stamp > t.stamp COLLATE "C"',
            "NOT s.is_new AND s.verdict = 'unchanged'",
        )

    def _update_households(self, household, good: str, prov: str, written: dict) -> None:
        self._reseal(self.h, self.h_state, "h", "household_id", "households_household", "phone", "card")
        self.run(
            f"""UPDATE households_household t SET village = s.village FROM {self.h} s
                 WHERE t.id = s.household_id AND 'household.village' = ANY(s.changed)"""
        )
        self.run(
            f"""UPDATE households_household t SET withdrawn_at = NULL FROM {self.h} s
                 WHERE t.id = s.household_id AND 'household.revived' = ANY(s.changed)"""
        )
        written["household changed"] = self.run(household.update(self.h, f"NOT s.is_new AND {good}", prov))
        # A household's years carry the village it has now.
        self.run(
            f"""UPDATE {self.h_state} s SET new_village = t.village FROM households_household t, {self.h_data} d
                 WHERE t.id = s.household_id AND d.h = s.h AND t.village <> COALESCE(s.new_village, d.village)"""
        )
        if self.persons:
            self.run(
                f"""UPDATE {self.p_state} s SET new_village = t.village FROM households_household t, {self.p_data} d
                     WHERE t.id = s.household_id AND d._no = s._no AND t.village <> COALESCE(s.new_village, d.village)"""
            )

    def _number_households(self) -> None:
        """Give new households a local number where the file has none: "L" + village + 5 digits."""
        if not self._any(self.h_data, "s.household_no IS NULL"):
            return
        self.run(
            f"""UPDATE {self.h_state} s SET new_household_no = n.no
                  FROM (SELECT s.h, 'L' || s.village || lpad((row_number() OVER (PARTITION BY s.village ORDER BY s.h)
                               + coalesce(last.n, 0))::text, 5, '0') AS no
                          FROM {self.h} s LEFT JOIN LATERAL (
                               SELECT max(substr(household_no, 14, 5)::int) AS n FROM households_household t
                                WHERE t.household_no ~ ('^L' || s.village || '[0-9]{{5}}$')) last ON true
                         WHERE s.is_new AND s.household_no IS NULL) n
                 WHERE n.h = s.h"""
        )

    def _number_persons(self) -> None:
        """Give new persons a local number where the file has none: the household's, and two digits more."""
        if not self._any(self.p_data, "s.person_no IS NULL"):
            return
        self.run(
            f"""UPDATE {self.p_state} s SET new_person_no = n.no
                  FROM (SELECT s._no, CASE WHEN t.household_no LIKE 'L%' THEN t.household_no
                               ELSE 'L' || left(t.household_no, 25) || '-' END
                               || lpad((row_number() OVER (PARTITION BY s.household_id ORDER BY s._no)
                               + (SELECT count(*) FROM households_member m WHERE m.household_id = s.household_id))::text,
                               2, '0') AS no
                          FROM {self.p} s JOIN households_household t ON t.id = s.household_id
                         WHERE s.is_new AND s.person_no IS NULL) n
                 WHERE n._no = s._no"""
        )

    def _write_years(self, target, name: str, good: str, prov: str, written: dict) -> None:
        if not target.values:
            return
        filled = " OR ".join(f's."{value.staged}" IS NOT NULL' for value in target.values)
        owner = "s.household_id IS NOT NULL" if target.name == "household_year" else "s.member_id IS NOT NULL"
        written[target.name] = self.run(
            target.insert(name, f"{owner} AND {good} AND s.{target.staged_key} IS NULL AND ({filled})")
        )
        self._analyze(target.table, written[target.name])
        if self._any_newer(name, target.staged_key, target.table):
            written[f"{target.name} changed"] = self.run(target.update(name, good, prov))

    def _merge_persons(self, good: str, prov: str, written: dict) -> None:
        member, member_year = self.layout.target("member"), self.layout.target("member_year")
        self._number_persons()
        written["member"] = self.run(member.insert(self.p, "s.is_new ORDER BY s.village, s._no"))
        self._analyze("households_member", written["member"])
        if self._any_newer(self.p, "member_id", "households_member"):
            self._update_members(member, good, prov, written)
        self._write_years(member_year, self.p, good, prov, written)

    def _update_members(self, member, good: str, prov: str, written: dict) -> None:
        self._reseal(self.p, self.p_state, "_no", "member_id", "households_member", "cert_no")
        self.run(
            f"""UPDATE households_member t SET household_id = s.household_id, village = s.village FROM {self.p} s
                 WHERE t.id = s.member_id AND 'member.household' = ANY(s.changed)"""
        )
        self.run(
            f"""UPDATE households_member t SET withdrawn_at = NULL, departed_on = NULL, departed_as = NULL
                  FROM {self.p} s WHERE t.id = s.member_id AND 'member.revived' = ANY(s.changed)"""
        )
        self.run(
            f"""UPDATE households_member t SET person_no = s.person_no FROM {self.p} s
                 WHERE t.id = s.member_id AND 'member.person_no' = ANY(s.changed)"""
        )
        written["member changed"] = self.run(member.update(self.p, f"NOT s.is_new AND {good}", prov))
        # Years follow where the person lives now, whatever an older file says.
        self.run(
            f"""UPDATE {self.p_state} s SET household_id = t.household_id, new_village = t.village
                  FROM households_member t WHERE t.id = s.member_id AND t.household_id <> s.household_id"""
        )

    def _reseal(self, name: str, state: str, key: str, owner: str, table: str, *fields: str) -> None:
        """Seal changed values anew for the stored row they go to: a ciphertext is bound to its row."""
        for field in fields:
            sealed, index = f"{field}_sealed", f"{field}_index"
            rows = self.fetch(
                f'SELECT s."{key}", s.uid::uuid, t.uid, s.{sealed} FROM {name} s JOIN {table} t ON t.id = s.{owner}'
                f" WHERE NOT s.is_new AND s.{sealed} IS NOT NULL AND s.{index} IS DISTINCT FROM t.{index}"
            )
            if not rows:
                continue
            place = PLACES[sealed]
            texts = [crypto.unseal(place, uid, value) for _key, uid, _now, value in rows]
            values = crypto.seal_many(place, [now for _key, _uid, now, _value in rows], texts)
            self.run(
                f'UPDATE {state} s SET "new_{sealed}" = x.value FROM unnest(%s::bigint[], %s::bytea[])'
                f' x(key, value) WHERE s."{key}" = x.key',
                [[row[0] for row in rows], values],
            )

    # --- after it ----------------------------------------------------------------------------------------------

    def checked_households(self) -> str:
        """Return SQL of the keys of households to be checked by data rules: those that the file changes, those that a
        person leaves, and those that share an identity with them, wherever they are. Call in system scope.

        What the file finds as it is has its findings already.
        """
        touched = f"SELECT household_id FROM {self.h_state} WHERE verdict IN ('new', 'changed')"
        if self.persons:
            touched += (
                f" UNION SELECT household_id FROM {self.p_state} WHERE verdict IN ('new', 'changed')"
                f" UNION SELECT e.household_id FROM {self.p_state} s JOIN households_memberevent e"
                f" ON e.pgh_obj_id = s.member_id WHERE 'member.household' = ANY(s.changed)"
            )
        self.run("DROP TABLE IF EXISTS checked_households")
        # What is asked from here on is looked up household by household, however many more the register has.
        self.run("SELECT set_config('enable_nestloop', 'on', true)")
        self.run(
            f"""CREATE TEMPORARY TABLE checked_households ON COMMIT DROP AS
                WITH touched AS ({touched})
                SELECT household_id FROM touched
                UNION
                SELECT o.household_id FROM touched t
                  JOIN LATERAL (SELECT m.household_id, m.id_index FROM households_member m
                                 WHERE m.household_id = t.household_id AND m.id_index IS NOT NULL OFFSET 0) m ON true
                  JOIN LATERAL (SELECT o.household_id FROM households_member o
                                 WHERE o.id_index = m.id_index AND o.household_id <> m.household_id OFFSET 0) o ON true"""
        )
        self.run("ANALYZE checked_households")
        return "SELECT household_id FROM checked_households"

    def villages(self) -> list[str]:
        return [
            code
            for (code,) in self.fetch(f"SELECT DISTINCT village FROM {self.h} WHERE village IS NOT NULL ORDER BY 1")
        ]

    def _inside(self, alias: str) -> str:
        """SQL: between the first and the last village of the file; a range is looked up, a list of villages is not."""
        villages = f"(SELECT %s(village) FROM {self.h_data})"
        return f"{alias}.village >= {villages % 'min'} AND {alias}.village <= {villages % 'max'}"

    def missing_sql(self) -> str:
        """SQL: who is in the register in the villages of the file, and not in the file."""
        if self.persons:
            return f"""SELECT m.id, m.household_id, m.village, m.name, m.person_no FROM households_member m
                JOIN households_household t ON t.id = m.household_id AND t.withdrawn_at IS NULL AND t.lifecycle <> 'CANCELLED'
                WHERE {self._inside("m")} AND {self._inside("t")}
                  AND m.village IN (SELECT DISTINCT village FROM {self.h}) AND m.departed_on IS NULL
                  AND m.withdrawn_at IS NULL AND NOT EXISTS (SELECT 1 FROM {self.p} s WHERE s.member_id = m.id)"""
        return f"""SELECT NULL::bigint, t.id, t.village, NULL, t.household_no FROM households_household t
            WHERE {self._inside("t")} AND t.village IN (SELECT DISTINCT village FROM {self.h}) AND t.withdrawn_at IS NULL
              AND t.lifecycle <> 'CANCELLED' AND NOT EXISTS (SELECT 1 FROM {self.h} s WHERE s.household_id = t.id)"""

    def missing(self) -> int:
        return self.fetch(f"SELECT count(*) FROM ({self.missing_sql()}) x")[0][0]

    # --- for the batch -----------------------------------------------------------------------------------------

    def ask(self, places: list[tuple]) -> None:
        """Hold the rows at `places` [(sheet, row, field)]: they wait for an answer."""
        sheets, rows = [place[0] for place in places], [place[1] for place in places]
        state, key = (self.p_state, "_no") if self.persons else (self.h_state, "h")
        self.run(
            f"""UPDATE {state} s SET verdict = 'asked', is_new = false FROM {self.rows} d
                  JOIN unnest(%s::text[], %s::int[]) x(sheet, row) ON d._sheet = x.sheet AND d._row = x.row
                 WHERE s.{key} = d.{key}""",
            [sheets, rows],
        )

    def asked_rows(self) -> list[list]:
        """Return [[sheet, row]] of the rows that wait."""
        return [[sheet, row] for sheet, row in self.fetch(self._all_rows("_verdict = 'asked'", "verdict = 'asked'"))]

    def _all_rows(self, rest: str, staged: str) -> str:
        sql = f"SELECT _sheet, _row FROM {self.rows} WHERE {staged}"
        if not self.persons:
            sql += f" UNION ALL SELECT _sheet, _row FROM {staging.table(self.batch.pk, 'rest')} WHERE {rest}"
        return sql + " ORDER BY 1, 2"

    def counts_of(self, places: list[list]) -> dict[str, int]:
        """Return the counts of verdicts of the rows at `places`."""
        sheets, rows = [place[0] for place in places], [place[1] for place in places]
        both = f"SELECT _sheet, _row, verdict FROM {self.rows}"
        if not self.persons:
            both += f" UNION ALL SELECT _sheet, _row, _verdict FROM {staging.table(self.batch.pk, 'rest')}"
        return dict(
            self.fetch(
                f"""SELECT verdict, count(*) FROM ({both}) s JOIN unnest(%s::text[], %s::int[]) x(sheet, row)
                    ON s._sheet = x.sheet AND s._row = x.row GROUP BY verdict""",
                [sheets, rows],
            )
        )

    def refused_places(self, problem: str) -> list[tuple]:
        """Return [(sheet, row)] of rows refused for `problem`: "taken" number, "double" household, or "keyless"."""
        if problem == "keyless":
            name = self.p if self.persons else staging.table(self.batch.pk, "rest")
            return self.fetch(f"SELECT _sheet, _row FROM {name} WHERE _keyless ORDER BY _no")
        order = "_no" if self.persons else "h"
        return self.fetch(f"SELECT _sheet, _row FROM {self.rows} WHERE problem = %s ORDER BY {order}", [problem])

    def findings(self) -> list[tuple]:
        """Return [(rule, sheet, row, seen, expected)] of open findings on what the file speaks of, at their places.

        A person's finding stands at the person's row, a household's at its first row. Only rules that run at every
        import are told: what others found is of another day.
        """
        self.tune()
        parts = [
            f"""SELECT f.rule, h._sheet, h._row, f.seen, f.expected FROM validation_finding f
                  JOIN {self.h} h ON h.household_id = f.subject
                 WHERE f.subject_kind = 'household' AND f.closed_at IS NULL AND f.rule = ANY(%s)"""
        ]
        if self.persons:
            parts.append(
                f"""SELECT f.rule, p._sheet, p._row, f.seen, f.expected FROM validation_finding f
                      JOIN {self.p} p ON p.member_id = f.subject
                     WHERE f.subject_kind = 'member' AND f.closed_at IS NULL AND f.rule = ANY(%s)"""
            )
        else:
            parts.append(
                f"""SELECT f.rule, h._sheet, h._row, f.seen, f.expected FROM validation_finding f
                      JOIN {self.h} h ON h.household_id = f.household_id
                     WHERE f.subject_kind = 'member' AND f.closed_at IS NULL AND f.rule = ANY(%s)"""
            )
        return self.fetch(" UNION ALL ".join(parts) + " ORDER BY 2, 3, 1", [engine.import_rules()] * len(parts))

    def reconcile(self) -> list[dict]:
        """Return households and persons per village, file against register."""
        persons = (
            f"SELECT village, count(*) AS n FROM {self.p} WHERE verdict <> 'rejected' GROUP BY village"
            if self.persons
            else "SELECT NULL::text AS village, 0 AS n WHERE false"
        )
        rows = self.fetch(
            f"""WITH file AS (SELECT village, count(*) AS n FROM {self.h} WHERE verdict <> 'rejected' GROUP BY village),
                     people AS ({persons}),
                     places AS (SELECT DISTINCT village FROM {self.h} WHERE village IS NOT NULL),
                     kept AS (SELECT t.village, count(DISTINCT t.id) AS households, count(m.id) AS persons
                                FROM households_household t LEFT JOIN households_member m ON m.household_id = t.id
                                     AND m.departed_on IS NULL AND m.withdrawn_at IS NULL
                               WHERE t.village IN (SELECT village FROM places) AND t.withdrawn_at IS NULL
                                 AND t.lifecycle <> 'CANCELLED' GROUP BY t.village)
                SELECT p.village, r.name, coalesce(f.n, 0), coalesce(q.n, 0), coalesce(k.households, 0), coalesce(k.persons, 0)
                  FROM places p LEFT JOIN regions_region r ON r.code = p.village LEFT JOIN file f ON f.village = p.village
                  LEFT JOIN people q ON q.village = p.village LEFT JOIN kept k ON k.village = p.village ORDER BY p.village"""
        )
        names = ("village", "name", "file_households", "file_persons", "register_households", "register_persons")
        return [dict(zip(names, row, strict=True)) for row in rows]
