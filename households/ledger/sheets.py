"""The spreadsheet layouts of the monthly ledger: a line a row, or as counties print it (`households.ledger.wide`)."""

from households.ledger import codes
from poverty import declarations
from poverty.declarations import Column, Kind, Sheet

LEDGER = declarations.sheets.add(
    "ledger",
    Sheet(
        "ledger",
        "逐月收支台账",
        (
            Column(
                "household_no",
                ("户编号", "户号", "贫困户编号", "家庭编号"),
                Kind.OPAQUE,
                required=True,
                note="国家系统户编号，按文本填写；没有户编号时填户主证件号码",
                example="45990110120100001",
            ),
            Column("head_name", ("户主姓名", "户主", "姓名"), Kind.NAME, note="户主姓名", example="张三"),
            Column(
                "head_cert_no",
                ("户主证件号码", "户主身份证号", "户主身份证号码", "户主证件号", "证件号码", "身份证号码"),
                Kind.ID_NUMBER,
                household_wide=True,
                note="户主居民身份证号码；填了户编号时可不填",
            ),
            Column(
                "month",
                ("年月", "月份", "收支月份", "所属年月", "所属月份", "台账月份"),
                Kind.MONTH,
                required=True,
                note="如 2020-05",
                example="2020-05",
                mask="income",
            ),
            Column(
                "category",
                ("收支类别", "类别", "收支项目", "收入类别", "项目", "科目"),
                Kind.CODE,
                codes=codes.CATEGORY,
                required=True,
                note="从下拉列表中选择大类或细类，也可填编码",
                example="务工(区外)",
                mask="income",
            ),
            Column(
                "amount",
                ("金额(元)", "金额", "收支金额", "数额"),
                Kind.AMOUNT,
                unit="yuan",
                required=True,
                note="单位：元，最多两位小数；没有发生填 0，没有采集的留空",
                example="2600",
            ),
            Column(
                "heads",
                ("人数", "务工人数"),
                Kind.INTEGER,
                note="工资性收入填人数",
                example="1",
                mask="income",
            ),
            Column("quantity", ("数量",), Kind.DECIMAL, note="出售或自用的数量", mask="income"),
            Column("price", ("单价", "单价(元)"), Kind.AMOUNT, unit="yuan", note="单位：元"),
            Column("note", ("说明", "备注", "摘要"), Kind.TEXT, note="来源、品种等", mask="income"),
            Column("voucher", ("凭证照片", "凭证", "凭证编号"), Kind.TEXT, note="照片文件名或凭证编号", mask="income"),
            Column("recorded_by", ("采集人", "填报人", "记账人"), Kind.TEXT, note="采集人姓名", mask="income"),
            Column(
                "recorded_on",
                ("采集日期", "采集时间", "填报日期"),
                Kind.DATE,
                note="采集的日期",
                example="2020-06-05",
                mask="income",
            ),
        ),
        max_sheets=2_000,
        needs_year=False,
        needed=("month", "category", "amount"),
        reshape="households.ledger.wide.Wide",
        forms={"wide": ("逐月收支台账（一户一表）", "households.ledger.blank.wide_workbook")},
        handler="households.ledger.previewing.LedgerPreview",
        exporter="households.ledger.exporting.LedgerExport",
    ),
)
