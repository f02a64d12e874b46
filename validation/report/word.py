"""The Word file of a data-quality report."""

from io import BytesIO

from django.utils import timezone
from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from validation import score
from validation.report.charts import Charts
from validation.report.figures import SEVERITIES, Figures, advice

BODY, HEAD = "仿宋", "黑体"  # the offices' own; a machine without them takes what it has
BLACK = RGBColor(0, 0, 0)
WIDTH_CM = 15.8  # between the margins


def set_fonts(document) -> None:
    for name, font, size in (
        ("Normal", BODY, 12),
        ("Heading 1", HEAD, 15),
        ("Heading 2", HEAD, 13),
        ("Title", HEAD, 20),
    ):
        style = document.styles[name]
        style.font.name, style.font.size, style.font.color.rgb = "Times New Roman", Pt(size), BLACK
        style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.6)
    section.top_margin = section.bottom_margin = Cm(2.5)
    _number_pages(section)


def _number_pages(section) -> None:
    line = section.footer.paragraphs[0]
    line.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for text, code in (("— ", None), ("", "PAGE"), (" —", None)):
        run = line.add_run(text)
        run.font.size = Pt(10.5)
        if code:
            for kind, words in (("begin", None), (None, code), ("end", None)):
                part = OxmlElement("w:instrText" if words else "w:fldChar")
                if words:
                    part.text = words
                else:
                    part.set(qn("w:fldCharType"), kind)
                run._r.append(part)


def write_table(document, heads: list[str], rows: list[tuple], numeric: int) -> None:
    """Write a table whose last `numeric` columns hold numbers; its head repeats on every page."""
    if not rows:
        document.add_paragraph("无。")
        return
    words = len(heads) - numeric
    # What is counted in shares or yuan has its two decimals in every line, or the points do not stand below each other.
    exact = [number >= words and any(sign in head for sign in ("%", "元")) for number, head in enumerate(heads)]
    texts = [[_shown(value, exact[number]) for number, value in enumerate(row)] for row in rows]
    table = document.add_table(rows=1, cols=len(heads), style="Table Grid")
    table.autofit = False
    for cell, text in zip(table.rows[0].cells, heads, strict=True):
        cell.text = text
        cell.paragraphs[0].runs[0].bold = True
        cell._tc.get_or_add_tcPr().append(_made("w:shd", val="clear", color="auto", fill="E8EEF4"))
    head = table.rows[0]._tr.get_or_add_trPr()
    head.append(_made("w:cantSplit"))
    head.append(_made("w:tblHeader"))
    for row in texts:
        added = table.add_row()
        added._tr.get_or_add_trPr().append(_made("w:cantSplit"))
        for cell, text in zip(added.cells, row, strict=True):
            cell.text = text
    widths = _widths(heads, texts, words)
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    for row in table.rows:
        for number, cell in enumerate(row.cells):
            cell.width = widths[number]
            paragraph = cell.paragraphs[0]
            if number >= words:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
            for run in paragraph.runs:
                run.font.size = Pt(9)
    gap = document.add_paragraph()
    gap.paragraph_format.space_after, gap.paragraph_format.line_spacing = Pt(0), Pt(8)


def _made(name: str, **attributes):
    element = OxmlElement(name)
    for key, value in (attributes or {"val": "true"}).items():
        element.set(qn(f"w:{key}"), value)
    return element


def _widths(heads: list[str], texts: list[list[str]], words: int) -> list[Cm]:
    """Return the columns' widths: as their longest texts ask, none so wide that the others break at every word."""
    asked = []
    for number, head in enumerate(heads):
        longest = max(_em(row[number]) for row in texts)
        # The head of a number may stand on two lines.
        longest = max(longest, _em(head) if number < words else (_em(head) + 1) / 2)
        asked.append(min(max(longest, 3.0), 24.0) + 1.4)
    whole = sum(asked)
    return [Cm(WIDTH_CM * one / whole) for one in asked]


def _em(text: str) -> float:
    """Return how many Chinese letters wide a text is."""
    return sum(1.0 if ord(sign) > 0x2000 else 0.52 for sign in text)


def _shown(value, exact: bool = False) -> str:
    if value is None or value == "":
        return "—"
    if exact and isinstance(value, int):
        value = float(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}" if isinstance(value, float) else str(value)


def _compare(now: int, before: int) -> str:
    if now == before:
        return "与上月持平"
    return f"比上月{'增加' if now > before else '减少'}{abs(now - before):,}条"


def write(found: Figures, title: str) -> bytes:
    document = Document()
    set_fonts(document)
    document.core_properties.title, document.core_properties.author = title, ""
    document.add_heading(title, 0).alignment = WD_ALIGN_PARAGRAPH.CENTER
    when = timezone.localtime(found.as_of)
    document.add_paragraph(f"数据时点：{when:%Y-%m-%d %H:%M}").alignment = WD_ALIGN_PARAGRAPH.CENTER
    charts = Charts(document)
    month = f"{found.month.year}年{found.month.month}月"

    document.add_heading("一、核查范围与批次", 1)
    last = f"，最近一次为{timezone.localtime(found.last_run):%Y-%m-%d %H:%M}" if found.last_run else ""
    document.add_paragraph(
        f"本报告核查范围为{found.path}台账中的全部在册户和在册人员，共{found.records:,}条记录（户与人各计一条）。"
        f"{month}共运行疑点规则{found.runs}次{last}。"
    )

    document.add_heading("二、得分与排名", 1)
    if found.score is None:
        document.add_paragraph("本地区尚无记录，不计得分。")
    else:
        words = f"数据质量得分{found.score}分"
        if found.change is not None:
            words += f"，较上月{'上升' if found.change >= 0 else '下降'}{abs(found.change)}分"
        if found.rank:
            words += f"，在同级{found.rank[1]}个地区中列第{found.rank[0]}位"
        hit = found.hit
        document.add_paragraph(
            f"{words}。命中记录{hit.get('all', 0):,}条，其中错误{hit.get('E', 0):,}条、警告{hit.get('W', 0):,}条、"
            f"提示{hit.get('I', 0):,}条（每条记录按最重一级计一次）。"
        )
        document.add_paragraph("得分＝100×（1－命中记录加权数÷核查记录数），错误权重1，警告0.4，提示0.1，最低为0。")
        subs = [(str(label), found.subs.get(str(key))) for key, label in score.FACETS.items()]
        write_table(
            document, ["分项", "得分"], [(label, None if v is None else f"{float(v):.2f}") for label, v in subs], 1
        )
        if len(found.trend) > 1:
            labels = [f"{day.year}-{day.month:02d}" for day, _value in found.trend]
            charts.add("line", "逐月得分", "得分", labels, [float(value) for _day, value in found.trend])
    heads = ["地区", "得分", "记录", "错误", "警告", "提示", "未结", "新增", "办结", "逾期"]
    write_table(document, heads, found.places, 9)
    shown = [row for row in found.places if row[1] is not None][:20]
    charts.add("bar", "各地得分", "得分", [row[0] for row in shown], [float(row[1]) for row in shown], height_cm=9)

    document.add_heading("三、疑点分布", 1)
    parts = "、".join(f"{label}{found.by_severity.get(key, 0):,}条" for key, label in SEVERITIES.items())
    document.add_paragraph(f"截至数据时点，未结疑点{found.open:,}条，其中{parts}。")
    write_table(document, ["规则", "疑点", "级别", "未结", "新增", "办结"], [
        (code, title_, SEVERITIES.get(severity, ""), *rest) for code, title_, severity, *rest in found.rules[:30]
    ], 3)  # fmt: skip
    top = [row for row in found.rules if row[3]][:10]
    charts.add(
        "bar",
        "未结疑点最多的规则",
        "条",
        [f"{row[0]} {row[1]}"[:18] for row in top],
        [row[3] for row in top],
        height_cm=9,
    )

    document.add_heading("四、新增、办结与逾期", 1)
    document.add_paragraph(
        f"{month}新增疑点{found.new:,}条，{_compare(found.new, found.new_before)}；办结{found.closed:,}条，"
        f"{_compare(found.closed, found.closed_before)}；逾期未结{found.overdue:,}条。"
    )

    document.add_heading("五、疑点较多的村", 1)
    write_table(document, ["乡镇", "村", "未结", "其中错误"], found.villages, 2)

    document.add_heading("六、典型问题", 1)
    document.add_paragraph("以下各类问题各举一例，姓名已脱敏。")
    write_table(document, ["规则", "疑点", "对象", "村", "实际值", "应为"], found.cases, 0)

    document.add_heading("七、部门比对", 1)
    document.add_paragraph("部门数据比对结果为线索，须经入户核实，不能直接作为认定依据。")
    write_table(document, ["规则", "线索", "未结", "本月新增", "属实", "不属实"], found.departments, 4)

    document.add_heading("八、清理情况", 1)
    verdicts = found.verdicts
    document.add_paragraph(
        f"{month}作出核查结论{(verdicts.get('true') or 0) + (verdicts.get('other') or 0):,}个，其中属实"
        f"{verdicts.get('true') or 0:,}个；因数据更正而消除的疑点{found.gone:,}条；批量更正{found.batches[0]:,}批，"
        f"更正{found.batches[1]:,}条。"
    )

    document.add_heading("九、工作建议", 1)
    for number, sentence in enumerate(advice(found), 1):
        document.add_paragraph(f"{number}. {sentence}")
    out = BytesIO()
    document.save(out)
    return out.getvalue()
