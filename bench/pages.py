"""How long pages take under load: wrk with 20 connections against gunicorn as it is deployed, beside the empty view E."""

import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from importlib import import_module

from bench import place
from bench.memory import Watch, cpu_seconds, database_processes, family

CONNECTIONS, THREADS = 20, 2
ANSWERS, MOST_SECONDS = 5, 120
EMPTY = "/bench/empty/"


@dataclass
class Page:
    """An address as one user asks for it; `times` are the p95 of each round in milliseconds, `empty` those of E."""

    name: str
    url: str
    cookie: str
    rows: int = 0  # of a list: fewer would be another page than the one that is meant
    headers: dict[str, str] = field(default_factory=dict)  # beside the cookie
    seconds: int = 0  # of a round
    times: list[float] = field(default_factory=list)
    empty: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    cpu: list[tuple[float, float]] = field(default_factory=list)  # milliseconds a request: web, database
    empty_cpu: list[tuple[float, float]] = field(default_factory=list)

    @property
    def p95(self) -> float:
        return statistics.median(self.times)

    @property
    def empty_p95(self) -> float:
        return statistics.median(self.empty)

    def detail(self) -> dict:
        return {
            "url": self.url,
            "seconds": self.seconds,
            "p95_ms": [round(value, 2) for value in self.times],
            "empty_p95_ms": [round(value, 2) for value in self.empty],
            "requests_per_second": [round(value) for value in self.per_second],
            "cpu_ms": _middle(self.cpu),
            "empty_cpu_ms": _middle(self.empty_cpu),
        }


def _middle(pairs: list[tuple[float, float]]) -> dict[str, float]:
    web, database = (round(statistics.median(values), 2) for values in zip(*pairs, strict=True))
    return {"web": web, "database": database}


def log_in(user) -> str:
    """Return the session cookie of a new session of `user`."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from accounts.middleware import BEGAN, SEEN

    session = import_module(settings.SESSION_ENGINE).SessionStore()
    now = int(time.time())
    session.update(
        {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
            HASH_SESSION_KEY: user.get_session_auth_hash(),
            BEGAN: now,
            SEEN: now,
        }
    )
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


@contextlib.contextmanager
def serving():
    """Run the web server on a loopback port; gives (address, watch of its processes' memory)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "BIND": f"127.0.0.1:{port}", "WEB_WORKERS": "2", "WEB_THREADS": "4"}
    gunicorn = shutil.which("gunicorn", path=str(place.ROOT / ".venv/bin")) or "gunicorn"
    server = subprocess.Popen(
        [gunicorn, "--config", "deploy/gunicorn.py", "poverty.wsgi:application"], cwd=place.ROOT, env=environment
    )
    address = f"http://127.0.0.1:{port}"
    try:
        with Watch(server.pid) as watch:
            for _try in range(300):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if server.poll() is not None:
                    raise RuntimeError("gunicorn did not start; its last words are above")
                time.sleep(0.1)
            yield address, watch
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(40)
        except subprocess.TimeoutExpired:
            server.kill()


def ask(address: str, page: Page) -> bytes:
    """Return the page; anything but a page is an error, or its speed would mean nothing."""
    headers = {"Cookie": page.cookie, **page.headers}
    request = urllib.request.Request(address + page.url, headers=headers)  # noqa: S310 — loopback
    with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
        if answer.status != 200 or answer.url != address + page.url:
            raise RuntimeError(f"{page.name}: {answer.status} {answer.url}")
        body = answer.read()
    if body.count(b"<tr data-href") < page.rows:
        raise RuntimeError(f"{page.name}: {len(body)} bytes with fewer than {page.rows} rows")
    return body


def load(address: str, url: str, cookie: str, seconds: int, headers: dict | None = None) -> dict:
    """Ask for one address as fast as it answers, over 20 connections."""
    # The server still works at what the former load asked for and no longer waits for.
    ask(address, Page("empty", EMPTY, cookie))
    said = {"Cookie": cookie, **(headers or {})}
    done = subprocess.run(
        [
            "wrk", f"-t{THREADS}", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "120s", "--latency",
            "-s", str(place.ROOT / "bench/p95.lua"), *[word for one in said.items() for word in ("-H", ": ".join(one))],
            address + url,
        ],
        capture_output=True, text=True, check=True, timeout=seconds + 120,
    )  # fmt: skip
    found = json.loads(done.stdout.strip().splitlines()[-1])
    if found["status"] or found["failed"]:
        raise RuntimeError(f"{url}: {found}")
    return found


def weighed(
    server: int, address: str, url: str, cookie: str, seconds: int, headers: dict | None = None
) -> tuple[dict, tuple[float, float]]:
    """As `load`, with the processor's milliseconds a request took in the web and database processes."""
    sides = family(server), database_processes(place.database_name())
    before = [cpu_seconds(pids) for pids in sides]
    found = load(address, url, cookie, seconds, headers)
    spent = [cpu_seconds(pids) - was for pids, was in zip(sides, before, strict=True)]
    web, database = (1000 * taken / max(found["requests"], 1) for taken in spent)
    return found, (web, database)


def measure(pages: list[Page], *, rounds: int, seconds: int, warm: int = 2) -> dict[str, int]:
    """Fill in the times of `pages`; return the peak memory of web processes in kilobytes.

    E is asked right before every page, in every round: what else the machine does meets both.
    """
    with serving() as (address, watch):
        for page in pages:
            ask(address, page)
            warmed = load(address, page.url, page.cookie, warm, page.headers)
            # Only answers that came are counted: a round lasts long enough for several of every connection's.
            wanted = warm * ANSWERS * CONNECTIONS / max(warmed["requests"], 1)
            page.seconds = max(seconds, min(round(wanted), MOST_SECONDS))
        for _round in range(rounds):
            for page in pages:
                bare, cpu = weighed(watch.pid, address, EMPTY, page.cookie, seconds)
                page.empty.append(bare["p95"] / 1000)
                page.empty_cpu.append(cpu)
                found, cpu = weighed(watch.pid, address, page.url, page.cookie, page.seconds, page.headers)
                if not found["requests"] or not bare["requests"]:
                    raise RuntimeError(f"{page.name}: not one answer in {page.seconds} s")
                page.times.append(found["p95"] / 1000)
                page.cpu.append(cpu)
                page.per_second.append(found["requests"] / (found["microseconds"] / 1e6))
    return watch.peaks
