"""What processes take: peak memory (VmHWM, which never falls), and time of the processor."""

import contextlib
import os
import threading
from pathlib import Path

PROC = Path("/proc")


def peak_kb(pid: int) -> int:
    """Return the most memory the process ever held, in kilobytes; 0 when it is gone."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        text = (PROC / str(pid) / "status").read_text()
        return int(text.split("VmHWM:")[1].split()[0])
    return 0


def family(pid: int) -> list[int]:
    """Return the process and all below it."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in (PROC / str(pid) / "task").iterdir():
            for child in (task / "children").read_text().split():
                found += family(int(child))
    return found


def command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def cpu_seconds(pids) -> float:
    """Return the processor time that the processes have taken so far."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name before the last bracket may hold anything; user and system time are the 12th and 13th after it.
            rest = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
            ticks += int(rest[11]) + int(rest[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def database_processes(name: str) -> list[int]:
    """Return the server's processes that serve the database `name`, when it runs on this machine."""
    found = []
    for entry in PROC.iterdir():
        if (
            entry.name.isdigit()
            and (words := command(int(entry.name))).startswith("postgres:")
            and f" {name} " in words
        ):
            found.append(int(entry.name))
    return found


class Watch:
    """Looks at a process and its children until left; `peaks` is {"reader" or "own": kilobytes of the largest}."""

    def __init__(self, pid: int, every: float = 0.02):
        self.pid, self.every, self.peaks = pid, every, {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self):
        while not self._stop.wait(self.every):
            for pid in family(self.pid):
                # A child that was only just forked still looks like its parent.
                sort = "reader" if "exchange.child" in command(pid) else "own"
                self.peaks[sort] = max(self.peaks.get(sort, 0), peak_kb(pid))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self._stop.set()
        self._thread.join()
