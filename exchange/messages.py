"""Sentences for people: what a fault or a refusal is, where it stands, and what to do about it."""

import json

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from poverty import declarations

# {(code, action, kind)}: kind is a word of the fault's params, "" where there is none.
FAULTS = {
    ("D1", "ask", ""): gettext_lazy(
        "The number has lost its last digits in Excel (%(value)s). "
        "Copy it from the document and enter it, or leave the cell blank."
    ),
    ("D2", "auto", ""): gettext_lazy("A number cell was turned into text without a decimal point. Nothing to do."),
    ("D3", "auto", ""): gettext_lazy(
        "Invisible characters, line breaks or quotation marks were removed. Nothing to do."
    ),
    ("D3", "ask", "long"): gettext_lazy(
        "The text is too long; at most %(most)s characters are kept. Shorten it, or leave the cell blank."
    ),
    ("D4", "auto", ""): gettext_lazy("Full-width or lower-case characters were put right. Nothing to do."),
    ("D4", "ask", ""): gettext_lazy(
        "The number holds a letter O or l where a digit belongs, and the check digit does not settle it. "
        "Compare it with the document and enter it."
    ),
    ("D5", "auto", ""): gettext_lazy("Blanks inside the name were removed. Nothing to do."),
    ("D5", "note", ""): gettext_lazy(
        "The remark “%(remark)s” was taken out of the name. If it reports an event, such as a death, record that event."
    ),
    ("D6", "auto", ""): gettext_lazy("The date was read as %(to)s. Nothing to do."),
    ("D6", "auto", "blank"): gettext_lazy("“%(value)s” was read as no date. Nothing to do."),
    ("D6", "ask", ""): gettext_lazy("“%(value)s” cannot be read as a date. Enter it as in 2017-03-05."),
    ("D6", "ask", "readings"): gettext_lazy(
        "The date “%(value)s” can mean %(readings)s. Choose one, or enter it as in 2017-03-05."
    ),
    ("D6", "ask", "number"): gettext_lazy("The cell holds a date where a number belongs. Enter the number as text."),
    ("D7", "auto", ""): gettext_lazy("The household's cells were filled down from the row above. Nothing to do."),
    ("D8", "auto", "total"): gettext_lazy("A total row was left out and kept for the reconciliation. Nothing to do."),
    ("D8", "auto", "foot"): gettext_lazy("A footnote row was left out. Nothing to do."),
    ("D8", "auto", "example"): gettext_lazy("The example row of the blank template was left out. Nothing to do."),
    ("D8", "auto", "unit"): gettext_lazy("The note on the unit of money was applied to the table. Check one amount."),
    ("D9", "auto", "repeated"): gettext_lazy("A repeated header row was left out. Nothing to do."),
    ("D9", "auto", "table"): gettext_lazy(
        "A second table begins here and was read with its own header. Nothing to do."
    ),
    ("D1", "ask", "masked"): gettext_lazy(
        "The cell holds a masked value (%(value)s) that is not the mask of what is on file. "
        "Enter the whole number, or leave the cell blank to keep what is stored."
    ),
    ("D11", "auto", ""): gettext_lazy(
        "The rows of this household do not stand together; they were read as one household. Nothing to do."
    ),
    ("D11", "stop", "keyless"): gettext_lazy(
        "The row belongs to no household: it has no household number, and no head with an ID number stands above it. "
        "Fill in the household number and import the row again."
    ),
    ("D11", "stop", "double"): gettext_lazy(
        "The file names this household in two ways, once by its number and once by its head. "
        "Write the household number on all of its rows and import them again."
    ),
    ("D13", "auto", ""): gettext_lazy("“%(value)s” was read as the official wording. Nothing to do."),
    ("D13", "auto", "blank"): gettext_lazy("“%(value)s” was read as blank. Nothing to do."),
    ("D13", "ask", ""): gettext_lazy(
        "“%(label)s” is not in the list of this column. Choose what it means; the answer is remembered."
    ),
    ("D14", "auto", ""): gettext_lazy("The number was read as %(to)s. Nothing to do."),
    ("D14", "auto", "rounded"): gettext_lazy("The number was rounded to %(rounded)s. Nothing to do."),
    ("D14", "auto", "blank"): gettext_lazy("“%(value)s” was read as blank. Nothing to do."),
    ("D14", "ask", ""): gettext_lazy(
        "“%(value)s” cannot be read as a number. Enter the number, or leave the cell blank."
    ),
    ("D14", "ask", "range"): gettext_lazy("“%(value)s” is too large to be right. Enter the number, or leave it blank."),
    ("D14", "ask", "whole"): gettext_lazy("“%(value)s” must be a whole number. Enter the number, or leave it blank."),
    ("D14", "ask", "number"): gettext_lazy("The cell holds a date where a number belongs. Enter the number."),
    ("D14", "stop", ""): gettext_lazy(
        "The cell shows the error %(error)s. Put the formula right in the workbook and import the row again."
    ),
    ("D15", "ask", ""): gettext_lazy(
        "%(count)s amounts are ten thousand times off the rest of the column (for example %(examples)s). "
        "Say whether they are in yuan or in ten thousand yuan."
    ),
    ("D16", "auto", ""): gettext_lazy("The percentage was read as %(to)s. Nothing to do."),
    ("D16", "ask", ""): gettext_lazy("The percentage “%(value)s” cannot be read. Enter it as a number from 0 to 100."),
    ("D16", "ask", "readings"): gettext_lazy(
        "The percentage “%(value)s” can mean %(readings)s, because shares and percentages stand in one column. Choose one."
    ),
    ("D17", "auto", ""): gettext_lazy("The place was recognised under another spelling. Nothing to do."),
    ("D17", "ask", ""): gettext_lazy(
        "There is no village “%(value)s” in the area of this import, or there is more than one. Choose the village."
    ),
    ("D17", "note", "left"): gettext_lazy(
        "There is no village “%(value)s” in this area, or there is more than one. The row is stored without a village."
    ),
    ("D17", "stop", "outside"): gettext_lazy(
        "The row lies outside the area of this import. Import it with the file of its own area, or choose a larger area."
    ),
    ("D17", "stop", "blank"): gettext_lazy(
        "The village is missing, so the row cannot be placed. Fill in the village and import the row again."
    ),
    ("D18", "auto", ""): gettext_lazy(
        "The telephone number was put right; of several the first counts. Nothing to do."
    ),
    ("D18", "ask", ""): gettext_lazy("“%(value)s” cannot be read as telephone numbers. Enter one number."),
    ("D19", "auto", ""): gettext_lazy(
        "The number is that of a disability certificate; its first 18 characters are the identity number. Nothing to do."
    ),
    ("D20", "auto", ""): gettext_lazy(
        "The same person or household stands again further down; the later row counts. Nothing to do."
    ),
    ("D21", "ask", ""): gettext_lazy(
        "The name “%(value)s” holds damaged characters. Enter the name as in the household booklet."
    ),
    ("D22", "note", "row"): gettext_lazy(
        "The row is hidden in the workbook and was read all the same. Check that it belongs."
    ),
    ("D22", "note", "column"): gettext_lazy(
        "The column is hidden in the workbook and was read all the same. Check that it belongs."
    ),
    ("D22", "note", "sheet"): gettext_lazy(
        "The sheet is hidden in the workbook and was read all the same. Check that it belongs."
    ),
    ("D22", "stop", "formula"): gettext_lazy(
        "The cell holds a formula without a stored result. Open the workbook in Excel, save it, and import it again."
    ),
    ("ID-12", "stop", "taken"): gettext_lazy(
        "The number cannot be used here. Compare it with the document; if it is right, ask the county office."
    ),
    ("ID-14", "stop", ""): gettext_lazy("The name is missing. Fill in the name and import the row again."),
    ("D24", "note", ""): gettext_lazy(
        "The text begins with a sign that spreadsheets compute with; it was stored as text. Check that it is right."
    ),
}
KEPT = gettext_lazy("The cell could not be read; by your answer it was left as found and stored blank. Nothing to do.")
FALLBACK = {
    "auto": gettext_lazy("The cell was put right. Nothing to do."),
    "note": gettext_lazy("The cell was stored as it stands. Check that it is right."),
    "ask": gettext_lazy("The cell cannot be read for certain. Enter the right value."),
    "stop": gettext_lazy("The row cannot be read. Put it right in the workbook and import it again."),
}

REFUSALS = {
    "upload": gettext_lazy(
        "The file is larger than %(most_mb)s MB. Split it, for example by town, and import the parts."
    ),
    "empty": gettext_lazy("The file is empty. Choose the file again; if it was exported, export it again."),
    "entries": gettext_lazy(
        "The workbook consists of more than %(most)s parts. Copy the table into a new workbook and import that."
    ),
    "unpacked": gettext_lazy(
        "The workbook unpacks to more than %(most_mb)s MB. Copy the table into a new workbook, or split it by town."
    ),
    "ratio": gettext_lazy(
        "The workbook unpacks to more than %(most)s times its size, as harmful files do. "
        "Copy the table into a new workbook and import that."
    ),
    "cells": gettext_lazy(
        "The sheet reaches over more than %(most)s cells, often because of one stray cell far outside the table. "
        "Delete the rows and columns behind the table, or copy the table into a new workbook."
    ),
    "sheets": gettext_lazy(
        "The workbook has %(found)s sheets; at most %(most)s are read. Split it and import the parts."
    ),
    "macro": gettext_lazy("The workbook holds macros, which are never opened here. Save it as .xlsx without macros."),
    "external": gettext_lazy(
        "The workbook is linked to other files or data sources. Break the links in Excel (Data, Edit Links), save, and try again."
    ),
    "dtd": gettext_lazy(
        "The file holds a document type definition, as harmful files do. Save it again in Excel as .xlsx."
    ),
    "encrypted": gettext_lazy(
        "The file is protected by a password. Take the password off in Excel, save, and import it again."
    ),
    "path": gettext_lazy("The workbook holds unsafe file names. Copy the table into a new workbook and import that."),
    "double_entry": gettext_lazy(
        "The workbook holds a part twice. Copy the table into a new workbook and import that."
    ),
    "html": gettext_lazy(
        "The file is a web page named like a workbook. Open it in Excel, save it as .xlsx, and import that."
    ),
    "xml": gettext_lazy(
        "The file is an XML table, not a workbook. Open it in Excel, save it as .xlsx, and import that."
    ),
    "xml_encoding": gettext_lazy(
        "The workbook is stored in an unusual way. Open it in Excel, save it as .xlsx, and import that."
    ),
    "content": gettext_lazy("The file is not a table but %(found)s. Choose an .xlsx, .xls or .csv file."),
    "not_a_table": gettext_lazy(
        "The file is neither a workbook nor readable text. Choose an .xlsx, .xls or .csv file."
    ),
    "broken": gettext_lazy("The workbook is damaged or cut off. Open it in Excel, save it again, and import that."),
    "broken_text": gettext_lazy("The text file is damaged. Save the table as .xlsx and import that."),
    "no_header": gettext_lazy(
        "No header row was found. Needed columns: %(missing)s. Found: %(found)s. "
        "Use the blank template, or name the columns as in it."
    ),
    "missing_columns": gettext_lazy(
        "Needed columns are missing: %(missing)s. Found: %(found)s. Add them, or name them as in the blank template."
    ),
    "memory": gettext_lazy(
        "The file needs more memory than is allowed. Split it, for example by town, and import the parts."
    ),
    "timeout": gettext_lazy("Reading the file took too long. Split it, for example by town, and import the parts."),
    "died": gettext_lazy(
        "Reading the file was broken off because it asked for too much. Copy the table into a new workbook, or split it by town."
    ),
}
NOTES = {
    "text_as_workbook": gettext_lazy(
        "The file is named like a workbook but is plain text; it was read as CSV. Check a few rows of the preview."
    ),
}


def fault_text(code, action, params, *, sheet="", row=None, column="", value="") -> str:
    """Return the sentence for a fault in the active language: where it is, what happened, what to do.

    `params` is a mapping or its JSON text. `value` is shown as it is given: mask it before, where it must be masked.
    """
    params = json.loads(params) if isinstance(params, str) else dict(params or {})
    words = {key: _shown(given) for key, given in params.items()}
    words["value"] = value or ""
    words.setdefault("error", words["value"])
    if params.get("kept"):
        text = str(KEPT)
    else:
        named = [params.get("kind"), params.get("problem")]
        kinds = [str(kind) for kind in named if kind]
        kinds += [*(key for key in ("blank", "rounded", "readings") if params.get(key)), ""]
        text = next((FAULTS[code, action, kind] for kind in kinds if (code, action, kind) in FAULTS), None)
        if text is None and code in declarations.rules:
            return _place(sheet, row, column) + _rule_text(declarations.rules[code], words)
        text = str(text or FALLBACK[action]) % _Words(words)
    return _place(sheet, row, column) + text


def _rule_text(rule, words: dict) -> str:
    """Return the sentence for what a data rule found: the rule, what was seen and expected, what to do."""
    text = _(rule.title)
    if words.get("seen", "?") != "?" and words.get("expected"):
        text += _(" (found %(seen)s, expected %(expected)s)") % words
    return _("%(what)s. The value was stored as it stands. %(advice)s.") % {"what": text, "advice": _(rule.suggestion)}


def refusal_text(code, params) -> str:
    """Return why a file was refused and what to do next; `params` are those of `Refused`, its key among them."""
    text = REFUSALS.get((params or {}).get("key")) or REFUSALS.get(code) or REFUSALS["broken"]
    return str(text) % _Words({name: _shown(given) for name, given in (params or {}).items()})


def note_text(key: str) -> str:
    """Return the sentence for one of `meta["notes"]`."""
    return str(NOTES.get(key, key))


class _Words(dict):
    """Format arguments: a missing word is left out instead of breaking the sentence."""

    def __missing__(self, key):
        return ""


def _shown(value) -> str:
    if isinstance(value, list | tuple):
        return _(", ").join(str(item) for item in value[:40]) or "—"
    return str(value)


def _place(sheet: str, row, column: str) -> str:
    if row and column:
        place = _("Row %(row)s, column “%(column)s”: ") % {"row": row, "column": column}
    elif row:
        place = _("Row %(row)s: ") % {"row": row}
    else:
        return ""
    return (_("Sheet “%(sheet)s”, ") % {"sheet": sheet} + place) if sheet else place
