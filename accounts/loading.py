"""Users in bulk from a sheet: every row stands or falls by itself, and says why."""

import csv
import io
import re
import zipfile
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from accounts import actions
from accounts.models import User
from accounts.roles import ROLE_LEVELS, Role

# The labels of the offices' sheet are Chinese in every interface language: it is their form.
ROLE_LABELS = {
    "省级扶贫办": Role.PROVINCE_OFFICE, "市级扶贫办": Role.CITY_OFFICE, "县级扶贫办": Role.COUNTY_OFFICE,
    "乡镇扶贫站": Role.TOWN_OFFICE, "村干部": Role.VILLAGE_CADRE, "帮扶责任人": Role.HELPER, "领导": Role.LEADER,
    "纪检监察": Role.AUDITOR, "行业部门": Role.DEPARTMENT, "系统管理员": Role.SYSTEM_ADMIN,
    "安全管理员": Role.SECURITY_ADMIN, "审计管理员": Role.AUDIT_ADMIN, "群众": Role.RESIDENT,
}  # fmt: skip
COLUMNS = ("用户名", "姓名", "角色", "区划代码", "区划名称", "单位", "电话", "结对户编号")
HEADERS = {
    "username": ("用户名", "账号", "登录名", "username"),
    "full_name": ("姓名", "名字", "name", "full_name"),
    "role": ("角色", "role"),
    "code": ("区划代码", "行政区划代码", "code"),
    "region": ("区划名称", "行政区划", "所属区划", "region"),
    "unit": ("单位", "工作单位", "unit"),
    "phone": ("电话", "办公电话", "联系电话", "phone"),
    "households": ("结对户编号", "户编号", "households"),
}
MAX_BYTES, MAX_ROWS, MAX_COLUMNS, MAX_UNPACKED, MAX_PARTS = 2 * 2**20, 5000, 40, 40 * 2**20, 200
LONGEST = {"username": 150, "full_name": 100, "unit": 200, "phone": 20}


class UnreadableSheet(ValueError):
    """The sheet as a whole cannot be used; the text says why and what to do."""


@dataclass
class UserRow:
    row: int
    values: dict[str, str]
    error: str = ""
    user: User | None = None
    password: str = field(default="", repr=False)


def read_rows(name: str, data: bytes) -> list[UserRow]:
    """Return the rows of a users' sheet (xlsx or csv); UnreadableSheet when there are none to be had."""
    if len(data) > MAX_BYTES:
        raise UnreadableSheet(_("The sheet is larger than 2 MB. Split it, or load it at the server with load_users."))
    cells = _read_xlsx(data) if data[:4] == b"PK\x03\x04" else _read_csv(name, data)
    head = next(((i, row) for i, row in enumerate(cells[:20]) if {"用户名", "username"} & set(row)), None)
    if head is None:
        raise UnreadableSheet(_("There is no column “用户名” in the first 20 rows. Use the blank template."))
    start, header = head
    where = {name: header.index(alias) for name, aliases in HEADERS.items() for alias in aliases if alias in header}
    missing = [COLUMNS[i] for i, name in enumerate(("username", "full_name", "role")) if name not in where]
    if missing:
        raise UnreadableSheet(_("The sheet lacks the columns: %(columns)s.") % {"columns": ", ".join(missing)})
    rows = []
    for number, row in enumerate(cells[start + 1 :], start + 2):
        values = {name: row[at] if at < len(row) else "" for name, at in where.items()}
        if any(values.values()):
            rows.append(UserRow(number, values))
    if not rows:
        raise UnreadableSheet(_("There is no user in the sheet: every row under the header is empty."))
    if len(rows) > MAX_ROWS:
        raise UnreadableSheet(_("The sheet has more than %(count)s users. Split it.") % {"count": MAX_ROWS})
    return rows


def _text(value) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return re.sub(r"[\x00-\x1f\ud800-\udfff]+", " ", "" if value is None else str(value)).strip()[:4000]


def _read_xlsx(data: bytes) -> list[list[str]]:
    broken = UnreadableSheet(_("This is not a readable xlsx file. Save it again from Excel or WPS, without macros."))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED:
                raise broken
            for part in parts:
                lower = part.filename.lower()
                if "vba" in lower or "externallink" in lower or ".." in lower:
                    raise broken
                if lower.endswith((".xml", ".rels")) and re.search(rb"<!(DOCTYPE|ENTITY)", archive.read(part)):
                    raise broken
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its size may be wrong, or meant to hurt
        rows = sheet.iter_rows(max_row=MAX_ROWS + 25, max_col=MAX_COLUMNS, values_only=True)
        return [[_text(value) for value in row] for row in rows]
    except UnreadableSheet:
        raise
    except Exception as error:  # a hostile file may fail the reader in any way
        raise broken from error


def _read_csv(name: str, data: bytes) -> list[list[str]]:
    if b"\x00" in data[:4096]:
        raise UnreadableSheet(_("This is neither xlsx nor csv. Save it as xlsx."))
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise UnreadableSheet(_("The csv file is neither UTF-8 nor GB18030. Save it as xlsx."))
    try:
        rows = [[_text(value) for value in row] for row in csv.reader(io.StringIO(text, newline=""))]
    except csv.Error as error:
        raise UnreadableSheet(_("The csv file is broken. Save it as xlsx.")) from error
    return rows[: MAX_ROWS + 25]


def role_of(text: str) -> str:
    """Return the role named by its label of the sheet, its name in the interface or its code."""
    for role in Role:
        if text in (role.value, str(role.label)):
            return role.value
    if text in ROLE_LABELS:
        return ROLE_LABELS[text].value
    raise ValidationError(_("There is no role “%(text)s”. The template lists them.") % {"text": text[:40]})


def prepare(values: dict[str, str], *, by) -> dict:
    """Return the arguments of `actions.create_user` for a row; ValidationError says what is wrong with it."""
    wanted = {name: values.get(name, "").strip() for name in HEADERS}
    for name, label in (("username", "用户名"), ("full_name", "姓名"), ("role", "角色")):
        if not wanted[name]:
            raise ValidationError(_("“%(column)s” is empty.") % {"column": label})
    for name, limit in LONGEST.items():
        if len(wanted[name]) > limit:
            raise ValidationError(_("“%(text)s…” is too long.") % {"text": wanted[name][:20]})
    role = role_of(wanted["role"])
    region, households = None, []
    place = wanted["code"] or wanted["region"]
    within = by.area_code if by is not None else ""
    if ROLE_LEVELS[role] and place:
        levels = () if wanted["code"] else ROLE_LEVELS[role]
        region = actions.find_region(place, within=within, levels=levels)
    if not ROLE_LEVELS[role]:
        numbers = [number for number in re.split(r"[\s,，、;；]+", wanted["households"]) if number]
        if not numbers:
            raise ValidationError(_("This role needs at least one household: fill in “结对户编号”."))
        households = actions.find_households(numbers, within=within)
    username = actions.normal_username(wanted["username"])
    actions.check_assignment(role=role, region=region, by=by)
    actions.check_person(full_name=wanted["full_name"], phone=wanted["phone"], role=role, by=by)
    return {
        "username": username, "full_name": wanted["full_name"], "role": role, "region": region,
        "households": households, "unit": wanted["unit"], "phone": wanted["phone"],
    }  # fmt: skip


def check_rows(rows: list[UserRow], *, by=None) -> list[UserRow]:
    """Write into each row what is wrong with it, without making any account."""
    names = [actions.normal_username(row.values.get("username", "")) for row in rows]
    taken = {name.casefold() for name in User.objects.filter(username__in=names).values_list("username", flat=True)}
    seen: dict[str, int] = {}
    for row, name in zip(rows, names, strict=True):
        try:
            prepare(row.values, by=by)
            if name.casefold() in taken:
                raise ValidationError(_("This user name is taken. Add the town or a number to it."))
            if name.casefold() in seen:
                first = seen[name.casefold()]
                raise ValidationError(_("The same user name stands in row %(row)s.") % {"row": first})
            seen[name.casefold()] = row.row
        except ValidationError as error:
            row.error = " ".join(error.messages)
    return rows


def make_users(rows: list[UserRow], *, by=None, request=None) -> list[UserRow]:
    """Make an account for every good row; a bad row keeps its error and hinders no other."""
    for row in rows:
        if row.error:
            continue
        try:
            row.user, row.password = actions.create_user(**prepare(row.values, by=by), by=by, request=request)
        except ValidationError as error:
            row.error = " ".join(error.messages)
    return rows


def template() -> bytes:
    """Return the blank sheet: headers, drop-down list of roles, notes, and an example row to be overwritten."""
    book = Workbook()
    sheet = book.active
    sheet.title = "用户"
    notes = {
        "用户名": "登录用，全系统不重复，如 longxi-zhangwei", "角色": "从下拉列表选择",
        "区划代码": "2/4/6/9/12 位，与区划名称填一个即可", "区划名称": "县内唯一时填名称；重名时写 云岭镇/龙溪村",
        "结对户编号": "仅帮扶责任人和群众填写，多户用逗号分开",
    }  # fmt: skip
    sheet.append(COLUMNS)
    sheet.append(("longxi-zhangwei", "张伟", "村干部", "459901100201", "", "龙溪村委会", "07710000000", ""))
    for number, title in enumerate(COLUMNS, 1):
        cell = sheet.cell(1, number)
        cell.font = Font(bold=True)
        if title in notes:
            cell.comment = Comment(notes[title], "")
        sheet.column_dimensions[get_column_letter(number)].width = 20
        for row in range(2, 202):
            sheet.cell(row, number).number_format = "@"
    roles = book.create_sheet("角色")
    for label in ROLE_LABELS:
        roles.append([label])
    choice = DataValidation(type="list", formula1=f"角色!$A$1:$A${len(ROLE_LABELS)}", allow_blank=True)
    choice.error = "请从列表中选择角色"
    choice.showErrorMessage = True
    sheet.add_data_validation(choice)
    choice.add("C2:C5000")
    sheet.freeze_panes = "A2"
    return _bytes(book)


def passwords_book(rows: list[list[str]]) -> bytes:
    """Return a workbook of (user name, name, role, area, one-time password), all as text: never a formula."""
    book = Workbook()
    sheet = book.active
    sheet.title = "初始密码"
    for number, values in enumerate([["用户名", "姓名", "角色", "区划", "初始密码（首次登录须修改）"], *rows], 1):
        for at, value in enumerate(values, 1):
            cell = sheet.cell(number, at)
            cell.value = value
            cell.data_type = "s"
    for at in range(1, 6):
        sheet.column_dimensions[get_column_letter(at)].width = 26
    return _bytes(book)


def _bytes(book: Workbook) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def password_row(row: UserRow) -> list[str]:
    user = row.user
    place = user.region.name if user.region else ""
    return [user.username, user.full_name, str(user.get_role_display()), place, row.password]
