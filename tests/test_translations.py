"""The Chinese interface is complete: every message of the code is translated, none is fuzzy."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PO = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"


def entries(text: str):
    """Yield (flags, msgid, msgstr) of a catalogue; obsolete entries are left out."""
    for block in re.split(r"\n\s*\n", text):
        if not re.search(r"^msgid ", block, re.M) or re.search(r"^#~", block, re.M):
            continue
        parts = {}
        name = None
        for line in block.splitlines():
            found = re.match(r'^(msgid_plural|msgid|msgstr(?:\[\d\])?|msgctxt) (".*")$', line)
            if found:
                name = found[1]
                parts[name] = found[2][1:-1]
            elif name and line.startswith('"'):
                parts[name] += line[1:-1]
        flags = " ".join(line for line in block.splitlines() if line.startswith("#,"))
        yield (
            flags,
            parts.get("msgid", "") + parts.get("msgid_plural", ""),
            [value for key, value in parts.items() if key.startswith("msgstr")],
        )


def test_every_message_is_translated(tmp_path):
    command = [sys.executable, str(ROOT / "script/lib/messages.py"), "--check", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_translation_is_fuzzy_or_empty():
    wrong = [msgid for flags, msgid, texts in entries(PO.read_text()) if msgid and ("fuzzy" in flags or not all(texts))]
    assert wrong == []


def test_placeholders_survive_translation():
    names = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
    for _flags, msgid, texts in entries(PO.read_text()):
        for text in texts:
            assert set(names.findall(text)) <= set(names.findall(msgid)), msgid
