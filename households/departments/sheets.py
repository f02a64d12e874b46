"""Layouts of the lists that departments send: who, and only the fields that the matching rules need.

All of them share the columns that tell who a row is about; what else a list says goes into `SourceRow.data` under the
column's field name. A column may be absent from a file; a row needs a name or an identity number. The people and
numbers in the examples are invented.
"""

from households import codes
from households.departments import codes as lists
from poverty import declarations
from poverty.declarations import Column, Kind, Sheet

HANDLER = "households.departments.importing.DepartmentImport"
SEQ = Column("seq", ("序号", "编号", "行号", "No"), Kind.IGNORE, example="示例")
WHO = {"name", "cert_no", "birth_on", "other_name", "other_cert_no"}  # what does not go into `data`


def _text(field: str, *aliases: str, example: str = "", note: str = "") -> Column:
    return Column(field, aliases, Kind.TEXT, f"data.{field}", note=note, example=example)


def _date(field: str, *aliases: str, example: str = "") -> Column:
    return Column(field, aliases, Kind.DATE, f"data.{field}", note="日期，如 2020-05-01", example=example)


def _code(field: str, *aliases: str, codes, example: str = "", note: str = "") -> Column:
    note = note or "从下拉列表中选择：" + "、".join(codes.labels.values())
    return Column(field, aliases, Kind.CODE, f"data.{field}", codes=codes, note=note, example=example)


def _amount(field: str, *aliases: str, example: str = "", note: str = "单位：元") -> Column:
    return Column(field, aliases, Kind.AMOUNT, f"data.{field}", unit="yuan", note=note, example=example)


def _number(field: str, *aliases: str, kind: Kind = Kind.DECIMAL, example: str = "", note: str = "") -> Column:
    return Column(field, aliases, kind, f"data.{field}", note=note, example=example)


def _yes_no(field: str, *aliases: str, example: str = "否") -> Column:
    return Column(field, aliases, Kind.YES_NO, f"data.{field}", note="填“是”或“否”", example=example)


def _who(*, name=(), cert=(), birth=True) -> tuple[Column, ...]:
    """Return the columns that tell who a row is about; `name` and `cert` are this list's own words for them."""
    found = [
        SEQ,
        Column("region_county", ("县(市、区)", "县(市、区、旗)", "县区", "县", "区县"), Kind.REGION, level="county", example="示例县"),
        Column("region_town", ("乡(镇)", "乡镇", "乡(镇、街道)", "所属乡镇", "镇", "街道"), Kind.REGION, level="town", example="示例镇"),
        Column(
            "region_village",
            ("行政村", "村", "村(社区)", "行政村(社区)", "所属村", "户籍村", "村名", "所在村", "户籍所在村", "村(居)"),
            Kind.REGION,
            level="village",
            note="所在行政村；不清楚时留空",
            example="示例村",
        ),
        Column(
            "name",
            (*name, "姓名", "人员姓名", "名字", "本人姓名", "当事人姓名"),
            Kind.NAME,
            required=True,
            household_wide=True,
            note="与身份证一致",
            example="张示例",
        ),
        Column(
            "cert_no",
            (*cert, "身份证号码", "身份证号", "公民身份号码", "证件号码", "身份证", "居民身份证号码", "身份号码", "证件号"),
            Kind.ID_NUMBER,
            required=True,
            household_wide=True,
            sealed=True,
            note="按文本填写，18位",
            example="459901198001010019",
        ),
    ]  # fmt: skip
    if birth:
        found.append(
            Column(
                "birth_on",
                ("出生日期", "出生年月", "出生年月日", "生日"),
                Kind.DATE,
                household_wide=True,
                note="没有身份证号码时请务必填写，用于核对",
                example="1980-01-01",
            )
        )
    return tuple(found)


def _other(name: tuple[str, ...], cert: tuple[str, ...]) -> tuple[Column, ...]:
    """Return the columns of a second person of the row: a spouse, the applicant of the household."""
    return (
        Column("other_name", name, Kind.NAME, example="李示例"),
        Column("other_cert_no", cert, Kind.ID_NUMBER, sealed=True, note="按文本填写，18位", example=""),
    )


def _add(kind: str, title: str, department: str, *columns: Column) -> Sheet:
    sheet = Sheet(
        kind, title, columns, needs_year=False, household_key="cert_no", handler=HANDLER, page="departments:batch",
        department=department,
    )  # fmt: skip
    return declarations.sheets.add(kind, sheet)


VEHICLES = _add(
    "vehicles",
    "机动车登记信息",
    "公安局",
    *_who(name=("所有人", "机动车所有人", "车主姓名", "车主"), cert=("所有人身份证号码", "车主身份证号")),
    _text("vehicle_type", "车辆类型", "机动车类型", "车型", "车辆种类", example="小型轿车"),
    _text("status", "机动车状态", "车辆状态", "状态", example="正常"),
    _date("register_on", "初次登记日期", "注册登记日期", "登记日期", "上牌日期", example="2019-05-06"),
    _date("gone_on", "转移注销日期", "注销日期", "转移日期", "过户日期", "报废日期"),
    _amount("value_yuan", "车辆价值", "估价", "购置价", "价值", example="45000"),
)
ENTERPRISES = _add(
    "enterprises",
    "市场主体登记信息",
    "市场监督管理局",
    *_who(name=("人员姓名", "法定代表人(负责人)")),
    _text("firm", "企业名称", "市场主体名称", "单位名称", "名称", "字号名称", example="示例县某某经营部"),
    _text("firm_type", "企业类型", "市场主体类型", "主体类型", "类型", example="个体工商户"),
    _text("role", "人员身份", "身份", "职务", "任职类型", "人员类型", example="经营者"),
    _text("status", "登记状态", "经营状态", "企业状态", "状态", example="存续"),
    _date("register_on", "成立日期", "注册日期", "登记日期", "开业日期", example="2018-03-02"),
    _date("gone_on", "注销日期", "吊销日期", "退出日期", "转让日期"),
)
ESTATE = _add(
    "estate",
    "不动产登记信息",
    "自然资源局",
    *_who(name=("权利人", "权利人姓名", "产权人", "所有权人"), cert=("权利人证件号码", "权利人身份证号")),
    _text("use", "用途", "规划用途", "房屋用途", "不动产用途", example="住宅"),
    _text("estate_type", "房屋性质", "不动产类型", "房屋类型", "权利类型", "类型", example="市场化商品房"),
    _text("place", "坐落区域", "城乡区域", "区域类别", "所在区域", example="城镇"),
    _yes_no("relocation", "是否易地扶贫搬迁房", "是否易地搬迁安置房", "易地搬迁房", "是否搬迁安置房"),
    _number("area_m2", "建筑面积", "房屋面积", "面积", example="98.5", note="单位：平方米"),
    _text("status", "权属状态", "登记状态", "状态", example="现势"),
    _date("register_on", "登记日期", "登记时间", "发证日期", example="2017-11-20"),
    _date("gone_on", "转移注销日期", "转移日期", "注销日期", "转让日期"),
)
PAYROLL = _add(
    "payroll",
    "财政供养人员名单",
    "财政局",
    *_who(),
    _code("pay_kind", "人员类别", "人员类型", "供养类别", "类别", codes=lists.PAY_KIND, example="在职"),
    _text("unit", "工作单位", "单位名称", "单位", "供养单位", example="示例县某局"),
    _amount("amount_yuan", "月工资", "月发放金额", "应发工资", "金额", example="4200", note="单位：元/月"),
    _date("from_on", "供养起始日期", "入职日期", "起始日期", "参加工作时间"),
    _date("until_on", "停发日期", "离职日期", "终止日期"),
)
DEATHS = _add(
    "deaths",
    "死亡人员信息",
    "公安局",
    *_who(name=("死者姓名", "死亡人员姓名"), cert=("死者身份证号", "死亡人员身份证号")),
    _date("died_on", "死亡日期", "死亡时间", "去世日期", example="2020-03-01"),
    _text("evidence", "信息来源", "登记类别", "证明类型", "注销原因", example="户籍注销"),
)
HUKOU = _add(
    "hukou",
    "户籍信息",
    "公安局",
    *_who(),
    _number("book_no", "户号", "户籍户号", "户口簿号", kind=Kind.OPAQUE, example="459901000012"),
    _code("relation", "与户主关系", "户内关系", "家庭关系", codes=lists.RELATION_GB4761, example="户主", note="按户口簿填写（GB/T 4761）"),
    _code("state", "户籍状态", "户口状态", "人员状态", "状态", codes=lists.HUKOU_STATE, example="正常"),
    _date("moved_on", "迁移注销日期", "变动日期", "迁出日期", "注销日期"),
    _text("moved_to", "迁往地", "迁出地址", "迁往地址", "现户籍地"),
)  # fmt: skip
PENSION = _add(
    "pension",
    "养老保险参保及待遇信息",
    "人力资源和社会保障局",
    *_who(),
    _code("pension_kind", "险种类型", "险种", "保险类型", "参保险种", codes=lists.PENSION_KIND, example="城镇职工"),
    _text("state", "参保状态", "缴费状态", "人员状态", "状态", example="参保缴费"),
    _text("unit", "参保单位", "单位名称", "缴费单位"),
    _date("paid_to", "最近缴费年月", "缴费截止年月", "最后缴费年月", example="2020-11"),
    _amount("amount_yuan", "月养老金", "月待遇金额", "养老待遇", "月发放金额", note="单位：元/月"),
)
MEDICAL = _add(
    "medical",
    "基本医疗保险参保信息",
    "医疗保障局",
    *_who(),
    _code("med_kind", "险种类型", "参保类型", "险种", "医保类型", codes=lists.MED_KIND, example="城乡居民"),
    _number("year", "参保年度", "年度", "缴费年度", kind=Kind.YEAR, example="2020"),
    _text("place", "参保地", "参保统筹区", "统筹区", "参保地区", example="示例县"),
    _yes_no("elsewhere", "是否异地参保", "异地参保"),
    _text("state", "参保状态", "缴费状态", "状态", example="正常参保"),
)
DIBAO = _add(
    "dibao",
    "低保特困对象名单",
    "民政局",
    *_who(name=("保障对象姓名", "对象姓名")),
    *_other(("申请人姓名", "户主姓名", "户主"), ("申请人身份证号", "户主身份证号", "户主证件号码", "申请人证件号码")),
    _code("allow_kind", "救助类别", "保障类别", "对象类别", "救助类型", "保障类型", codes=lists.ALLOW_KIND, example="农村低保"),
    _amount("amount_yuan", "月保障金额", "保障金额", "月补助金额", "月救助金额", "发放金额", note="单位：元/月", example="320"),
    _date("since_on", "享受起始日期", "起始日期", "批准日期", "纳入日期"),
    _date("until_on", "停发日期", "退出日期", "停保日期"),
)  # fmt: skip
DISABILITY = _add(
    "disability",
    "持证残疾人信息",
    "残疾人联合会",
    *_who(cert=("残疾人证号", "残疾证号")),
    _code("dis_type", "残疾类别", "残疾类型", "残疾种类", codes=codes.DISABILITY_TYPE, example="肢体"),
    _code("dis_level", "残疾等级", "残疾级别", "等级", codes=codes.DISABILITY_LEVEL, example="二级"),
    _text("status", "证件状态", "持证状态", "状态", example="有效"),
    _date("issued_on", "发证日期", "办证日期", "签发日期"),
)
SCHOOL = _add(
    "school",
    "学籍信息",
    "教育局",
    *_who(name=("学生姓名",), cert=("学生身份证号", "身份证件号")),
    _code("stage", "学段", "就读学段", "学习阶段", codes=lists.STAGE, example="小学"),
    _text("grade", "年级", "就读年级", example="三年级"),
    _text("status", "学籍状态", "学生状态", "在读状态", "状态", example="在读"),
    _date("since_on", "入学日期", "入学年月", "入学时间"),
)
BILLS = _add(
    "bills",
    "医疗费用信息",
    "医疗保障局",
    *_who(name=("患者姓名",), cert=("患者身份证号",)),
    _number("year", "年度", "费用年度", "结算年度", kind=Kind.YEAR, example="2020"),
    _amount("total_yuan", "医疗总费用", "总费用", "费用总额", example="32000"),
    _amount("self_paid_yuan", "个人自付金额", "个人自付", "自付金额", "个人负担金额", "自付费用", example="12500"),
    _date("settled_on", "结算日期", "出院日期", "就诊日期"),
)
MACHINERY = _add(
    "machinery",
    "农业机械登记信息",
    "农业农村局",
    *_who(name=("所有人", "机主姓名", "机主", "购机者姓名"), cert=("机主身份证号", "购机者身份证号")),
    _text("machine_type", "机具类型", "农机类型", "机具名称", "机具品目", "机械种类", example="联合收割机"),
    _amount("value_yuan", "购置价格", "机具价值", "销售价格", "购机价格", "价值", example="68000"),
    _text("status", "机具状态", "登记状态", "状态", example="在用"),
    _date("bought_on", "购置日期", "登记日期", "购机日期", example="2019-04-10"),
    _date("gone_on", "报废转让日期", "注销日期", "转让日期", "报废日期"),
)
REBUILD = _add(
    "rebuild",
    "农村危房改造信息",
    "住房和城乡建设局",
    *_who(name=("户主姓名", "改造对象", "户主"), cert=("户主身份证号", "户主证件号码")),
    _code("progress", "改造进度", "改造状态", "工程进度", "进度", codes=lists.PROGRESS, example="已竣工"),
    _code("grade_before", "改造前鉴定等级", "鉴定等级", "危房等级", "房屋等级", codes=codes.HOUSE_GRADE, example="D级"),
    _number("year", "改造年度", "年度", "任务年度", kind=Kind.YEAR, example="2019"),
    _date("finished_on", "竣工日期", "验收日期", "完工日期"),
)
MARRIAGE = _add(
    "marriage",
    "婚姻登记信息",
    "民政局",
    *_who(name=("男方姓名",), cert=("男方身份证号码", "男方身份证号", "男方证件号码", "男方身份证件号"), birth=True),
    *_other(
        ("女方姓名", "配偶姓名", "对方姓名"),
        (
            *("女方身份证号码", "女方身份证号", "女方证件号码", "女方身份证件号", "配偶身份证号码", "配偶身份证号"),
            *("配偶证件号码", "对方身份证号"),
        ),
    ),
    _code("state", "登记类型", "业务类型", "登记业务", "婚姻状态", codes=lists.MARRIAGE_STATE, example="结婚登记"),
    _date("registered_on", "登记日期", "结婚日期", "办理日期", example="2016-10-01"),
)
PRISON = _add(
    "prison",
    "服刑羁押戒毒人员信息",
    "司法局",
    *_who(),
    _text("detention", "人员类别", "羁押类别", "类别", "执行类别", example="服刑"),
    _date("from_on", "收押日期", "入监日期", "起始日期", "入所日期", example="2019-09-01"),
    _date("until_on", "释放日期", "刑满日期", "出监日期", "出所日期", "截止日期"),
)
LABOUR = _add(
    "labour",
    "劳务输转及用电信息",
    "人力资源和社会保障局",
    *_who(),
    _code("work_area", "务工地点", "务工区域", "就业区域", codes=codes.WORK_AREA, example="省外"),
    _number("months_away", "外出务工月数", "务工月数", "外出月数", "务工时长(月)", example="10", note="一年内在外月数，0–12"),
    _number("power_months", "正常用电月数", "用电月数", "有用电量月数", example="12", note="一年内家庭正常用电的月数，0–12"),
    _number("power_kwh", "月均用电量", "户月均用电量", "用电量", example="85", note="单位：千瓦时/月"),
)  # fmt: skip
ONECARD = _add(
    "onecard",
    "惠农补贴一卡通发放信息",
    "财政局",
    *_who(name=("领款人", "收款人姓名", "领取人"), cert=("领款人身份证号", "收款人身份证号")),
    _code("item", "补贴项目", "项目名称", "补贴名称", "发放项目", "项目", codes=lists.ITEM, example="农业补贴"),
    _amount("amount_yuan", "发放金额", "补贴金额", "金额", "实发金额", example="260"),
    _date("paid_on", "发放日期", "支付日期", "打卡日期", "发放年月", "到账日期", example="2020-06-15"),
)
KINDS = (
    *("vehicles", "enterprises", "estate", "payroll", "deaths", "hukou", "pension", "medical", "dibao", "disability"),
    *("school", "bills", "machinery", "rebuild", "marriage", "prison", "labour", "onecard"),
)


def data_columns(sheet: Sheet) -> list[Column]:
    """Return the columns that go into `SourceRow.data`."""
    return [column for column in sheet.columns if column.to.startswith("data.")]
