"""The same roster through django-import-export, into the same sealed tables with the same history triggers.

It is let off lightly: it writes households and members but no yearly snapshots, checks nothing but the codes, finds
households in memory, and its rows are rolled back uncounted. Its time per row is therefore the least it can be.
"""

import time
from pathlib import Path

from django.utils import timezone
from import_export import fields, resources, widgets
from import_export.formats.base_formats import XLSX

from households import codes
from households.models import Household, Member
from poverty import crypto, idnumber, scope
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


def _coded(attribute: str, header: str, listed):
    return fields.Field(attribute=attribute, column_name=header, widget=CodeWidget(listed))


class MemberResource(resources.ModelResource):
    """A row per person; its household is made when it is first met."""

    person_no = fields.Field(attribute="person_no", column_name="人编号")
    name = fields.Field(attribute="name", column_name="姓名")
    sex = _coded("sex", "性别", codes.SEX)
    birth_on = fields.Field(attribute="birth_on", column_name="出生日期", widget=widgets.DateWidget("%Y-%m-%d"))
    relation = _coded("relation", "与户主关系", codes.RELATION)
    ethnicity = _coded("ethnicity", "民族", codes.ETHNICITY)

    class Meta:
        model = Member
        fields = ("person_no", "name", "sex", "birth_on", "relation", "ethnicity")
        import_id_fields = ("person_no",)

    def before_import(self, dataset, **kwargs):
        self.today = timezone.localdate()
        inside = Region.objects.filter(scope.under("code", kwargs["region"]))
        names = dict(inside.values_list("code", "name"))
        self.villages = {
            (names.get(code[:6]), names.get(code[:9]), name): code for code, name in names.items() if len(code) == 12
        }
        self.households = {household.household_no: household for household in Household.objects.all()}

    def before_save_instance(self, instance, row, **kwargs):
        instance.household = self._household(row)
        instance.village_id = instance.household.village_id
        facts = idnumber.facts(idnumber.normalise(row["证件号码"] or ""), today=self.today)
        instance.cert_no_sealed = crypto.seal("households_member.cert_no", instance.uid, row["证件号码"])
        instance.cert_no_index = crypto.blind("id", row["证件号码"])
        instance.id_index = crypto.blind("id", facts.identity)
        instance.id_kind, instance.id_fault, instance.id_area = facts.kind, facts.fault, facts.area
        instance.id_birth_on, instance.id_sex = facts.birth_on, facts.sex

    def after_import(self, dataset, result, **kwargs):
        """Leave the sequences alone: keys come from them here, and the application may not set them."""

    def _household(self, row):
        number = row["户编号"]
        if number not in self.households:
            kinds, states = CodeWidget(codes.HOUSEHOLD_TYPE), CodeWidget(codes.STATUS)
            self.households[number] = Household.objects.create(
                uid=uuid7(),
                household_no=number,
                village_id=self.villages[row["县(市、区、旗)"], row["乡(镇)"], row["行政村"]],
                household_type=kinds.clean(row["贫困户属性"]),
                status=states.clean(row["脱贫属性"]),
                main_cause=CodeWidget(codes.CAUSE).clean(row["主要致贫原因"]),
                exit_year=int(row["脱贫年度"]) if row["脱贫年度"] else None,
            )
        return self.households[number]


class BulkMemberResource(MemberResource):
    class Meta(MemberResource.Meta):
        use_bulk = True
        batch_size = 1000
        skip_diff = True


def measure(file: Path, *, region: str, bulk: bool) -> dict:
    """Import the file and take it back; return the seconds from its bytes to the last statement."""
    from django.db import transaction

    from accounts.models import User

    with scope.system("bench", by=User.objects.system()), transaction.atomic():
        begun = time.perf_counter()
        dataset = XLSX().create_dataset(file.read_bytes())
        read = time.perf_counter() - begun
        resource = BulkMemberResource() if bulk else MemberResource()
        result = resource.import_data(dataset, raise_errors=True, region=region)
        whole = time.perf_counter() - begun
        made = Member.objects.count()
        transaction.set_rollback(True)
    if result.total_rows != len(dataset) or made != len(dataset):
        raise RuntimeError(f"{result.totals} of {len(dataset)} rows, {made} members")
    return {"seconds": whole, "rows": len(dataset), "read": round(read, 2)}


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
