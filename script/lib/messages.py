#!/usr/bin/env python
"""Keep the Chinese catalogue in step with the code.

messages.py                 extract all messages, keep what is translated, take over snippets given by --merge FILE…
messages.py --check FOLDER  extract into FOLDER and name the messages that have no translation (exit status 1)
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PO = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
SOURCES = ["poverty", "regions", "accounts", "jobs", "exchange", "validation", "dashboard", "households"]


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[0]}: {done.stderr}")
    return done.stdout


def extract(folder: Path) -> Path:
    """Write the template of all messages below `folder` and return it: a copy of the sources is scanned by Django."""
    work = folder / "scan"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for name in [*SOURCES, "templates"]:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, work / name, ignore=shutil.ignore_patterns("__pycache__", "migrations", "*.mo")
            )
    (work / "locale").mkdir()
    run(
        sys.executable, "-m", "django", "makemessages", "-l", "zh_Hans", "--keep-pot", "--no-wrap", "--no-location",
        "-e", "html,py,txt", cwd=work,
    )  # fmt: skip
    return work / "locale" / "django.pot"


def join(snippets: list[Path], folder: Path) -> Path:
    """Join snippets of translations into one catalogue; of two translations of a message the first is kept."""
    header = PO.read_text().split("\n\n", 1)[0]
    whole = []
    for snippet in snippets:
        text = snippet.read_text()
        entries = [block for block in re.split(r"\n\s*\n", text) if not re.search(r'^msgid ""\nmsgstr ""', block, re.M)]
        whole.append(folder / f"{snippet.stem}.joined.po")
        whole[-1].write_text(header + "\n\n" + "\n\n".join(entries) + "\n")
    run("msgcat", "--use-first", "--no-wrap", "-o", str(folder / "joined.po"), *map(str, whole), cwd=ROOT)
    return folder / "joined.po"


def untranslated(po: Path) -> list[str]:
    """Return the message ids without translation."""
    text = run("msgattrib", "--untranslated", "--no-obsolete", "--no-wrap", str(po), cwd=ROOT)
    fuzzy = run("msgattrib", "--only-fuzzy", "--no-obsolete", "--no-wrap", str(po), cwd=ROOT)
    return [found for found in re.findall(r'^msgid (".*")$', text + fuzzy, re.M) if found != '""']


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", type=Path)
    parser.add_argument("--merge", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    folder = options.check or ROOT / ".run" / "messages"
    template = extract(folder)
    merged = folder / "django.po"
    compendia = ["--compendium", str(join(options.merge, folder))] if options.merge else []
    run(
        "msgmerge",
        "-q",
        "--no-fuzzy-matching",
        "--no-wrap",
        *compendia,
        "-o",
        str(merged),
        str(PO),
        str(template),
        cwd=ROOT,
    )
    run("msgattrib", "--no-obsolete", "--no-wrap", "--sort-output", "-o", str(merged), str(merged), cwd=ROOT)
    missing = untranslated(merged)
    for message in missing:
        print(message)
    if not options.check:
        shutil.copy(merged, PO)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
