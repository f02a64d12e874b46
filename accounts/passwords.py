"""What a password must not be: words that everybody in a poverty office would try first."""

import re
import unicodedata

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

LOCAL_WORDS = (
    "fupin", "pinkun", "tuopin", "jingzhun", "bangfu", "fupinban", "jiandang", "lika", "zhucun", "diyishuji",
    "xiangcun", "zhenxing", "nongcun", "nongye", "minzheng", "zhengfu", "guangxi", "nanning", "guilin", "liuzhou",
    "baise", "hechi", "zhongguo", "beijing", "yunling", "qingjiang", "guichuan", "admin", "guanli", "mima", "password",
    "woaini", "welcome", "huanying", "扶贫", "贫困", "脱贫", "密码", "管理员",
)  # fmt: skip
_RUNS = ("01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc", "147258369")
RUN_LENGTH = 5


def _plain(text: str) -> str:
    """Return `text` as a guesser reads it: no width forms, case, or the usual digit-for-letter spellings."""
    text = unicodedata.normalize("NFKC", text or "").casefold()
    return text.translate(str.maketrans("@$!", "asi"))


def _has_run(text: str) -> bool:
    """Return whether `text` holds five neighbours of the keyboard or the alphabet in a row, either way round."""
    for run in (*_RUNS, *(run[::-1] for run in _RUNS)):
        if any(run[i : i + RUN_LENGTH] in text for i in range(len(run) - RUN_LENGTH + 1)):
            return True
    return bool(re.search(r"(.)\1{4}", text))


class LocalWordsValidator:
    """Refuse the words of the trade and the place, keyboard runs, the user's own names, and years as the main part."""

    def validate(self, password, user=None):
        plain = _plain(password)
        own = [getattr(user, name, "") for name in ("username", "full_name", "phone", "unit")] if user else []
        for word in [*LOCAL_WORDS, *(_plain(str(word)) for word in own)]:
            if len(word) >= 2 and word in plain and len(plain) - len(word) < 10:
                raise ValidationError(
                    _("The password holds a word that is easy to guess here: a name, a place or a word of this work."),
                    code="password_local_word",
                )
        if _has_run(plain):
            raise ValidationError(
                _("The password holds a run such as 12345, abcde, qwert or 88888."), code="password_run"
            )
        if plain.isdigit():
            raise ValidationError(
                _("Digits alone are a date or a telephone number to whoever guesses."), code="password_digits"
            )
        year = timezone.localdate().year
        without_years = re.sub("|".join(str(y) for y in range(1940, year + 3)), "", plain)
        if len(without_years) < 6:
            raise ValidationError(_("The password is little more than a year or a date."), code="password_year")

    def get_help_text(self):
        return _("No names, places, words of this work, years or keyboard runs.")


class CharacterClassValidator:
    """Under classified protection: at least three of small letters, capitals, digits and other characters."""

    def validate(self, password, user=None):
        if settings.MLPS and character_classes(password) < 3:
            raise ValidationError(
                _("Use at least three kinds of characters: small letters, capital letters, digits, other signs."),
                code="password_classes",
            )

    def get_help_text(self):
        if settings.MLPS:
            return _("At least three kinds of characters: small letters, capital letters, digits, other signs.")
        return ""


def character_classes(password: str) -> int:
    return sum(
        (
            any(c.islower() for c in password),
            any(c.isupper() for c in password),
            any(c.isdigit() for c in password),
            any(not c.isalnum() for c in password),
        )
    )
