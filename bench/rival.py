"""The same roster through django-import-export, into the same sealed tables with the same history triggers.

It writes every column that our import writes: households, members, and the yearly snapshots of both. It is let off
lightly all the same: it runs no data rules, keeps no faults and no batch, finds villages, households and snapshots in
memory, and its rows are rolled back uncounted. Its time per row is therefore the least it can be.
"""

import time
from pathlib import Path

from django.utils import timezone
from import_export import fields, resources, widgets
from import_export.formats.base_formats import XLSX
from import_export.instance_loaders import CachedInstanceLoader

from households.importing import LIFECYCLE
from households.models import Household, HouseholdYear, Member, MemberYear
from households.sheets import PERSONS
from poverty import crypto, idnumber, scope
from poverty.declarations import Kind
from poverty.uids import uuid7
from regions.models import Region


class CodeWidget(widgets.Widget):
    """A label of one of the register's code lists."""

    def __init__(self, listed):
        super().__init__()
        self.codes = {label: code for code, label in listed.labels.items()}

    def clean(self, value, row=None, **kwargs):
        return self.codes[value] if value else None

    def render(self, value, obj=None, **kwargs):
        return value or ""


class CodesWidget(CodeWidget):
    """Several labels in one cell."""

    def clean(self, value, row=None, **kwargs):
        return [self.codes[label] for label in value.split("、")] if value else None

    def render(self, value, obj=None, **kwargs):
        return "、".join(value or ())


class YesNoWidget(widgets.Widget):
    def clean(self, value, row=None, **kwargs):
        return {"是": True, "否": False}[value] if value else None

    def render(self, value, obj=None, **kwargs):
        return {True: "是", False: "否"}.get(value, "")


def widget_of(column):
    """Return the widget that reads a column of the sheet."""
    match column.kind:
        case Kind.CODE:
            return CodeWidget(column.codes)
        case Kind.CODES:
            return CodesWidget(column.codes)
        case Kind.YES_NO:
            return YesNoWidget()
        case Kind.DATE:
            return widgets.DateWidget("%Y-%m-%d")
        case Kind.INTEGER | Kind.YEAR:
            return widgets.IntegerWidget()
        case Kind.DECIMAL:
            return widgets.DecimalWidget()
        case _:
            return widgets.CharWidget()


def columns_of(target: str) -> dict:
    """Return {stored column: column of the sheet} of what is stored plainly in `target`."""
    found = {}
    for column in PERSONS.columns:
        of, _dot, stored = column.to.partition(".")
        if of == target and stored not in ("cert_no", "phone", "card"):
            found[stored] = column
    return found


def declared(target: str, before: str = "") -> dict[str, fields.Field]:
    """Return the fields of a resource for the sheet's columns of `target`; `before` leads to a related row."""
    return {
        before + stored: fields.Field(
            attribute=before + stored, column_name=column.header, widget=widget_of(column), default=None
        )
        for stored, column in columns_of(target).items()
    }


class MemberResource(resources.ModelResource):
    """A row per person with its year beside it; its household and the household's year are made when first met."""

    class Meta:
        model = Member
        fields = ("person_no",)
        import_id_fields = ("person_no",)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.fields = declared("member") | declared("member_year", "snapshot__")

    def before_import(self, dataset, **kwargs):
        self.today, self.year = timezone.localdate(), kwargs["year"]
        self.origin = {"stamp": kwargs["stamp"], "source_sheet": kwargs["sheet"]}
        self.fields = {name: field for name, field in self.fields.items() if field.column_name in dataset.headers}
        self.readers = {
            target: [
                (stored, column.header, widget_of(column))
                for stored, column in columns_of(target).items()
                if column.header in dataset.headers
            ]
            for target in ("household", "household_year")
        }
        inside = Region.objects.filter(scope.under("code", kwargs["region"]))
        names = dict(inside.values_list("code", "name"))
        self.villages = {
            (names.get(code[:6]), names.get(code[:9]), name): code for code, name in names.items() if len(code) == 12
        }
        self.households = {household.household_no: household for household in Household.objects.all()}
        self.snapshots = {snapshot.member_id: snapshot for snapshot in MemberYear.objects.filter(year=self.year)}

    def after_init_instance(self, instance, new, row, **kwargs):
        found = None if new else self.snapshots.get(instance.pk)
        instance.snapshot = found or MemberYear(year=self.year)

    def before_save_instance(self, instance, row, **kwargs):
        origin = {**self.origin, "source_row": kwargs["row_number"] + 1}
        instance.household = self._household(row, origin)
        instance.village_id = instance.household.village_id
        facts = idnumber.facts(idnumber.normalise(row["证件号码"] or ""), today=self.today)
        instance.birth_precision = "d" if instance.birth_on else None
        instance.cert_no_sealed = crypto.seal("households_member.cert_no", instance.uid, row["证件号码"])
        instance.cert_no_index = crypto.blind("cert", row["证件号码"])
        instance.id_index = crypto.blind("id", facts.identity)
        instance.id_kind, instance.id_fault, instance.id_area = facts.kind, facts.fault, facts.area
        instance.id_birth_on, instance.id_sex = facts.birth_on, facts.sex
        for written in (instance, instance.snapshot):
            for name, value in origin.items():
                setattr(written, name, value)

    def after_save_instance(self, instance, row, **kwargs):
        self._own_snapshot(instance).save()

    @staticmethod
    def _own_snapshot(instance):
        snapshot = instance.snapshot
        snapshot.member_id, snapshot.household_id = instance.pk, instance.household_id
        snapshot.village_id = instance.village_id
        return snapshot

    def after_import(self, dataset, result, **kwargs):
        """Leave the sequences alone: keys come from them here, and the application may not set them."""

    def _household(self, row, origin):
        number = row["户编号"]
        if number not in self.households:
            values = self._read("household", row)
            self.households[number] = household = Household.objects.create(
                uid=uuid7(),
                household_no=number,
                village_id=self.villages[row["县(市、区、旗)"], row["乡(镇)"], row["行政村"]],
                lifecycle=LIFECYCLE.get(values["status"], "POOR"),
                **origin,
                **values,
            )
            HouseholdYear.objects.create(
                household=household,
                village_id=household.village_id,
                year=self.year,
                **origin,
                **self._read("household_year", row),
            )
        return self.households[number]

    def _read(self, target: str, row) -> dict:
        return {
            stored: widget.clean(row[header], row)
            for stored, header, widget in self.readers[target]
            if stored != "household_no"
        }


class BulkMemberResource(MemberResource):
    """As the library's documentation advises for speed: in batches, looked up at once, without differences."""

    class Meta(MemberResource.Meta):
        use_bulk = True
        batch_size = 1000
        skip_diff = True
        instance_loader_class = CachedInstanceLoader

    def after_save_instance(self, instance, row, **kwargs):
        """Nothing yet: a member has no key before its batch is written."""

    def bulk_create(self, *args, **kwargs):
        members = list(self.create_instances)
        super().bulk_create(*args, **kwargs)
        MemberYear.objects.bulk_create([self._own_snapshot(member) for member in members])


def measure(file: Path, *, region: str, year: int, as_of: str, bulk: bool) -> dict:
    """Import the file and take it back; return the seconds from its bytes to the last statement."""
    from django.db import transaction

    from accounts.models import User

    given = {"region": region, "year": year, "stamp": f"{as_of}/{PERSONS.rank}", "sheet": file.name}
    with scope.system("bench", by=User.objects.system()), transaction.atomic():
        begun = time.perf_counter()
        dataset = XLSX().create_dataset(file.read_bytes())
        read = time.perf_counter() - begun
        resource = BulkMemberResource() if bulk else MemberResource()
        result = resource.import_data(dataset, raise_errors=True, **given)
        whole = time.perf_counter() - begun
        made = {model.__name__: model.objects.count() for model in (Household, HouseholdYear, Member, MemberYear)}
        transaction.set_rollback(True)
    if result.total_rows != len(dataset) or made["Member"] != len(dataset) or made["MemberYear"] != len(dataset):
        raise RuntimeError(f"{result.totals} of {len(dataset)} rows, {made}")
    return {"seconds": whole, "rows": len(dataset), "read": round(read, 2), "made": made}


def write_slice(source: Path, target: Path, rows: int) -> int:
    """Write the first `rows` persons of the roster below their header, as a plain table; return how many there were."""
    import python_calamine
    import xlsxwriter

    found = iter(python_calamine.CalamineWorkbook.from_path(str(source)).get_sheet_by_index(0).iter_rows())
    header = next(row for row in found if "人编号" in row)
    written = 0
    with xlsxwriter.Workbook(str(target), {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, header)
        for written, row in enumerate(found, 1):
            sheet.write_row(written, 0, row)
            if written == rows:
                break
    return written
