"""Figures that may be published: nothing in them, or in what is left when one is taken from another, is of a few households.

Whoever opens a page in its public variant reads figures through a `Reader`. It answers as `figures` does, and

- regions below the one shown are put together (甲村、乙村) until every number of every group is zero or of enough households;
- parts of a figure (causes, ages, …) are put together likewise, once for the whole area, and stay so further down;
- a region that is put together with others is not shown alone on its own page either, nor what lies below it;
- there are no addresses of lists, no changes since another month, no flows and no places of households.

What is published of an area is therefore a tree of sums: the parts of each are published groups, so a sum less some of its
parts is a sum of others, never a small one. "Enough" is `public.small_cell` of the dated table (3 households). Numbers of
persons are enough when they cannot come from fewer households: more than twice the size of the largest one on file. Of
amounts the households or persons behind them count; an amount of which nobody counts these is not published. Of a
share, also those that are missing to the whole must be none or enough.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from dashboard import figures
from dashboard.figures import Value
from poverty import config
from poverty.declarations import Indicator, Sum, indicators, sums

JOIN = "+"  # between the codes of a group
LARGEST_ROOT = 6  # a town cannot know whether its numbers stand alone in the county's publication
LARGEST_HOUSEHOLD = 30  # where the sizes of households are not kept
SIZES = "H.size"
HOUSEHOLDS = "H"
MONTHS_A_YEAR = 12
NOTHING = Decimal(0)


# --- putting together -----------------------------------------------------------------------------------------------------


def enough(numbers: Sequence, least: Sequence) -> bool:
    """Return whether every number is zero or at least what is asked of it."""
    return not any(0 < number < floor for number, floor in zip(numbers, least, strict=True))


def merge(rows: Sequence[Sequence], least: Sequence) -> list[list[int]]:
    """Return the places of `rows` in groups, in order, so that the sums of each group are zero or `least` and more.

    What is too small joins the nearest group with which it is enough, else the nearest that holds anything of what it
    lacks. One group is left where nothing else helps: then the whole itself may be too small.
    """
    groups = [([place], list(row)) for place, row in enumerate(rows)]

    def joined(one, other):
        return [a + b for a, b in zip(one[1], other[1], strict=True)]

    while len(groups) > 1:
        small = next((at for at, (_places, total) in enumerate(groups) if not enough(total, least)), None)
        if small is None:
            break
        lacks = [0 < number < floor for number, floor in zip(groups[small][1], least, strict=True)]
        near = sorted((at for at in range(len(groups)) if at != small), key=lambda at: (abs(at - small), at))
        other = next((at for at in near if enough(joined(groups[small], groups[at]), least)), None)
        if other is None:
            helps = (at for at in near if any(lack and groups[at][1][n] for n, lack in enumerate(lacks)))
            other = next(helps, near[0])
        groups[other] = (sorted(groups[small][0] + groups[other][0]), joined(groups[small], groups[other]))
        del groups[small]
    return sorted((places for places, _total in groups), key=lambda places: places[0])


# --- what has to be enough of a figure ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """A number that has to be enough: a kept sum, or a sum less another one."""

    name: str
    least: int
    less: str = ""
    amount: str = ""  # what the number counts the households of

    def of(self, row: dict) -> Decimal:
        number = row.get(self.name, NOTHING)
        if not number and self.amount and row.get(self.amount):
            return Decimal(1)  # worked out before the count was kept: of nobody knows how many
        return number - (row.get(self.less, NOTHING) if self.less else NOTHING)


def _counts(declared: Sum) -> bool:
    """Return whether a sum counts households, persons or findings, rather than adding up amounts."""
    return not declared.value or declared.value == "living"


def twin(declared: Sum) -> Sum | None:
    """Return a sum that counts what an amount is taken over."""
    found = [one for one in sums.values() if (one.rows, one.where) == (declared.rows, declared.where) and _counts(one)]
    return next((one for one in found if one.by == declared.by), found[0] if found and not declared.by else None)


def least_of(declared: Sum, floor: int, largest: int, part: bool = False) -> int:
    """Return from which number on what a sum counts must come from `floor` households."""
    each = 1
    if declared.rows == "figure_person" or declared.value == "living":
        each = largest
    elif declared.rows == "figure_month" and not part:
        each = MONTHS_A_YEAR
    return (floor - 1) * each + 1


def of_households(declared: Sum) -> bool:
    return declared.rows != "figure_village"


class Reader:
    """Reads figures for publication, of one reader, the own area `root` and a month."""

    def __init__(self, user, root: str, month: dt.date):
        self.user, self.root, self.month = user, root, month
        self.floor = int(config.value("public.small_cell", root, default=Decimal(3)))
        self._rows: dict[str, dict] = {}
        self._below: dict[str, list[str]] = {}
        self._groups: dict[tuple[str, str], list[list[str]]] = {}
        self._columns: dict[str, list[list[str]]] = {}
        self._checks: dict[str, list[Check] | None] = {}
        self._published: dict[tuple[str, str], bool] = {}
        sizes = [int(name.rpartition(".")[2]) for name in self._row(root) if name.startswith(f"{SIZES}.")
                 and name.rpartition(".")[2].isdigit()]  # fmt: skip
        self.largest = max(sizes, default=LARGEST_HOUSEHOLD) or 1

    # --- rows ------------------------------------------------------------------------------------------------------------

    def _row(self, code: str) -> dict:
        """Return {sum: number} of a region or of a group of regions."""
        missing = [one for one in code.split(JOIN) if one not in self._rows]
        if missing:
            found = figures.read(self.user, missing, self.month, None)
            self._rows.update({one: found.get(one, ({}, None)) for one in missing})
        if JOIN not in code:
            return self._rows[code][0]
        total: dict[str, Decimal] = {}
        for one in code.split(JOIN):
            for name, number in self._rows[one][0].items():
                total[name] = total.get(name, NOTHING) + number
        return total

    def _made_at(self, code: str) -> dt.datetime | None:
        self._row(code)
        return min((at for one in code.split(JOIN) if (at := self._rows[one][1])), default=None)

    def _children(self, code: str) -> list[str]:
        if code not in self._below:
            self._below[code] = figures.child_codes(self.user, code, self.month)
            found = figures.read(self.user, self._below[code], self.month, None)
            self._rows.update({one: found.get(one, ({}, None)) for one in self._below[code]})
        return self._below[code]

    # --- what is published -------------------------------------------------------------------------------------------------

    def columns(self, key: str) -> list[list[str]]:
        """Return the parts of a figure in groups, as the whole area allows it: the same at every level."""
        if key not in self._columns:
            declared = indicators[key].parts
            self._columns[key] = []
            if declared is not None and declared.of and not declared.items:
                row, counted = self._row(self.root), self._part_sum(declared.of)
                start = f"{declared.of}."
                found = {name[len(start):] for name in row if name.startswith(start) and name not in sums}  # fmt: skip
                numbers = {part: row.get(f"{counted.name}.{part}", NOTHING) for part in found} if counted else {}
                parts = figures._ordered(declared, {part: row[f"{start}{part}"] for part in numbers})
                if counted:
                    least = [least_of(counted, self.floor, self.largest, part=True)]
                    self._columns[key] = [
                        [parts[at] for at in places] for places in merge([[numbers[part]] for part in parts], least)
                    ]
        return self._columns[key]

    def _part_sum(self, name: str) -> Sum | None:
        declared = sums[name]
        if _counts(declared):
            return declared
        found = twin(declared)
        return found if found is not None and found.by == declared.by else None

    def checks(self, key: str) -> list[Check] | None:
        """Return what has to be enough of a figure; None for a figure that is not published."""
        if key not in self._checks:
            self._checks[key] = self._checks_of(indicators[key])
        return self._checks[key]

    def _checks_of(self, indicator: Indicator) -> list[Check] | None:
        found = [Check(HOUSEHOLDS, self.floor)]
        names = figures._names(indicator)
        if indicator.parts is not None:
            names += [name for _part, _label, name in self.items(indicator)]
        for name in dict.fromkeys(names):
            declared = sums.get(figures._declared_of(name))
            if declared is None:
                return None
            if not of_households(declared):
                continue
            counted = declared if _counts(declared) else twin(declared)
            if counted is None:
                return None
            amount = "" if counted is declared else name
            found.append(Check(counted.name, least_of(counted, self.floor, self.largest), amount=amount))
            whole = sums.get(indicator.denominator)
            alike = whole is not None and (whole.rows, whole.value) == (counted.rows, counted.value)
            if alike and indicator.unit == "%" and whole.name != counted.name:
                found.append(Check(whole.name, least_of(whole, self.floor, self.largest), less=counted.name))
        return list(dict.fromkeys(found))

    def items(self, indicator: Indicator) -> list[tuple[str, str, str]]:
        """Return the items of a figure that the whole area has enough of; they overlap and cannot be put together."""
        row, found = self._row(self.root), []
        for item in indicator.parts.items:
            declared = sums.get(item[2])
            counted = declared if declared is None or _counts(declared) else twin(declared)
            if counted is None:
                continue
            checks = [Check(counted.name, least_of(counted, self.floor, self.largest))]
            whole = sums.get(indicator.denominator)
            if (
                indicator.unit == "%"
                and whole is not None
                and (whole.rows, whole.value) == (counted.rows, counted.value)
            ):
                checks.append(Check(whole.name, checks[0].least, less=counted.name))
            if not of_households(counted) or all(enough([one.of(row)], [one.least]) for one in checks):
                found.append(item)
        return found

    def _numbers(self, key: str, code: str) -> tuple[list[Decimal], list[int]]:
        """Return the numbers of a region that have to be enough, and from when on they are."""
        row, checks = self._row(code), self.checks(key) or []
        numbers, least = [one.of(row) for one in checks], [one.least for one in checks]
        columns = self.columns(key)
        if columns:
            counted = self._part_sum(indicators[key].parts.of)
            for parts in columns:
                numbers.append(sum((row.get(f"{counted.name}.{part}", NOTHING) for part in parts), NOTHING))
                least.append(least_of(counted, self.floor, self.largest, part=True))
        return numbers, least

    def groups(self, key: str, code: str) -> list[list[str]]:
        """Return the regions right below `code` in the groups that are published of a figure; none where it is not."""
        if (key, code) not in self._groups:
            found: list[list[str]] = []
            children = self._children(code)
            if children and self.published(key, code):
                rows = [self._numbers(key, child) for child in children]
                found = [[children[at] for at in places] for places in merge([n for n, _ in rows], rows[0][1])]
            self._groups[key, code] = found
        return self._groups[key, code]

    def published(self, key: str, code: str) -> bool:
        """Return whether a figure of a region or of a group is published: it is enough, and so up to the whole area."""
        if (key, code) not in self._published:
            self._published[key, code] = self._is_published(key, code)
        return self._published[key, code]

    def _is_published(self, key: str, code: str) -> bool:
        indicator = indicators[key]
        if indicator.series is not None:
            return True
        if self.checks(key) is None or not code.startswith(self.root):
            return False
        if code == self.root:
            return enough(*self._numbers(key, code))
        members = code.split(JOIN)
        above = next(n for n in reversed(figures.LENGTHS) if n < len(members[0]))
        parent = members[0][: max(above, len(self.root))]
        return members in self.groups(key, parent)

    def merged_with(self, key: str, code: str) -> list[str]:
        """Return the regions that a region is put together with, itself among them; none where it stands alone."""
        above = next((n for n in reversed(figures.LENGTHS) if n < len(code)), 0)
        found = (
            next((group for group in self.groups(key, code[:above]) if code in group), []) if code != self.root else []
        )
        return found if len(found) > 1 else []

    def below(self, key: str, code: str, names: dict[str, str]) -> dict[str, str]:
        """Return {code of a group: its name} of the regions below."""
        if indicators[key].series is not None:
            return {}
        return {
            JOIN.join(group): "、".join(names[one] for one in group if one in names)
            for group in self.groups(key, code)
            if any(one in names for one in group)
        }

    # --- reading, as `figures` ---------------------------------------------------------------------------------------------

    def many(self, user, keys, codes, month=None) -> dict[str, dict[str, Value]]:
        return {key: self.values(user, key, codes, month) for key in keys}

    def values(self, user, key: str, codes, month=None) -> dict[str, Value]:
        indicator = indicators[key]
        return {
            code: figures._value(indicator, self._row(code), self._made_at(code), "")
            for code in codes
            if self._made_at(code) and self.published(key, code)
        }

    def history(self, user, keys, code: str, months) -> dict[str, list[tuple[dt.date, Value]]]:
        """Return the months of the whole area; of a region inside only the month that is looked at."""
        found: dict[str, list[tuple[dt.date, Value]]] = {key: [] for key in keys}
        for month in sorted(months) if code == self.root else [self.month]:
            reader = self if month == self.month else Reader(self.user, self.root, month)
            for key in keys:
                found[key] += [(month, value) for value in reader.values(user, key, [code]).values()]
        return found

    def parts(self, user, key: str, code: str, month=None) -> list[tuple[str, str, Decimal, str]]:
        return self.parts_of(user, key, [code], month).get(code, [])

    def parts_of(self, user, key: str, codes, month=None) -> dict[str, list[tuple[str, str, Decimal, str]]]:
        declared = indicators[key].parts
        if declared is None:
            return {}
        made: Callable = self._profile if declared.profile else self._items if declared.items else self._merged
        return {code: made(key, code) for code in codes if self.published(key, code)}

    def _profile(self, key: str, code: str) -> list[tuple[str, str, Decimal, str]]:
        found = []
        for part, label, other in indicators[key].parts.profile:
            value = self.values(self.user, other, [code]).get(code)
            if value is not None and value.value is not None:
                found.append((part, str(_(label)), value.value, ""))
        return found

    def _items(self, key: str, code: str) -> list[tuple[str, str, Decimal, str]]:
        row = self._row(code)
        return [(part, str(_(label)), row.get(name, NOTHING), "") for part, label, name in self.items(indicators[key])]

    def _merged(self, key: str, code: str) -> list[tuple[str, str, Decimal, str]]:
        row, declared, found = self._row(code), indicators[key].parts, []
        for parts in self.columns(key):
            number = sum((row.get(f"{declared.of}.{part}", NOTHING) for part in parts), NOTHING)
            if number:
                named = [(part, figures._label_of(declared, part), NOTHING, "") for part in parts]
                labels = [label for _part, label, *_rest in (figures._named(named) if declared.regions else named)]
                found.append((JOIN.join(parts), _together(labels), number, ""))
        return found

    def whole_parts(self, key: str) -> bool:
        """Return whether no part of a figure had to be put together."""
        return all(len(parts) == 1 for parts in self.columns(key))


def _together(labels: list[str]) -> str:
    if len(labels) > 4:
        return _("%(first)s to %(last)s, %(number)s parts") % {
            "first": labels[0], "last": labels[-1], "number": len(labels)
        }  # fmt: skip
    return "、".join(labels)


def may_publish(root: str) -> bool:
    """Return whether somebody with this area can make the public variant: counties and what is above them."""
    return bool(root) and len(root) <= LARGEST_ROOT
