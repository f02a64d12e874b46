"""Compare staged rows with a table and merge them, in sets, value by value.

A value is taken over when the cell is filled, differs from what is stored, and is at least as new: its stamp
("as-of date/rank", see `households.models.Sourced`) is not older than the stored value's. An older file fills gaps.
Blank cells keep the stored value.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Value:
    """One value of a row: `name` as shown, the staged and stored columns compared, and what is written with it.

    `sets` are further (stored column, staged column) pairs that follow the compared one, such as a sealed text behind
    its blind index.
    """

    name: str
    staged: str
    stored: str
    sets: tuple[tuple[str, str], ...] = ()

    @property
    def writes(self) -> tuple[tuple[str, str], ...]:
        return ((self.stored, self.staged), *self.sets)


@dataclass(frozen=True)
class Target:
    """A table of the register that a sheet writes to.

    `staged_key` is the staged column holding the stored row's id (NULL: none yet). `fixed` are further columns of new
    rows: {stored column: SQL over the staged alias s}.
    """

    name: str
    table: str
    staged_key: str
    values: tuple[Value, ...]
    fixed: dict[str, str] = field(default_factory=dict)
    key: str = "id"
    columns: tuple[str, ...] = ()  # every stored column that carries a stamp, for keeping older stamps apart
    bump: str = ""  # further assignments on update, such as a version

    def effective(self, value: Value) -> str:
        """SQL: the stamp of the stored value."""
        return f"COALESCE(t.field_stamps->>'{value.stored}', t.stamp)"

    def applies(self, value: Value) -> str:
        """SQL: whether the staged value is to be taken over (aliases s staged, t stored).

        An older file fills a gap, unless somebody emptied the value on purpose: then it has a stamp of its own.
        """
        gap = f"(t.\"{value.stored}\" IS NULL AND t.field_stamps->>'{value.stored}' IS NULL)"
        return (
            f'(s."{value.staged}" IS NOT NULL AND s."{value.staged}" IS DISTINCT FROM t."{value.stored}"'
            f' AND ({gap} OR s.stamp >= {self.effective(value)} COLLATE "C"))'
        )

    def changes(self) -> str:
        """SQL: a text[] of the names of values that would change."""
        cases = ", ".join(
            f"CASE WHEN {self.applies(value)} THEN '{self.name}.{value.name}' END" for value in self.values
        )
        return f"array_remove(ARRAY[{cases}]::text[], NULL)"

    def any_change(self) -> str:
        return "(" + " OR ".join(self.applies(value) for value in self.values) + ")"

    def insert(self, staged: str, where: str) -> str:
        """SQL: add the staged rows that have no stored row."""
        columns = {stored: f's."{of}"' for value in self.values for stored, of in value.writes}
        columns.update(self.fixed)
        names = ", ".join(f'"{column}"' for column in columns)
        return (
            f"INSERT INTO {self.table} ({names}, stamp, field_stamps)"
            f" SELECT {', '.join(columns.values())}, s.stamp, '{{}}'::jsonb FROM {staged} s WHERE {where}"
        )

    def update(self, staged: str, where: str, provenance: str) -> str:
        """SQL: change the stored rows that a staged row changes or makes newer.

        A row that only becomes newer gets its stamp and nothing else: bookkeeping, no history.
        """
        sets = []
        for value in self.values:
            applies = self.applies(value)
            sets += [
                f'"{stored}" = CASE WHEN {applies} THEN s."{of}" ELSE t."{stored}" END' for stored, of in value.writes
            ]
        changed = self.any_change()
        sets.append("stamp = GREATEST(t.stamp, s.stamp)")
        sets.append(f"field_stamps = {self._field_stamps()}")
        sets += [
            f"{column} = CASE WHEN {changed} THEN {source} ELSE t.{column} END"
            for column, source in (item.split(" = ") for item in provenance.split("; "))
        ]
        if self.bump:
            sets.append(f"{self.bump} = t.{self.bump} + CASE WHEN {changed} THEN 1 ELSE 0 END")
        return (
            f"UPDATE {self.table} t SET {', '.join(sets)} FROM {staged} s"
            f' WHERE t.{self.key} = s."{self.staged_key}" AND {where}'
            f' AND ({changed} OR s.stamp > t.stamp COLLATE "C")'
        )

    def _field_stamps(self) -> str:
        """SQL: the stamps of values that are not of the row's own stamp.

        A newer file leaves their old stamp to values it does not carry; an older one marks the gaps it filled.
        """
        newer, older = [], []
        carried = {value.stored: value for value in self.values}
        for column in self.columns or tuple(carried):
            value = carried.get(column)
            if value is None:
                newer.append(
                    f"'{column}', CASE WHEN t.\"{column}\" IS NOT NULL"
                    f" THEN COALESCE(t.field_stamps->>'{column}', t.stamp) END"
                )
                continue
            newer.append(
                f'\'{column}\', CASE WHEN t."{column}" IS NULL AND (s."{value.staged}" IS NULL'
                f" OR t.field_stamps->>'{column}' > s.stamp COLLATE \"C\") THEN t.field_stamps->>'{column}'"
                f' WHEN t."{column}" IS NULL THEN NULL'
                f" WHEN s.\"{value.staged}\" IS NULL THEN COALESCE(t.field_stamps->>'{column}', t.stamp)"
                f" WHEN t.field_stamps->>'{column}' > s.stamp COLLATE \"C\" THEN t.field_stamps->>'{column}' END"
            )
            older.append(f"'{column}', CASE WHEN {self.applies(value)} THEN s.stamp END")
        return (
            f'CASE WHEN s.stamp > t.stamp COLLATE "C" THEN {_objects(newer)}'
            f" WHEN s.stamp = t.stamp THEN t.field_stamps"
            f" ELSE t.field_stamps || {_objects(older)} END"
        )


def _objects(pairs: list[str]) -> str:
    """SQL: one JSON object of all pairs; a call takes at most 50 of them."""
    parts = [pairs[start : start + 45] for start in range(0, len(pairs), 45)] or [[]]
    return "(" + " || ".join(f"jsonb_strip_nulls(jsonb_build_object({', '.join(part)}))" for part in parts) + ")"
