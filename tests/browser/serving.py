"""A register that runs: gunicorn, one worker and a Redis of their own, on the database of the tests."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent.parent


def database_url(target: dict) -> str:
    """Return the address of the database of a Django connection's settings."""
    secret = f":{quote(target['PASSWORD'])}" if target["PASSWORD"] else ""
    if target["HOST"].startswith("/"):
        place, query = "", f"?host={quote(target['HOST'], safe='')}&port={target['PORT']}"
    else:
        place, query = f"{target['HOST']}:{target['PORT'] or 5432}", ""
    return f"postgis://{target['USER']}{secret}@{place}/{target['NAME']}{query}"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Register:
    """The processes of one running register; `folder` holds what they write."""

    def __init__(self, folder: Path, target: dict):
        self.folder = folder
        self.address = f"http://127.0.0.1:{free_port()}"
        self.processes: list[subprocess.Popen] = []
        redis = folder / "redis.sock"
        self.environment = {
            **os.environ,
            "DATABASE_URL": database_url(target),
            "DATABASE_OWNER_URL": "",
            "REDIS_URL": f"unix://{redis}?db=0",
            "MEDIA_ROOT": str(folder / "media"),
            "STATIC_ROOT": str(folder / "static"),
            "ALLOWED_HOSTS": "127.0.0.1",
            "DEBUG": "False",
            "HTTPS": "False",
            "IDLE_MINUTES": "30",
            "BIND": self.address.removeprefix("http://"),
            "WEB_WORKERS": "1",
            "WEB_THREADS": "4",
        }
        self.start("redis-server", "--port", "0", "--unixsocket", str(redis), "--dir", str(folder), "--save", "")

    def start(self, *command: str):
        with open(self.folder / "log", "ab") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        self.processes.append(process)
        return process

    def manage(self, *arguments: str, wait: bool = True):
        process = self.start(sys.executable, "manage.py", *arguments)
        return self.ended(process) if wait else process

    def ended(self, process):
        assert process.wait(timeout=180) == 0, self.log()
        self.processes.remove(process)

    def serve(self):
        gunicorn = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.py", "poverty.wsgi:application"]
        worker = [sys.executable, "-m", "celery", "-A", "poverty", "worker", "-Q", "imports,default", "-c", "1"]
        self.start(*gunicorn)
        self.start(*worker, "--without-gossip", "--without-mingle", "-l", "WARNING")
        for _attempt in range(600):
            try:
                urllib.request.urlopen(self.address + "/login/", timeout=5)
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise AssertionError(f"no answer from the register\n{self.log()}")

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def stop(self):
        for process in self.processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
