"""Reports: a Word file with figures, charts and words, and its Excel annex, of a region and a month.

They are official papers, so their words are Chinese whatever the reader's language. Kept reports are sealed files. The
data-quality report (数据质量分析报告) is declared here, others by the rooms that their figures come from (`kinds`).
"""

import datetime as dt
import uuid

from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext_noop

from poverty import scope, sealedfiles
from poverty.uids import uuid7
from regions.models import Region
from validation.models import QualityReport
from validation.report import annex, figures, word
from validation.report.kinds import DATA_QUALITY, Kind, Made, declare, kinds

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FOLDER, PLACE = "reports", "validation_qualityreport"


def _quality(region, month, *, title, named, user, tell) -> Made:
    found = figures.gather(region, month, named=named, user=user)
    tell(60)
    return Made(found.as_of, word.write(found, title), annex.write(found, title), found)


declare(Kind(DATA_QUALITY, 0, gettext_noop("Data quality"), "数据质量分析报告", _quality, lists=True))


def title(region: Region, month: dt.date, kind: str = DATA_QUALITY) -> str:
    return kinds[kind].title(region, month)


def make(region: Region, month: dt.date, *, named: bool, user=None, kind: str = DATA_QUALITY, tell=None) -> Made:
    """Return the report, counted in the present scope."""
    with translation.override("zh-hans"):
        return kinds[kind].make(
            region, month, title=title(region, month, kind), named=named and kinds[kind].lists, user=user,
            tell=tell or (lambda percent: None),
        )  # fmt: skip


def subject(kind: str, region: Region, month: dt.date) -> int:
    """Return the key under which writing a report is under way once only; at most 19 digits."""
    number = kinds[kind].number
    return int(f"{number or ''}{month:%Y%m}{region.pk}")


def _file(uid: uuid.UUID, part: str) -> uuid.UUID:
    """Return the key of one of a report's two files."""
    return uuid.uuid5(uid, part)


def keep(
    region: Region, month: dt.date, *, named: bool, by, user=None, monthly: bool = False, kind: str = DATA_QUALITY, tell=None
) -> QualityReport | None:  # fmt: skip
    """Write the report and keep it; None when the month's own report is there already. Call it in the maker's scope."""
    mine = QualityReport.objects.in_scope()
    if monthly and mine.filter(kind=kind, region_id=region.pk, month=month, monthly=True).exists():
        return None
    made = make(region, month, named=named, user=user, kind=kind, tell=tell)
    uid = uuid7()
    for part, data in (("word", made.word), ("annex", made.annex)):
        sealedfiles.keep(FOLDER, f"{PLACE}.{part}", _file(uid, part), data)
    try:
        with transaction.atomic():
            return QualityReport.objects.create(
                uid=uid, kind=kind, region_id=region.pk, month=month, as_of=made.as_of,
                named=named and kinds[kind].lists, monthly=monthly,
                word_size=len(made.word), annex_size=len(made.annex), made_by=by,
            )  # fmt: skip
    except IntegrityError:
        for part in ("word", "annex"):
            sealedfiles.delete(FOLDER, _file(uid, part))
        return None


def content(kept: QualityReport, part: str) -> bytes:
    """Return the Word file or the annex; FileNotFoundError when it is gone."""
    return sealedfiles.content(FOLDER, f"{PLACE}.{part}", _file(kept.uid, part))


def counties() -> list[Region]:
    """Return the counties with records, which get their report every month."""
    from validation import score

    with scope.system("which counties have a register"):
        codes = [code for code, one in score.by_place("", 6).items() if one.records]
    return list(Region.objects.filter(pk__in=codes, level="county").defer("boundary", "centroid"))
