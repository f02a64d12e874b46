"""Invented names of places and persons: made of common characters, no real list behind them."""

import random

PROVINCE_CODE, PROVINCE = "45", "广西壮族自治区"
CITY_CODE, CITY = "4599", "桂云市"
COUNTIES = (
    *("那云县", "古榕县", "峒江县", "瑶岭县", "百鹭县", "都岭县"),
    *("伶川县", "陇泉县", "板溪县", "弄泉县", "岜阳县", "龙潭岭县"),
)
SEAT = "云岭"  # the town in the middle of the first county

_FIRST = "那弄板岜古六百巴都龙陇峒布坡东西新上下大小中南北石水花金银福长平林永双三岩果怀良清玉天红"
_SECOND = "桐马楼岭梅香兰安蒙料劳丰田塘江桥山河坡湾洞榕竹莲泉荷柳湖茶桃枫龙凤云星月峰谷溪坪里朝阳昌兴和"
_HAMLET_FIRST = "上下中大小东西南北新老内外那弄板岜坡岩"
_HAMLET_SECOND = "屯口岭坡塘桥洞田寨湾井沟坪罗排林楼陇"

# Stems of three characters: no generated village has one, so none of these exists in the sample's region tree.
LOST_VILLAGES = ("老鹰岩村", "牛角塘村", "野猪岭村", "八卦田村", "羊角寨村", "望天坳村")

SURNAMES = ("韦黄覃陆蓝农莫罗梁李潘卢石马杨周苏邓谭岑陈张王刘何吴廖唐蒙", (14, 13, 10, 8, 7, 6, 5, 5) + (3,) * 21)
_MALE = "大国建志明文伟强军勇海山林生光荣华春德福贵成永金宝良才家正新忠义振兴世天东平安广胜红玉启云日升"
_FEMALE = "秀英兰花丽美玉芳凤梅春莲爱香桂珍红艳燕霞月小金彩素翠青云娟妹琴玲萍雪芬菊仙娇婷慧静敏柳"
_MODERN_MALE = "宇浩子轩俊杰嘉豪梓涵博文天佑思远一鸣家乐晨曦志航铭泽瑞霖"
_MODERN_FEMALE = "欣怡雨诗涵梓萱佳琪思颖可馨紫晴语嫣静雅晓彤若曦美琳芷"
_YI = ("阿木·吉拉", "吉木·阿呷", "沙马·日且", "曲比·伍牛", "阿苏·木果", "海来·尔布", "勒格·阿依", "俄木·拉则")


def stems(rng: random.Random, count: int, *, taken: set[str]) -> list[str]:
    """Return `count` place names of two characters that differ from each other and from `taken`."""
    pool = [first + second for first in _FIRST for second in _SECOND if first != second and first + second not in taken]
    return rng.sample(pool, count)


def hamlets(rng: random.Random, count: int) -> list[str]:
    """Return `count` different hamlet names."""
    pool = [a + b + "屯" for a in _HAMLET_FIRST for b in _HAMLET_SECOND if b != "屯"]
    return rng.sample(pool, count)


def surname(rng: random.Random) -> str:
    return rng.choices(*SURNAMES)[0]


def given_name(rng: random.Random, *, male: bool, born: int) -> str:
    """Return a given name of one or two characters that suits the year of birth."""
    modern = born >= 2000 and rng.random() < 0.7
    pool = (_MODERN_MALE if modern else _MALE) if male else (_MODERN_FEMALE if modern else _FEMALE)
    if rng.random() < 0.22:
        return rng.choice(pool)
    first, second = rng.choice(pool), rng.choice(pool)
    return first + second


def dotted_name(rng: random.Random) -> str:
    """Return a name with a middle dot, as some of the minorities write theirs."""
    return rng.choice(_YI)
