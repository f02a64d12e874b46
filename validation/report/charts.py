"""Charts of a Word file as native charts: sharp on paper, and their data open in Excel with a double click.

The chart's XML and its embedded workbook come from openpyxl; the values are also written as a cache, which is what
Word and LibreOffice draw.
"""

from io import BytesIO

from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.shared import Cm, Pt
from lxml import etree
from openpyxl import Workbook
from openpyxl.chart import BarChart, LineChart, Reference
from openpyxl.chart.data_source import NumData, NumVal, StrData, StrVal
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.marker import Marker
from openpyxl.chart.text import RichText, Text
from openpyxl.chart.title import Title
from openpyxl.drawing.text import CharacterProperties, Paragraph, ParagraphProperties, RegularTextRun
from openpyxl.xml.functions import tostring

MOST_LABELS = 40
CHART = "application/vnd.openxmlformats-officedocument.drawingml.chart+xml"
C = "http://schemas.openxmlformats.org/drawingml/2006/chart"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
INLINE = """<w:drawing xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"
 xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
 xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:c="{c}" xmlns:r="{r}">
 <wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent cx="{width}" cy="{height}"/>
 <wp:docPr id="{number}" name="chart {number}" descr="{words}"/><wp:cNvGraphicFramePr/>
 <a:graphic><a:graphicData uri="{c}"><c:chart r:id="{rel}"/></a:graphicData></a:graphic></wp:inline></w:drawing>"""


def make(kind: str, title: str, unit: str, labels: list[str], values: list[float], sheet=None):
    """Return an openpyxl chart over rows of `sheet` (a new workbook's when None), and the sheet's workbook."""
    book = None
    if sheet is None:
        book = Workbook()
        sheet = book.active
        sheet.title = "Sheet1"
    start = sheet.max_row + 2 if sheet.max_row > 1 else 1
    sheet.cell(start, 1, title), sheet.cell(start, 2, unit)
    for number, (label, value) in enumerate(zip(labels, values, strict=True), start + 1):
        sheet.cell(number, 1, label), sheet.cell(number, 2, value)
    chart = LineChart() if kind == "line" else BarChart()
    if kind == "bar":
        chart.type, chart.gapWidth = "bar", 60
        chart.x_axis.scaling.orientation = "maxMin"
    chart.add_data(Reference(sheet, min_col=2, min_row=start, max_row=start + len(labels)), titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=1, min_row=start + 1, max_row=start + len(labels)))
    chart.title, chart.legend = _title(title if not unit or f"（{unit}）" in title else f"{title}（{unit}）"), None
    chart.x_axis.delete = False
    # The lengths of bars are compared from zero, and each has its number: an axis would only repeat it.
    chart.y_axis.delete = kind != "line"
    chart.y_axis.majorGridlines = chart.y_axis.majorGridlines if kind == "line" else None
    chart.x_axis.tickLblSkip = 1 if len(labels) <= MOST_LABELS else None
    shown = (
        "#,##0"
        if max(abs(value) for value in values) >= 1000 or all(value == int(value) for value in values)
        else "0.00"
    )
    chart.y_axis.number_format = "#,##0" if shown == "#,##0" else "General"
    if kind != "line" and min(values) >= 0:
        chart.y_axis.scaling.min = 0
        chart.y_axis.scaling.max = (max(values) or 1) * 1.18  # room for the number of the longest one
    series = chart.series[0]
    series.dLbls = DataLabelList(
        showVal=True, showSerName=False, showCatName=False, showLegendKey=False, showPercent=False, numFmt=shown
    )
    if kind == "line":
        series.smooth, series.dLbls.position = False, "t"
        series.marker = Marker(symbol="circle", size=5)
        series.marker.graphicalProperties.solidFill = "2D74B0"
    series.graphicalProperties.solidFill = series.graphicalProperties.line.solidFill = "2D74B0"
    series.val.numRef.numCache = NumData(
        formatCode="General", ptCount=len(values), pt=[NumVal(idx=n, v=str(value)) for n, value in enumerate(values)]
    )
    series.cat.numRef, series.cat.strRef = None, series.cat.strRef or _text_reference(series.cat.numRef)
    series.cat.strRef.strCache = StrData(
        ptCount=len(labels), pt=[StrVal(idx=n, v=label) for n, label in enumerate(labels)]
    )
    series.tx.strRef.strCache = StrData(ptCount=1, pt=[StrVal(idx=0, v=unit)])
    return chart, book


def _title(text: str) -> Title:
    letters = CharacterProperties(sz=1200, b=True)
    words = Paragraph(pPr=ParagraphProperties(defRPr=letters), r=[RegularTextRun(rPr=letters, t=text)])
    return Title(tx=Text(rich=RichText(p=[words])), overlay=False)


def _text_reference(numbers):
    from openpyxl.chart.data_source import StrRef

    return StrRef(f=numbers.f)


class Charts:
    """Puts charts into one document."""

    def __init__(self, document):
        self.document, self.count = document, 0

    def add(self, kind: str, title: str, unit: str, labels: list[str], values: list[float], *, height_cm=7.5) -> None:
        if not values:
            return
        self.count += 1
        if kind == "bar":
            height_cm = max(2.2 + 0.62 * len(values), 3.4)  # the same bar everywhere, few of them or many
        chart, book = make(kind, title, unit, labels, values)
        root = etree.fromstring(tostring(chart._write()))
        package = self.document.part.package
        data = BytesIO()
        book.save(data)
        workbook = Part(
            PackURI(f"/word/embeddings/chart{self.count}.xlsx"), CONTENT_TYPE.SML_SHEET, data.getvalue(), package
        )
        part = Part(PackURI(f"/word/charts/chart{self.count}.xml"), CHART, b"", package)
        outside = etree.SubElement(root, f"{{{C}}}externalData")
        outside.set(f"{{{R}}}id", part.relate_to(workbook, RELATIONSHIP_TYPE.PACKAGE))
        etree.SubElement(outside, f"{{{C}}}autoUpdate").set("val", "0")
        part._blob = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
        rel = self.document.part.relate_to(part, RELATIONSHIP_TYPE.CHART)
        xml = INLINE.format(
            c=C, r=R, width=int(Cm(15.5)), height=int(Cm(height_cm)), number=100 + self.count, rel=rel, words=title
        )
        place = self.document.add_paragraph()
        place.paragraph_format.space_after = Pt(4)
        place.add_run()._r.append(parse_xml(xml))
