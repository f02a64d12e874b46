"""Region codes and names: the level of a code, and the short form of a name."""

import re

from regions.models import LEVEL_LENGTHS

LENGTH_LEVELS = {length: level for level, length in LEVEL_LENGTHS.items()}
WORDS = {
    "province": ("维吾尔自治区", "壮族自治区", "回族自治区", "特别行政区", "自治区", "省", "市"),
    "city": ("自治州", "地区", "市", "盟"),
    "county": ("自治县", "自治旗", "林区", "特区", "县", "区", "市", "旗"),
    "town": ("街道办事处", "民族苏木", "办事处", "民族乡", "苏木", "街道", "镇", "乡"),
    # 社区 stays: a community and a village of one town often share the rest of the name.
    "village": ("村村民委员会", "村民委员会", "居民委员会", "村村委会", "村委会", "居委会", "生活区", "村"),
    "hamlet": ("村民小组", "小组", "屯"),
}
# At least two characters stay (沙县 is 沙县), and the longest word that allows it goes. Also run by polars.
PATTERNS = {level: rf"^(.{{2,}}?)(?:{'|'.join(words)})$" for level, words in WORDS.items()}
_COMPILED = {level: re.compile(pattern) for level, pattern in PATTERNS.items()}


def short_name(name: str, level: str) -> str:
    """Return the name without the word for its kind: 平山村民委员会 → 平山, 云岭镇 → 云岭."""
    found = _COMPILED[level].match(name)
    return found[1] if found else name


def level_of(code: str) -> str:
    """Return the level of a code cut to its length, or "" for any other length."""
    return LENGTH_LEVELS.get(len(code), "")


def cut(code: str) -> str:
    """Cut a padded code (450110000000, 450100) to its level's length, group by group.

    Never by stripping zeros: 450110 is a county, and 4501 is not what is left of it.
    """
    for length, shorter in ((12, 9), (9, 6), (6, 4), (4, 2)):
        if len(code) == length and not code[shorter:].strip("0"):
            code = code[:shorter]
    return code
