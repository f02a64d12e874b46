"""The data-quality report (数据质量分析报告): a Word file with figures, charts and advice, and its Excel annex.

It is an official paper, so its words are Chinese whatever the reader's language. Kept reports are sealed files.
"""

import datetime as dt
import uuid

from django.db import IntegrityError, transaction
from django.utils import translation

from poverty import scope, sealedfiles
from poverty.uids import uuid7
from regions.models import Region
from validation.models import QualityReport
from validation.report import annex, figures, word

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FOLDER, PLACE = "reports", "validation_qualityreport"


def title(name: str, month: dt.date) -> str:
    return f"{name}数据质量分析报告（{month.year}年{month.month}月）"


def make(region: Region, month: dt.date, *, named: bool, user=None) -> tuple[figures.Figures, bytes, bytes]:
    """Return the figures, the Word file and the annex, counted in the present scope."""
    with translation.override("zh-hans"):
        found = figures.gather(region, month, named=named, user=user)
        text = title(region.name, month)
        return found, word.write(found, text), annex.write(found, text)


def _file(uid: uuid.UUID, part: str) -> uuid.UUID:
    """Return the key of one of a report's two files."""
    return uuid.uuid5(uid, part)


def keep(region: Region, month: dt.date, *, named: bool, by, user=None, monthly: bool = False) -> QualityReport | None:
    """Write the report and keep it; None when the month's own report is there already. Call it in the maker's scope."""
    mine = QualityReport.objects.in_scope()
    if monthly and mine.filter(region_id=region.pk, month=month, monthly=True).exists():
        return None
    found, text, table = make(region, month, named=named, user=user)
    uid = uuid7()
    for part, data in (("word", text), ("annex", table)):
        sealedfiles.keep(FOLDER, f"{PLACE}.{part}", _file(uid, part), data)
    try:
        with transaction.atomic():
            return QualityReport.objects.create(
                uid=uid, region_id=region.pk, month=month, as_of=found.as_of, named=named, monthly=monthly,
                word_size=len(text), annex_size=len(table), made_by=by,
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
