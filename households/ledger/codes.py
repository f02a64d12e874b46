"""Categories of the monthly ledger: what a household earns and spends, as DOMAIN lists it.

The first digit is the class, each further pair a level below; a category's parent is its own beginning, so that sums are
ranges of text. Transfers carry Guangxi's codes after their "4": low-income allowance 02 is "402", its class C "40203".
This module knows no Django: the process that reads uploaded files uses it, too.
"""

from poverty.declarations import CodeList

CLASSES = {
    "1": "工资性收入",
    "2": "生产经营性收入",
    "3": "财产性收入",
    "4": "转移性收入",
    "5": "生产经营性支出",
    "6": "生活消费支出",
    "7": "不计入收入",
}
LABELS = {
    "1": "工资性收入",
    "101": "务工",
    "10101": "务工(乡内)",
    "10102": "务工(县内)",
    "10103": "务工(区内)",
    "10104": "务工(区外)",
    "102": "公益岗",
    "10201": "公益岗(行业)",
    "10202": "公益岗(乡)",
    "10203": "公益岗(村)",
    "109": "其他工资性收入",
    "2": "生产经营性收入",
    "201": "种植收入",
    "20101": "粮食收入",
    "20102": "水果收入",
    "20103": "蔬菜收入",
    "20109": "其他种植收入",
    "202": "养殖收入",
    "20201": "畜牧收入",
    "20202": "水产收入",
    "20203": "特色养殖收入",
    "20209": "其他养殖收入",
    "203": "林业收入",
    "209": "其他经营性收入",
    "3": "财产性收入",
    "301": "资产收益分红",
    "302": "土地流转收入",
    "303": "租金利息收入",
    "309": "其他财产性收入",
    "4": "转移性收入",
    "401": "计划生育金",
    "402": "低保金",
    "40201": "低保金(A类)",
    "40202": "低保金(B类)",
    "40203": "低保金(C类)",
    "403": "特困供养金",
    "404": "养老保险金",
    "40401": "基础养老金",
    "40402": "其他养老金",
    "405": "生态补偿金",
    "406": "残疾人两项补贴",
    "407": "农业补贴",
    "408": "高龄补贴",
    "409": "水库移民补贴",
    "410": "其他长期政策性收入",
    "411": "临时救助金",
    "5": "生产经营性支出",
    "501": "种植支出",
    "502": "养殖支出",
    "503": "林业支出",
    "509": "其他经营性支出",
    "6": "生活消费支出",
    "601": "食品支出",
    "602": "医疗支出",
    "603": "教育支出",
    "604": "住房支出",
    "605": "人情支出",
    "609": "其他生活支出",
    "7": "不计入收入",
    "701": "一次性救助慰问金",
    "702": "建房搬迁补助",
    "703": "其他专项补助",
    "704": "贷款借款",
    "705": "财产损失赔偿",
    "709": "其他不计入",
}
SYNONYMS = {
    "工资收入": "1",
    "工资性": "1",
    "务工收入": "101",
    "务工工资": "101",
    "外出务工": "101",
    "乡内务工": "10101",
    "县内务工": "10102",
    "区内务工": "10103",
    "省内务工": "10103",
    "区外务工": "10104",
    "省外务工": "10104",
    "公益性岗位": "102",
    "公益岗位": "102",
    "公益性岗位工资": "102",
    "行业公益岗": "10201",
    "乡公益岗": "10202",
    "村公益岗": "10203",
    "其他工资": "109",
    "经营性收入": "2",
    "生产经营收入": "2",
    "家庭经营收入": "2",
    "种植业收入": "201",
    "粮食": "20101",
    "水果": "20102",
    "蔬菜": "20103",
    "养殖业收入": "202",
    "畜牧": "20201",
    "水产": "20202",
    "特色养殖": "20203",
    "林业(果)": "203",
    "林果收入": "203",
    "林业收入(果)": "203",
    "其他(商业、加工)": "209",
    "商业加工收入": "209",
    "财产收入": "3",
    "分红": "301",
    "资产收益扶贫分红": "301",
    "资产收益扶贫分红收入": "301",
    "土地流转": "302",
    "土地流转费": "302",
    "租金": "303",
    "利息": "303",
    "租金/利息": "303",
    "转移收入": "4",
    "政策性收入": "4",
    "计生金": "401",
    "计划生育奖励金": "401",
    "最低生活保障金": "402",
    "低保": "402",
    "A类低保金": "40201",
    "B类低保金": "40202",
    "C类低保金": "40203",
    "五保金": "403",
    "特困金": "403",
    "特困供养金(五保金)": "403",
    "养老金": "404",
    "城乡居民养老金": "404",
    "城乡居民基本养老金": "40401",
    "生态补偿": "405",
    "公益林补偿": "405",
    "退耕还林补助": "405",
    "残疾人补贴": "406",
    "残疾补贴": "406",
    "种粮补贴": "407",
    "耕地地力保护补贴": "407",
    "高龄津贴": "408",
    "移民补贴": "409",
    "水库移民后期扶持": "409",
    "其他转移性收入": "410",
    "赡养费": "410",
    "教育补助": "410",
    "优抚金": "410",
    "临时救助": "411",
    "经营性支出": "5",
    "生产经营支出": "5",
    "生产性支出": "5",
    "种植业支出": "501",
    "养殖业支出": "502",
    "生活支出": "6",
    "生活消费": "6",
    "食品": "601",
    "医疗": "602",
    "教育": "603",
    "住房": "604",
    "人情": "605",
    "人情往来": "605",
    "不计入": "7",
    "慰问金": "701",
    "救助慰问金": "701",
    "危房改造补助": "702",
    "搬迁补助": "702",
    "贷款": "704",
    "借款": "704",
    "赔偿款": "705",
}
CATEGORY = CodeList("ledger_category", LABELS, SYNONYMS)

WAGE, BUSINESS, PROPERTY, TRANSFER, COST, LIVING, EXCLUDED = CLASSES
INCOME = (WAGE, BUSINESS, PROPERTY, TRANSFER)
# Guangxi's exit test leaves these out of the income: basic pension, class-C allowance, temporary aid. A pension that is
# not told apart counts as basic: residents' pensions hardly hold anything else.
NOT_IN_EXIT_TEST = ("404", "40401", "40203", "411")
# One-card item (DOMAIN's transfer code) of a category: its two digits after the "4".
ITEMS = tuple(code[1:] for code in LABELS if code[0] == TRANSFER and len(code) == 3)


def parent(code: str) -> str:
    """Return the category above, "" for a class."""
    return code[:-2] if len(code) > 1 else ""


def depth(code: str) -> int:
    return len(code) // 2


def leaves() -> list[str]:
    """Return the categories with none below them, in order."""
    return [code for code in LABELS if not any(parent(other) == code for other in LABELS)]


def signed(code: str) -> int:
    """Return +1 for income, −1 for what is deducted from it, 0 for what does not count."""
    return 1 if code[0] in INCOME else -1 if code[0] == COST else 0
