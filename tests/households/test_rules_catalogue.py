"""The rules about identity, structure and consistency as the catalogue has them: severity, subject, message."""

import pytest
from django.utils import translation
from django.utils.translation import gettext

from households.sheets import HOUSEHOLDS, PERSONS
from poverty.declarations import rules

CATALOGUE = (
    ("ID-01", "E", "member", "证件号码为空"),
    ("ID-02", "E", "member", "证件号码位数不正确"),
    ("ID-03", "W", "member", "证件号码为15位,需升位"),
    ("ID-04", "E", "member", "证件号码含非法字符"),
    ("ID-05", "E", "member", "身份证校验码错误"),
    ("ID-06", "E", "member", "证件号码中出生日期无效"),
    ("ID-07", "W", "member", "证件号码地区码不存在"),
    ("ID-08", "E", "member", "残疾证号后两位无效"),
    ("ID-09", "W", "member", "性别与证件号码不一致"),
    ("ID-10", "W", "member", "出生日期与证件号码不一致"),
    ("ID-11", "E", "member", "户内证件号码重复"),
    ("ID-12", "E", "member", "证件号码在不同户重复"),
    ("ID-13", "W", "member", "证件号码相同姓名不同"),
    ("ID-14", "W", "member", "姓名含异常字符"),
    ("ID-15", "W", "member", "年龄超过110岁"),
    ("ID-16", "W", "household", "联系电话格式错误"),
    ("ID-17", "W", "household", "多户使用同一联系电话"),
    ("ID-18", "W", "household", "银行卡号校验不通过"),
    ("ID-19", "E", "household", "银行卡号跨户重复"),
    ("ID-20", "W", "household", "开户银行为空或户名非本户成员"),
    ("HH-01", "E", "household", "家庭无户主"),
    ("HH-02", "E", "household", "家庭有多个户主"),
    ("HH-03", "E", "household", "家庭人口数与成员数不一致"),
    ("HH-04", "E", "household", "空户"),
    ("HH-05", "E", "member", "成员无所属家庭"),
    ("HH-06", "E", "household", "所属行政村编码无效"),
    ("HH-07", "E", "member", "与户主关系和性别矛盾"),
    ("HH-08", "E", "household", "户主与配偶同性别"),
    ("HH-09", "E", "household", "户主有多个配偶"),
    ("HH-10", "W", "member", "与户主年龄差不合理"),
    ("HH-11", "W", "household", "户主未满16周岁"),
    ("HH-12", "W", "household", "疑似拆户、分户享受政策"),
    ("HH-13", "W", "member", "成员增减无变更原因"),
    ("HH-14", "W", "member", "新增成员日期不合理"),
    ("HH-15", "W", "member", "配偶未达法定婚龄"),
    ("HH-16", "W", "household", "疑似一户多录"),
    ("HH-17", "W", "household", "特困户含有劳动力成员"),
    ("CD-01", "E", "member", "义务教育阶段适龄未在校且无原因"),
    ("CD-02", "I", "member", "学龄前儿童未入园且无原因"),
    ("CD-03", "E", "member", "未满16周岁填报务工"),
    ("CD-04", "E", "member", "16周岁以下劳动能力应为无劳动力"),
    ("CD-05", "W", "member", "60周岁以上劳动能力填写不合理"),
    ("CD-06", "W", "member", "健康适龄人口劳动能力异常"),
    ("CD-07", "W", "member", "无劳动力却务工"),
    ("CD-08", "E", "member", "学龄前儿童文化程度过高"),
    ("CD-09", "E", "member", "7周岁以上仍为学龄前儿童"),
    ("CD-10", "W", "member", "在校年级与年龄不符"),
    ("CD-11", "W", "member", "连续三年在校状况未更新"),
    ("CD-12", "W", "member", "文化程度与在校状况同空或同填"),
    ("CD-13", "I", "member", "16至22岁文化程度为小学及以下"),
    ("CD-14", "E", "member", "务工时间超出0-12月"),
    ("CD-15", "W", "member", "务工区域与务工时间不匹配"),
    ("CD-16", "E", "member", "残疾状况与残疾证不一致"),
    ("CD-17", "W", "member", "患大病未登记病种"),
    ("CD-18", "E", "household", "主要致贫原因为空"),
    ("CD-19", "E", "household", "其他致贫原因超2项或与主因重复"),
    ("CD-20", "W", "household", "致贫原因与家庭情况不符"),
    ("CD-21", "E", "household", "户属性与低保成员不符"),
    ("CD-22", "E", "household", "低保与特困重复享受"),
    ("CD-23", "E", "household", "危房标识与等级矛盾"),
    ("CD-24", "E", "household", "已脱贫户三保障未达标"),
    ("CD-25", "E", "household", "饮水安全与饮水困难矛盾"),
    ("CD-26", "W", "household", "住房面积异常"),
    ("CD-27", "W", "household", "土地面积异常"),
    ("CD-28", "W", "household", "退耕还林面积大于林草地"),
    ("CD-29", "W", "household", "距主干路距离异常"),
    ("CD-30", "W", "member", "医保重复或未参保"),
    ("CD-31", "W", "member", "未参加大病保险"),
    ("CD-32", "E", "household", "脱贫年度缺失或早于识别年度"),
    ("CD-33", "W", "member", "党员年龄不足18岁"),
    ("CD-34", "I", "village", "行政村指标缺失或矛盾"),
)
# Columns of the two sheets, and the village's place.
FIELDS = {column.field for sheet in (PERSONS, HOUSEHOLDS) for column in sheet.columns}


@pytest.mark.parametrize(("rule", "severity", "subject", "message"), CATALOGUE)
def test_a_rule_is_declared_as_the_catalogue_has_it(rule, severity, subject, message):
    declared = rules[rule]
    with translation.override("zh-hans"):
        assert (declared.severity, declared.subject, gettext(declared.title)) == (severity, subject, message)
        assert gettext(declared.suggestion) != declared.suggestion
        assert all(gettext(one.title) != one.title for one in declared.thresholds)


@pytest.mark.parametrize("rule", [one[0] for one in CATALOGUE if one[2] != "village"])
def test_what_a_rule_offers_for_correction_are_columns_of_the_sheets(rule):
    assert set(rules[rule].fields) <= FIELDS
    assert rules[rule].fields
