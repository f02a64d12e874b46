"""Resident identity numbers (GB 11643): what can be read off one without storing it.

`facts()` is the single source of the plain columns that data rules use beside a sealed number. `exchange.cells`
computes the same by columns; a property test holds the two together.
"""

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_CHARACTERS = "10X98765432"
LENGTHS = (15, 18, 20, 22)


def check_character(body: str) -> str:
    """Return the 18th character of a resident identity number.

    `body` is its first 17 digits; anything else raises ValueError.
    Source: GB 11643-1999, check characters after ISO 7064 MOD 11-2.
    """
    if len(body) != 17 or not (body.isascii() and body.isdigit()):
        raise ValueError("the body of an identity number is 17 digits")
    total = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, body, strict=True))
    return CHECK_CHARACTERS[total % 11]


def normalise(text: str) -> str:
    """Return the number as it is compared: NFKC, upper case, without white space and invisible characters."""
    text = unicodedata.normalize("NFKC", text).upper()
    return re.sub(r"[\s\u200b-\u200f\u2060\ufeff\u00ad'\"=]", "", text)


def upgrade(old: str) -> str:
    """Return the 18-character form of a 15-digit number; ValueError for anything else."""
    if len(old) != 15 or not (old.isascii() and old.isdigit()):
        raise ValueError("only a number of 15 digits can be upgraded")
    body = old[:6] + "19" + old[6:]
    return body + check_character(body)


@dataclass(frozen=True)
class Facts:
    """What rules need of an identity number, in plain: nothing here gives the number back.

    kind: "" none, "15", "18", "20" (disability certificate), "22" (reissued certificate), "?" any other length.
    fault: "" sound, "length", "characters", "check" (digit wrong), "birth" (no real day, in the future, before 1900);
    the last two can stand together: "check birth". "certificate" stands alone: the identity is sound, but what a
    disability certificate of 20 characters says of type (1 to 7) and level (1 to 4) is not.
    Rules ID-02, ID-04, ID-05, ID-06 and ID-08 read it.
    area: first six digits. birth_on, sex ("1" male, "2" female): None and "" where they cannot be read.
    identity: the 18 characters that are compared between records (15 digits upgraded, a certificate's first 18),
    or the text itself where there is nothing better; blind-indexed, never stored.
    """

    kind: str
    fault: str
    area: str
    birth_on: dt.date | None
    sex: str
    identity: str


def facts(number: str, *, today: dt.date) -> Facts:
    """Read `number` (already normalised); `today` decides which birth dates lie in the future."""
    if not number:
        return Facts("", "", "", None, "", "")
    kind = str(len(number)) if len(number) in LENGTHS else "?"
    if kind == "?":
        return Facts("?", "length", "", None, "", number)
    if kind == "15":
        if not (number.isascii() and number.isdigit()):
            return Facts(kind, "characters", "", None, "", number)
        first = upgrade(number)
    else:
        first = number[:18]
        if not re.fullmatch(r"[0-9]{17}[0-9X]", first):
            return Facts(kind, "characters", "", None, "", first)
    birth_on = _birth_on(first[6:14], today)
    sex = "1" if int(first[16]) % 2 else "2"
    faults = []
    if kind != "15" and check_character(first[:17]) != first[17]:
        faults.append("check")
    if birth_on is None:
        faults.append("birth")
    if kind == "20" and not faults and not re.fullmatch(r"[1-7][1-4]", number[18:]):
        faults.append("certificate")
    return Facts(kind, " ".join(faults), first[:6], birth_on, sex, first)


def _birth_on(digits: str, today: dt.date) -> dt.date | None:
    try:
        day = dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    return day if dt.date(1900, 1, 1) <= day <= today else None
