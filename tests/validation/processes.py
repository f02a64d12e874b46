"""Other processes for tests of the rules: `manage.py` on the test's own database."""

import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

from django.db import connection

ROOT = Path(__file__).resolve().parent.parent.parent


def environment(**more) -> dict[str, str]:
    target = connection.settings_dict
    query = f"host={quote(target['HOST'], safe='')}&port={target['PORT']}" if target["HOST"].startswith("/") else ""
    place = "" if query else f"{target['HOST']}:{target['PORT']}"
    secret = f":{quote(target['PASSWORD'])}" if target["PASSWORD"] else ""
    url = f"postgis://{target['USER']}{secret}@{place}/{target['NAME']}{'?' + query if query else ''}"
    return {**os.environ, "DATABASE_URL": url, "DATABASE_OWNER_URL": "", **more}


def manage(*arguments: str) -> subprocess.Popen:
    """Start a command; its output is read with `communicate()`."""
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s in vain")
