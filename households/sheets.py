"""Spreadsheet layouts of the register: the person roster and the household and income sheet.

Headers and aliases follow the official layouts; the first alias of a column is what templates and exports write. The
people and numbers in the examples are invented.
"""

from households import codes
from poverty import declarations
from poverty.declarations import CodeList, Column, Kind, Sheet

HAS = "填“是”或“否”；不清楚时留空，不要填“否”"
EXAMPLE_HOUSEHOLD_NO = "45990110120100001"


def _pick(codes_: CodeList) -> str:
    return "从下拉列表中选择：" + "、".join(codes_.labels.values())


def _mask(to: str) -> str:
    """Return who sees a plain value: what a household's year holds goes with its income."""
    return "income" if to.startswith("household_year.") else ""


def _yes_no(field: str, *aliases: str, to: str, wide: bool = False, example: str = "否") -> Column:
    return Column(field, aliases, Kind.YES_NO, to, household_wide=wide, note=HAS, example=example, mask=_mask(to))


def _code(
    field, *aliases, to, codes: CodeList, kind=Kind.CODE, wide=False, required=False, note="", example="", mask=""
):
    """Return a column with a code list; its note lists the labels unless `note` says something else."""
    return Column(
        field,
        aliases,
        kind,
        to,
        codes=codes,
        household_wide=wide,
        required=required,
        note=note or _pick(codes),
        example=example,
        mask=mask or _mask(to),
    )


def _amount(field: str, *aliases: str, to: str, note: str = "", example: str = "0", **more) -> Column:
    note = note or "单位：元/年，最多两位小数"
    return Column(field, aliases, Kind.AMOUNT, to, unit="yuan", note=note, example=example, **more)


def _area(field: str, *aliases: str, to: str, unit: str = "亩", example: str = "0") -> Column:
    return Column(field, aliases, Kind.DECIMAL, to, note=f"单位：{unit}", example=example, mask=_mask(to))


def _regions(*, wide: bool) -> tuple[Column, ...]:
    """Return the place columns, province to hamlet; the names are resolved against the region tree."""

    def place(level, *aliases, required=False, to="", note="", example=""):
        return Column(
            f"region_{level}",
            aliases,
            Kind.REGION,
            to,
            required=required,
            household_wide=wide,
            level=level,
            note=note,
            example=example,
        )

    return (
        place(
            "province",
            *("省(区市)", "省(区、市)", "省(自治区、直辖市)", "省", "省份", "省(市、区)", "省区"),
            note="省级名称，可不填",
            example="示例省",
        ),
        place(
            "city",
            *("市", "市(州)", "市(地、州、盟)", "地级市", "地市", "市州", "市(地)", "设区市"),
            note="地级名称，可不填",
            example="示例市",
        ),
        place(
            "county",
            *(
                "县(市、区、旗)",
                "县区",
                "县(市、区)",
                "县(区)",
                "县",
                "区县",
                "县市区",
                "县(市区)",
                "县(区、市)",
                "区(县)",
                "市县",
            ),
            required=True,
            note="县级名称，如“示例县”",
            example="示例县",
        ),
        place(
            "town",
            *(
                "乡(镇)",
                "乡镇",
                "乡镇(街道)",
                "镇",
                "镇(乡)",
                "乡",
                "乡(镇、街道)",
                "乡镇街道",
                "乡镇名称",
                "街道(乡镇)",
            ),
            required=True,
            note="乡镇或街道名称",
            example="云岭镇",
        ),
        place(
            "village",
            *(
                "行政村",
                "村",
                "行政村(社区)",
                "村(社区)",
                "村(居)",
                "村名",
                "行政村名称",
                "所在村",
                "村委会",
                "行政村(居)",
            ),
            required=True,
            note="行政村或社区名称；找不到所属行政村的行会被退回",
            example="石桥村",
        ),
        place(
            "hamlet",
            *("自然村", "屯", "村民小组", "自然村(屯)", "自然屯", "组", "村民小组(屯)", "自然村(组)", "屯(组)", "小组"),
            to="household.hamlet_name",
            note="自然村、屯或村民小组名称，可不填",
            example="上屯",
        ),
    )


SEQ = Column("seq", ("序号", "NO", "No.", "行号"), Kind.IGNORE, note="顺序号，不入库", example="1")

HOUSEHOLD_NO = Column(
    "household_no",
    ("户编号", "家庭编号", "户编码", "户号", "贫困户编号", "家庭编码", "脱贫户编号"),
    Kind.OPAQUE,
    "household.household_no",
    required=True,
    note="系统分配的户编号，按文本填写；没有时留空并填写户主证件号码",
    example=EXAMPLE_HOUSEHOLD_NO,
)

CERT_ALIASES = (
    *(
        "证件号码",
        "身份证号",
        "身份证号码",
        "公民身份号码",
        "身份证",
        "证件号",
        "公民身份证号码",
        "公民身份证号",
        "居民身份证号码",
    ),
    *(
        "居民身份证号",
        "身份号码",
        "成员证件号码",
        "成员身份证号",
        "成员身份证号码",
        "身份证件号码",
        "身份证(残疾证)号码",
        "证件编号",
    ),
)

PHONE_ALIASES = (
    "联系电话",
    "户联系电话",
    "人联系电话",
    "电话",
    "手机号码",
    "手机号",
    "联系方式",
    "电话号码",
    "手机",
    "家庭联系电话",
)

BANK_ALIASES = ("开户银行", "开户银行名称", "开户行", "开户银行(名称)", "银行名称", "开户行名称")

CARD_ALIASES = (
    "银行卡号",
    "一卡通账号",
    "银行账号",
    "一卡通卡号",
    "一卡通",
    "银行帐号",
    "一卡通帐号",
    "账号",
    "帐号",
    "银行卡账号",
)

AS_OF = Column(
    "as_of",
    ("数据日期", "数据时间", "数据截止日期", "截止日期"),
    Kind.DATE,
    note="数据对应的日期，如 2020-12-31；不填时用上传时填写的日期",
    example="2020-12-31",
)


def _head_name(*, required: bool, wide: bool) -> Column:
    return Column(
        "head_name",
        ("户主姓名", "户主", "户主名称", "户主名字"),
        Kind.NAME,
        required=required,
        household_wide=wide,
        note="户主姓名，用于核对所属家庭",
        example="岑山水",
        export=required,
    )


def _head_cert_no(*, required: bool, wide: bool) -> Column:
    return Column(
        "head_cert_no",
        (
            *("户主证件号码", "户主身份证号", "户主身份证号码", "户主证件号", "户主公民身份号码", "户主身份证"),
            *("户主居民身份证号码", "户主公民身份证号码"),
        ),
        Kind.ID_NUMBER,
        required=required,
        household_wide=wide,
        sealed=True,
        note="户主的身份证号，按文本填写，防止丢失末尾数字",
        example="459901196803151019",
        export=required,
    )


def _contact(*, wide: bool) -> tuple[Column, ...]:
    return (
        Column(
            "phone",
            PHONE_ALIASES,
            Kind.PHONE,
            "household.phone",
            household_wide=wide,
            sealed=True,
            note="手机号 11 位，或区号加座机号；有两个号码时第一个为主",
            example="13900000000",
        ),
        Column(
            "bank_name",
            BANK_ALIASES,
            Kind.TEXT,
            "household.bank_name",
            household_wide=wide,
            note="开户银行名称",
            example="示例县农村信用社",
        ),
        Column(
            "card_no",
            CARD_ALIASES,
            Kind.CARD,
            "household.card",
            household_wide=wide,
            sealed=True,
            note="银行卡或一卡通账号，按文本填写，防止丢失末尾数字",
            example="6222020000000000000",
        ),
    )


def _size(field: str, *, wide: bool, to: str = "household_year.size") -> Column:
    return Column(
        field,
        ("家庭人口数", "人数", "家庭人数", "家庭成员数", "家庭人口", "户人数", "家庭成员人数", "人口数"),
        Kind.INTEGER,
        to,
        required=field == "size",
        household_wide=wide,
        note="本户人数，整数",
        example="2",
        mask="income",
    )


def _causes(*, wide: bool) -> tuple[Column, ...]:
    return (
        _code(
            "main_cause",
            *("主要致贫原因", "致贫原因1", "致贫原因", "主要致贫原因1", "主致贫原因", "致贫主要原因"),
            to="household.main_cause",
            codes=codes.CAUSE,
            wide=wide,
            required=True,
            example="因病",
        ),
        _code(
            "other_causes",
            *(
                "其他致贫原因",
                "次要致贫原因",
                "致贫原因2",
                "其它致贫原因",
                "其他致贫原因1",
                "次致贫原因",
                "致贫其他原因",
            ),
            to="household.other_causes",
            codes=codes.CAUSE,
            kind=Kind.CODES,
            wide=wide,
            note="最多两项，用“、”分开，不与主要致贫原因重复",
            example="缺资金、缺技术",
        ),
        _code(
            "standard",
            *("识别标准", "贫困户识别标准", "认定标准"),
            to="household.standard",
            codes=codes.STANDARD,
            wide=wide,
            example="国定",
        ),
    )


def _house(*, wide: bool) -> tuple[Column, ...]:
    return (
        _yes_no(
            "house_dangerous",
            *("是否危房户", "危房户", "是否危房", "是否为危房", "住房是否危房", "是否危房户(是/否)"),
            to="household_year.house_dangerous",
            wide=wide,
        ),
        _code(
            "house_grade",
            *("危房级别", "危房等级", "房屋等级", "住房等级", "房屋鉴定等级", "住房鉴定等级"),
            to="household_year.house_grade",
            codes=codes.HOUSE_GRADE,
            wide=wide,
            note="住房鉴定等级：A、B、C、D；C、D 为危房",
            example="A级",
        ),
    )


def _net_pc(*, wide: bool, required: bool) -> Column:
    return _amount(
        "net_pc",
        *("人均纯收入", "家庭人均纯收入", "年人均纯收入", "人均年纯收入", "家庭年人均纯收入", "人均可支配纯收入"),
        to="household_year.net_pc_yuan",
        required=required,
        household_wide=wide,
        note="单位：元/年；系统会重新计算并核对",
        example="5200",
    )


PERSONS = declarations.sheets.add(
    "persons",
    Sheet(
        "persons",
        "贫困人口信息",
        (
            SEQ,
            *_regions(wide=True),
            HOUSEHOLD_NO,
            Column(
                "person_no",
                ("人编号", "人员编号", "成员编号", "人员编码", "人编码", "贫困人口编号"),
                Kind.OPAQUE,
                "member.person_no",
                required=True,
                note="系统分配的人编号，按文本填写；没有时留空，由系统按证件号码核对",
                example="4599011012010000101",
            ),
            Column(
                "name",
                ("姓名", "成员姓名", "家庭成员姓名", "人员姓名", "家庭成员", "贫困人口姓名", "名字"),
                Kind.NAME,
                "member.name",
                required=True,
                note="与身份证一致；少数民族姓名中的间隔号保留",
                example="岑山水",
                mask="core",
            ),
            _code("sex", "性别", to="member.sex", codes=codes.SEX, note="男或女；留空时按身份证号推算", example="男"),
            Column(
                "birth_date",
                ("出生日期", "出生年月", "出生年月日", "生日", "出生时间"),
                Kind.DATE,
                "member.birth_on",
                note="如 1968-03-15；留空时按身份证号推算",
                example="1968-03-15",
            ),
            Column(
                "cert_no",
                CERT_ALIASES,
                Kind.ID_NUMBER,
                "member.cert_no",
                required=True,
                sealed=True,
                note="身份证号 18 位或残疾人证号 20 位，按文本填写，防止丢失末尾数字",
                example="459901196803151019",
            ),
            _code(
                "cert_type",
                *("证件类型", "证件种类", "证件类别"),
                to="member.cert_type",
                codes=codes.CERT_TYPE,
                example="居民身份证",
                mask="health",
            ),
            _size("household_size", wide=True),
            _code(
                "relation",
                *("与户主关系", "家庭关系", "与户主的关系", "户主关系", "和户主关系", "关系"),
                to="member.relation",
                codes=codes.RELATION,
                required=True,
                note="每户必须有且只有一人填“户主”，其余从下拉列表中选择",
                example="户主",
            ),
            _code(
                "ethnicity",
                *("民族", "民族名称"),
                to="member.ethnicity",
                codes=codes.ETHNICITY,
                note="如“汉族”“壮族”",
                example="壮族",
            ),
            _code("political", *("政治面貌", "政治面目"), to="member.political", codes=codes.POLITICAL, example="群众"),
            _code(
                "education",
                *("文化程度", "学历", "受教育程度", "文化水平"),
                to="member_year.education",
                codes=codes.EDUCATION,
                note="只填不在校的人；从下拉列表中选择",
                example="初中",
            ),
            _code(
                "student_status",
                *("在校生状况", "在校情况", "在校生情况", "在校状况", "在校生状态", "是否在校生"),
                to="member_year.student_status",
                codes=codes.STUDENT_STATUS,
                note="在校的人填就读阶段；不在校时填“非在校生”或留空",
                example="非在校生",
                mask="minor",
            ),
            _code(
                "dropout_reason",
                *("失学辍学原因", "未上学原因", "失学或辍学原因", "失学原因", "辍学原因", "失学辍学原因(义务教育)"),
                to="member_year.dropout_reason",
                codes=codes.DROPOUT_REASON,
                mask="minor",
            ),
            _code(
                "health",
                *("健康状况", "身体状况", "健康情况", "身体健康状况", "健康状态"),
                to="member_year.health",
                codes=codes.HEALTH,
                kind=Kind.CODES,
                required=True,
                note="可填几项，用“、”分开：健康、长期慢性病、大病、残疾",
                example="健康",
                mask="health",
            ),
            _code(
                "dis_type",
                *("残疾类别", "残疾类型", "残疾种类"),
                to="member_year.dis_type",
                codes=codes.DISABILITY_TYPE,
                mask="health",
            ),
            _code(
                "dis_level",
                *("残疾等级", "残疾级别"),
                to="member_year.dis_level",
                codes=codes.DISABILITY_LEVEL,
                note="一级至四级，一级最重",
                mask="health",
            ),
            _code(
                "labour",
                *("劳动技能", "劳动能力", "劳动力状况", "劳动技能(能力)", "劳动力", "劳动能力状况"),
                to="member_year.labour",
                codes=codes.LABOUR,
                example="普通劳动力",
            ),
            _code(
                "work_area",
                *("务工状况", "务工区域", "务工地点", "务工情况", "务工地区", "务工地"),
                to="member_year.work_area",
                codes=codes.WORK_AREA,
                note="没有务工时留空；务工的从下拉列表中选择",
                example="县外省内",
            ),
            Column(
                "work_months",
                ("务工时间(月)", "务工月数", "务工时间", "务工时长", "务工时间(月数)", "务工时长(月)", "务工月份数"),
                Kind.DECIMAL,
                "member_year.work_months",
                note="一年中务工的月数，0 至 12",
                example="6",
            ),
            Column(
                "work_firm",
                ("务工企业名称", "务工企业", "务工单位", "务工单位名称", "务工企业(单位)名称"),
                Kind.TEXT,
                "member_year.work_firm",
                note="务工企业或雇主名称",
                example="示例农产品加工厂",
            ),
            _amount(
                "work_wage",
                *("务工月收入", "月务工收入", "务工月工资", "月工资", "月收入"),
                to="member_year.work_wage_yuan",
                note="单位：元/月",
                example="2600",
            ),
            Column(
                "post",
                ("公益性岗位", "公益岗位", "公益性岗位名称", "公益岗", "公益岗位名称", "公益性岗位类型"),
                Kind.TEXT,
                "member_year.post",
                note="公益性岗位名称，没有时留空",
                example="护林员",
            ),
            Column(
                "post_months",
                (
                    "公益性岗位(月数)",
                    "公益性岗位月数",
                    "公益岗位月数",
                    "公益性岗位(月)",
                    "公益性岗位时间(月)",
                    "公益岗位(月数)",
                ),
                Kind.DECIMAL,
                "member_year.post_months",
                note="一年中在岗的月数，0 至 12",
                example="12",
            ),
            _yes_no(
                "med_resident",
                *(
                    "是否参加城乡居民基本医疗保险",
                    "新农合",
                    "是否参加新农合",
                    "城乡居民基本医疗保险",
                    "是否参加城乡居民医保",
                ),
                *(
                    "是否参加新型农村合作医疗",
                    "是否参加新农合(城乡居民基本医疗保险)",
                    "城乡居民医保",
                    "是否参加城乡居民医疗保险",
                ),
                to="member_year.med_resident",
                example="是",
            ),
            _yes_no(
                "med_employee",
                *(
                    "是否参加城镇职工医保",
                    "是否参加城镇职工基本医疗保险",
                    "城镇职工医保",
                    "城镇职工基本医疗保险",
                    "职工医保",
                ),
                to="member_year.med_employee",
            ),
            _yes_no(
                "critical_illness",
                *("是否参加大病保险", "参加大病医疗", "大病保险", "是否参加大病医疗保险", "是否参加大病医疗"),
                to="member_year.critical_illness",
                example="是",
            ),
            _yes_no(
                "pension_resident",
                *(
                    "是否参加城乡居民基本养老保险",
                    "城乡居民基本养老保险",
                    "是否参加城乡居民养老保险",
                    "城乡居民养老保险",
                ),
                to="member_year.pension_resident",
                example="是",
            ),
            _yes_no(
                "med_extra",
                *(
                    "商业补充医疗",
                    "是否参加商业补充医疗保险",
                    "是否参加商业补充医疗",
                    "商业补充医疗保险",
                    "补充医疗保险",
                ),
                to="member_year.med_extra",
            ),
            _code(
                "dibao",
                *("是否享受低保政策", "是否享受农村低保政策", "是否享受城市低保政策", "是否享受低保政策(农村/城市)"),
                *("是否享受农村低保", "是否享受城市低保", "是否低保", "低保", "是否享受低保", "享受低保政策"),
                to="member_year.dibao",
                codes=codes.DIBAO,
                example="否",
            ),
            _yes_no(
                "tekun",
                *("是否特困供养", "是否享受特困供养", "是否特困供养人员", "特困供养", "是否享受特困供养政策"),
                *("是否特困人员", "是否五保"),
                to="member_year.tekun",
            ),
            _yes_no("soldier", *("是否现役军人", "现役军人"), to="member.soldier"),
            _yes_no("army_family", *("是否军烈属", "军烈属", "是否军烈属户"), to="household.army_family", wide=True),
            _yes_no(
                "only_child",
                *("是否独生子女户", "是否独生子女", "独生子女户", "独生子女"),
                to="household.only_child",
                wide=True,
            ),
            _yes_no("two_daughters", *("是否双女户", "双女户"), to="household.two_daughters", wide=True),
            _code(
                "status",
                *("脱贫属性", "脱贫状态", "脱贫情况", "脱贫状况", "户脱贫属性"),
                to="household.status",
                codes=codes.STATUS,
                wide=True,
                required=True,
                example="未脱贫",
            ),
            Column(
                "exit_year",
                ("脱贫年度", "脱贫年份", "脱贫时间", "脱贫年", "脱贫时间(年)"),
                Kind.YEAR,
                "household.exit_year",
                household_wide=True,
                note="四位年份，如 2018；未脱贫时留空",
            ),
            _code(
                "household_type",
                *("贫困户属性", "户类型", "户属性", "贫困户类型", "贫困属性", "农户属性", "户贫困属性"),
                to="household.household_type",
                codes=codes.HOUSEHOLD_TYPE,
                wide=True,
                required=True,
                example="一般贫困户",
            ),
            *_causes(wide=True),
            *_house(wide=True),
            _yes_no(
                "water_safe",
                *("饮水安全", "饮水是否安全", "是否解决安全饮用水", "是否饮水安全", "是否解决饮水安全", "安全饮水"),
                *("是否解决安全饮水", "饮用水是否安全"),
                to="household_year.water_safe",
                wide=True,
                example="是",
            ),
            _yes_no(
                "water_hard",
                *("饮水困难", "饮水是否困难", "是否饮水困难", "是否存在饮水困难"),
                to="household_year.water_hard",
                wide=True,
            ),
            _net_pc(wide=True, required=False),
            *_contact(wide=True),
            Column(
                "first_recog",
                ("首次识别时间", "识别时间", "户识别时间", "首次识别日期", "识别日期"),
                Kind.DATE,
                "household.first_recog_on",
                household_wide=True,
                note="本户首次识别的日期，可只填年月",
                example="2014-05-01",
            ),
            Column(
                "person_recog",
                ("人员识别时间", "人识别时间", "人员识别日期", "成员识别时间"),
                Kind.DATE,
                "member.person_recog_on",
                note="该人识别的日期，可只填年月",
                example="2014-05-01",
            ),
            _code(
                "mon_type",
                *("监测对象类别", "监测对象类型", "监测类别", "监测类型", "监测户类型", "监测对象"),
                to="household_year.mon_type",
                codes=codes.MONITORED_TYPE,
                wide=True,
                note="不是监测对象时留空；是的从下拉列表中选择",
                mask="core",
            ),
            Column(
                "risk_found",
                ("风险识别时间", "识别监测时间", "监测对象识别时间", "监测识别时间", "监测时间"),
                Kind.DATE,
                "household_year.risk_found_on",
                household_wide=True,
                note="认定为监测对象的日期",
            ),
            Column(
                "risk_removed",
                ("风险是否已消除", "风险是否消除", "是否消除风险", "风险是否已经消除", "风险消除情况"),
                Kind.YES_NO,
                "household_year.risk_removed",
                household_wide=True,
                note=HAS,
            ),
            Column(
                "risk_removed_date",
                ("风险消除时间", "消除监测时间", "风险消除日期", "消除时间"),
                Kind.DATE,
                "household_year.risk_removed_on",
                household_wide=True,
                note="风险消除的日期",
            ),
            Column(
                "address",
                ("家庭住址", "住址", "家庭地址", "地址", "详细地址", "居住地址", "户籍地址", "现住址"),
                Kind.TEXT,
                "household.address",
                household_wide=True,
                note="家庭详细住址",
                example="云岭镇石桥村上屯 8 号",
                mask="position",
            ),
            _head_name(required=False, wide=True),
            _head_cert_no(required=False, wide=True),
            AS_OF,
        ),
        person_key="person_no",
        handler="households.previewing.RegisterPreview",
        exporter="households.exporting.RegisterExport",
    ),
)

HOUSEHOLDS = declarations.sheets.add(
    "households",
    Sheet(
        "households",
        "贫困户信息",
        (
            SEQ,
            *_regions(wide=False),
            HOUSEHOLD_NO,
            Column(
                "head_person_no",
                ("户主编号", "户主人编号", "户主人员编号"),
                Kind.OPAQUE,
                "household.head_person_no",
                note="户主的人编号，按文本填写",
                example="4599011012010000101",
            ),
            _head_name(required=True, wide=False),
            _head_cert_no(required=True, wide=False),
            *_contact(wide=False),
            Column(
                "year",
                ("年度", "统计年度", "年份", "数据年度"),
                Kind.YEAR,
                required=True,
                note="收入的统计年度（上年 10 月 1 日至当年 9 月 30 日），四位年份",
                example="2020",
            ),
            _size("size", wide=False),
            _amount("wage", *("工资性收入", "务工收入", "工资收入"), to="household_year.wage_yuan", example="7200"),
            _amount(
                "business",
                *("生产经营性收入", "经营性收入", "家庭经营收入", "生产经营收入", "家庭经营性收入", "经营收入"),
                to="household_year.business_yuan",
                example="3600",
            ),
            _amount("property", *("财产性收入", "财产收入"), to="household_year.property_yuan", example="400"),
            _amount(
                "transfer",
                *("转移性收入", "政策性收入", "转移收入"),
                to="household_year.transfer_yuan",
                example="800",
            ),
            _amount("t_family", *("计划生育金", "计生金", "计划生育奖励金"), to="household_year.t_family_yuan"),
            _amount("t_dibao", *("低保金", "最低生活保障金"), to="household_year.t_dibao_yuan"),
            _amount(
                "t_tekun",
                *("特困供养金", "五保金", "五保金(特困供养金)", "特困金", "五保供养金"),
                to="household_year.t_tekun_yuan",
            ),
            _amount(
                "t_pension",
                *("养老保险金", "养老金", "基础养老金"),
                to="household_year.t_pension_yuan",
                example="0",
            ),
            _amount("t_eco", *("生态补偿金", "生态补偿收入"), to="household_year.t_eco_yuan", example="300"),
            _amount(
                "t_other",
                *("其他转移性收入", "其它转移性收入", "其他转移收入"),
                to="household_year.t_other_yuan",
                example="500",
            ),
            _amount(
                "p_asset",
                *("资产收益扶贫分红收入", "资产收益分红收入", "资产收益分红", "资产收益扶贫分红"),
                to="household_year.p_asset_yuan",
                example="400",
            ),
            _amount("p_other", *("其他财产性收入", "其它财产性收入"), to="household_year.p_other_yuan"),
            _amount(
                "biz_cost",
                *("生产经营性支出", "生产性支出", "生产经营支出", "家庭经营性支出", "经营性支出"),
                to="household_year.biz_cost_yuan",
                example="1600",
            ),
            _amount(
                "self_paid_medical",
                *("合规自付支出", "合规自付医疗支出", "自付医疗支出"),
                to="household_year.self_paid_medical_yuan",
                note="单位：元；2021 年起的表有此列",
            ),
            _amount(
                "claims",
                *("理赔收入", "保险理赔收入"),
                to="household_year.claims_yuan",
                note="单位：元；2021 年起的表有此列",
            ),
            _amount(
                "gross",
                *("年收入", "总收入", "年总收入", "家庭总收入", "家庭年收入", "家庭年总收入"),
                to="household_year.gross_yuan",
                note="单位：元/年；四类收入之和，系统会重新计算并核对",
                example="12000",
            ),
            _amount(
                "net",
                *("纯收入", "年纯收入", "家庭纯收入", "家庭年纯收入"),
                to="household_year.net_yuan",
                note="单位：元/年；总收入减生产经营性支出，系统会重新计算并核对",
                example="10400",
            ),
            _net_pc(wide=False, required=True),
            _area("arable", *("耕地面积", "耕地"), to="household_year.arable_mu", example="2.5"),
            _area("forest", *("林地面积", "林地"), to="household_year.forest_mu", example="3"),
            _area("grain_to_green", *("退耕还林面积", "退耕还林"), to="household_year.grain_to_green_mu", example="1"),
            _area("orchard", *("林果面积", "林果", "果园面积"), to="household_year.orchard_mu"),
            _area("pasture", *("牧草地面积", "牧草地", "草地面积"), to="household_year.pasture_mu"),
            _area("water", *("水面面积", "水面"), to="household_year.water_mu"),
            _yes_no(
                "power_production",
                *("是否通生产用电", "生产用电", "通生产用电"),
                to="household_year.power_production",
                example="是",
            ),
            _yes_no(
                "power_home",
                *("是否通生活用电", "生活用电", "通生活用电"),
                to="household_year.power_home",
                example="是",
            ),
            _yes_no(
                "tv",
                *("是否通广播电视", "广播电视", "通广播电视", "是否通广播电视信号"),
                to="household_year.tv",
                example="是",
            ),
            _yes_no(
                "toilet",
                *("是否有卫生厕所", "卫生厕所", "有无卫生厕所"),
                to="household_year.toilet",
                example="是",
            ),
            _code(
                "fuel",
                *("主要燃料类型", "主要燃料", "燃料类型", "主要燃料种类"),
                to="household_year.fuel",
                codes=codes.FUEL,
                example="柴草",
            ),
            _area(
                "road_km",
                *(
                    "与村主干路距离",
                    "与村主干路距离(公里)",
                    "距村主干路距离",
                    "与村主干道距离",
                    "与主干路距离",
                    "与村主干路的距离",
                ),
                to="household_year.road_km",
                unit="公里",
                example="0.8",
            ),
            _code(
                "road_type",
                *("入户路类型", "入户路情况", "入户道路类型", "入户路"),
                to="household_year.road_type",
                codes=codes.ROAD_TYPE,
                example="水泥路",
            ),
            _area(
                "house_m2",
                *("住房面积", "房屋面积", "住房建筑面积"),
                to="household_year.house_m2",
                unit="平方米",
                example="90",
            ),
            *_house(wide=False),
            _yes_no(
                "water_safe",
                *("饮水安全", "饮水是否安全", "是否解决安全饮用水", "是否饮水安全", "是否解决饮水安全", "安全饮水"),
                to="household_year.water_safe",
                example="是",
            ),
            _yes_no(
                "water_hard",
                *("饮水困难", "饮水是否困难", "是否饮水困难", "是否存在饮水困难"),
                to="household_year.water_hard",
            ),
            _yes_no(
                "coop",
                *(
                    "是否加入农民专业合作组织",
                    "是否加入合作社",
                    "合作社",
                    "是否加入农民专业合作社",
                    "是否参加农民专业合作组织",
                ),
                *("是否加入农民专业合作经济组织", "是否参加合作社"),
                to="household_year.coop",
            ),
            _yes_no(
                "leading_firm",
                *("是否有龙头企业带动", "龙头企业带动", "是否龙头企业带动"),
                to="household_year.leading_firm",
            ),
            _yes_no(
                "rich_leader",
                *("是否有创业致富带头人带动", "创业致富带头人带动", "致富带头人带动", "是否有致富带头人带动"),
                to="household_year.rich_leader",
            ),
            *_causes(wide=False),
            AS_OF,
        ),
        rank=2,
        handler="households.previewing.RegisterPreview",
        exporter="households.exporting.RegisterExport",
    ),
)
from households.departments import sheets as departments  # noqa: E402, F401 - the lists that departments send
from households.ledger import sheets as _ledger  # noqa: E402, F401 - the monthly ledger, a package of its own
