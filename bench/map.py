"""The rows about the battle map, measured on the county of the data rules: `--only map`.

What is read is made as in a register that has been kept for two years: the running month and one before are worked out,
the months between are copies. Ten times the data are ten cities of that size, of which one is looked at.
"""

import contextlib
import datetime as dt
import gzip
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

from bench import pages, place, register, steps
from bench.pages import Page, log_in

MONTHS = 24  # kept, at the least
CHANGES = 5
FIGURES = "dashboard_regionfigure"
SCRIPT = {"HX-Request": "true"}
PACKED_KB = 300  # of a first view, page and data
# Told to the browser before anything else: when the map was painted, and what kept the page from answering.
WATCH = """
window.bench = {tasks: [], painted: 0};
new PerformanceObserver((list) => list.getEntries().forEach((one) => bench.tasks.push([one.startTime, one.duration])))
  .observe({type: 'longtask', buffered: true});
new MutationObserver(() => {
  if (bench.painted || !document.querySelector('#battle-map[data-shown]')) return;
  requestAnimationFrame(() => setTimeout(() => { bench.painted = bench.painted || performance.now(); }));
}).observe(document, {subtree: true, childList: true, attributes: true, attributeFilter: ['data-shown']});
"""


class Map:
    """`checks` has loaded the county; its bench gets the rows."""

    def __init__(self, checks):
        self.bench, self.say = checks.bench, checks.say
        self.quick = self.bench.given.quick
        self.month = dt.date.today().replace(day=1)
        self.earlier = dt.date.fromisoformat(checks.on).replace(day=1)
        self.before: dict[str, float] = {}

    def once(self) -> None:
        self.recompute()
        self.look(register.CITY, 1)
        self.change(register.CITY, 1)
        self.browse(register.CITY)

    def tenfold(self) -> None:
        self.say("figures of ten cities")
        with place.owner() as owner:
            for copy in register.COPIES:
                owner.execute(
                    f"INSERT INTO {FIGURES} (region, length, month, sums, made_at) SELECT '{copy}' || substr(region, 5), length,"
                    f" month, sums, made_at FROM {FIGURES} WHERE region LIKE '{register.CITY}%'"
                )
            owner.execute(f"DELETE FROM {FIGURES} WHERE region LIKE '{register.CITY}%'")
        forget_marks()
        register.settle()
        self.look(register.COPIES[0], 10)
        self.change(register.COPIES[0], 10)

    # --- everything anew -----------------------------------------------------------------------------------------

    def recompute(self) -> None:
        self.say("working out all figures")
        steps.run("figures", month=f"{self.earlier:%Y-%m-%d}")
        register.settle()
        found = steps.run("figures", month=f"{self.month:%Y-%m-%d}")
        scans = steps.run("figure_scans", month=f"{self.month:%Y-%m-%d}")
        self.say(f"  {found} {scans}")
        self.bench.add(
            f"all {found['indicators']} figures of a month, {found['households']:,} households, beside one scan of the tables",
            found["seconds"], scans["seconds"], "s", 30, plain=True, detail={**found, "scans": scans},
        )  # fmt: skip
        kept = [self.month, self.earlier]
        month = self.month
        with place.owner() as owner:
            while len(kept) < MONTHS:
                month = (month - dt.timedelta(days=1)).replace(day=1)
                if month == self.earlier:
                    continue
                kept.append(month)
                owner.execute(
                    "INSERT INTO dashboard_figuremonth (month, ledger_to, made_at)"
                    " SELECT %s, ledger_to, made_at FROM dashboard_figuremonth WHERE month = %s",
                    [month, self.month],
                )
                owner.execute(
                    f"INSERT INTO {FIGURES} (region, length, month, sums, made_at)"
                    f" SELECT region, length, %s, sums, made_at FROM {FIGURES} WHERE month = %s",
                    [month, self.month],
                )
        forget_marks()
        register.settle()

    # --- first view and drill step -------------------------------------------------------------------------------

    def look(self, city: str, size: int) -> None:
        """Ask what a first view and a drill step of a city's office ask for."""
        user = user_of(city)
        cookie = log_in(user)
        packed = {"Accept-Encoding": "gzip"}
        first = view(user, "", cookie, "page", packed)
        views = {"first view of the map, page and data": first}
        steps_down = {"a county": f"{city}01"} if size == 10 else {"a county": f"{city}01", "a town": first_town(city)}
        for name, area in steps_down.items():
            *data, charts = view(user, area, cookie, f"drill to {name}", SCRIPT | packed)
            views[f"drill step to {name}, data"] = data
            views[f"charts beside it, of {name}"] = [charts]
        every = [page for some in views.values() for page in some]
        self.say(f"asking {len(every)} addresses of the map over {pages.CONNECTIONS} connections")
        rounds, seconds, warm = (2, 3, 1) if self.quick else (3, 8, 3)
        self.bench.note_peaks(pages.measure(every, rounds=rounds, seconds=seconds, warm=warm), "web")
        for name, some in views.items():
            self.view_row(name, some, size)
        if size == 1:
            self.weigh(first)

    def view_row(self, name: str, some: list[Page], size: int) -> None:
        """Add the row of a view: what it asks for one after another is added up, and E is that of the same minutes."""
        p95 = sum(page.p95 for page in some)
        empty = statistics.median([value for page in some for value in page.empty])
        detail = {page.name: page.detail() for page in some}
        for page in some:
            own = page.detail()
            self.say(f"  {page.name}: {page.p95:.0f} ms, E {page.empty_p95:.0f} ms, processor {own['cpu_ms']}")
        target = 6 if name.startswith("first") else 3
        self.bench.add(f"p95 of {name}, at {size}×, against E", p95, empty, "ms", target, detail=detail)
        if size == 1:
            self.before[name] = p95 / empty
        else:
            self.bench.add(f"p95 of {name}, 10× against 1×", p95 / empty, self.before[name], "× E", 1.2)

    def weigh(self, some: list[Page]) -> None:
        """Tell how large a first view is on the wire."""
        sizes = {}
        with pages.serving() as (address, _watch):
            for page in some:
                body = pages.ask(address, page)
                sizes[page.name] = len(body if body[:2] == b"\x1f\x8b" else gzip.compress(body, 6))
        self.bench.add("first view of the map, page and data, compressed", sum(sizes.values()) / 1024, None, "kB", PACKED_KB,
                       plain=True, detail=sizes)  # fmt: skip

    # --- a change ------------------------------------------------------------------------------------------------

    def change(self, city: str, size: int) -> None:
        """Change a household in one village and wait until the county's figure tells of it: a real beat and worker."""
        county = f"{city}01"
        alone = steps.run("one_village", county=county, month=f"{self.month:%Y-%m-%d}")
        self.say(f"  a village anew: {alone}")
        if size == 1:
            self.before["village"] = alone["seconds"]
        with place.owner() as owner, working(self.bench.folder):
            chosen = owner.execute(
                "SELECT DISTINCT ON (village) id, village FROM households_household WHERE village LIKE %s"
                " AND status = '03' AND withdrawn_at IS NULL ORDER BY village, id LIMIT %s",
                [f"{county}%", CHANGES + 1],
            ).fetchall()
            if len(chosen) <= CHANGES:
                raise RuntimeError("too few villages with an exited household to change")
            waits = [self.wait(owner, county, key, village, place_) for place_, (key, village) in enumerate(chosen)]
        waits = waits[1:]  # the first one also waited for the worker to start
        villages = alone["villages"]
        self.say(f"  seconds until the county tells of a change: {[round(one, 2) for one in waits]}")
        self.bench.add(
            f"a change in one village reaches the county's figure, the slowest of {CHANGES}, {villages:,} villages at {size}×",
            max(waits), None, "s", 5, plain=True, detail={"seconds": waits, "villages": villages, "alone": alone},
        )  # fmt: skip
        if size == 10:
            self.bench.add("figures of one changed village and all above it, 10× against 1×", alone["seconds"],
                           self.before["village"], "s", 1.5, detail=alone)  # fmt: skip

    def wait(self, owner, county: str, key: int, village: str, number: int) -> float:
        told = f"SELECT coalesce((sums->>'H.status.04')::numeric, 0) FROM {FIGURES} WHERE month = %s AND length = 6 AND region = %s"
        (was,) = owner.execute(told, [self.month, county]).fetchone()
        time.sleep(0.37 * number)  # not always in step with the beat
        owner.execute("UPDATE households_household SET status = '04', exit_year = NULL WHERE id = %s", [key])
        begun = time.perf_counter()
        while time.perf_counter() - begun < 60:
            (now,) = owner.execute(told, [self.month, county]).fetchone()
            if now == was + 1:
                return time.perf_counter() - begun
            time.sleep(0.05)
        raise RuntimeError(f"a change in {village} did not reach {county} within a minute")

    # --- a browser -----------------------------------------------------------------------------------------------

    def browse(self, city: str) -> None:
        if not chromium():
            self.say("no Chromium here: what the browser does is not measured")
            return
        cookie = log_in(user_of(city))
        self.say("looking at the map in Chromium")
        with pages.serving() as (address, _watch):
            found = steps.run("browser", address=address, cookie=cookie, rounds=3 if self.quick else 5)
        self.say(f"  {found}")
        self.bench.add("browser: first view of the map painted and ready", found["painted"], None, "s", 2, plain=True,
                       detail=found)  # fmt: skip
        self.bench.add(
            "browser: longest task while drilling", found["longest"], None, "ms", 200, plain=True, detail=found
        )


def chromium() -> str:
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""


def user_of(city: str):
    """Return an officer of a city."""
    from accounts.models import User

    found = User.objects.filter(role="city_office", region_id=city).first()
    return found or register.make_user("city_office", city)


def first_town(city: str) -> str:
    from regions.models import Region

    return (
        Region.objects.filter(code__startswith=f"{city}01", level="town")
        .order_by("code")
        .values_list("code", flat=True)[0]
    )


def view(user, area: str, cookie: str, name: str, headers: dict) -> list[Page]:
    """Return what the browser asks for to show an area: the page or its part, the outlines, the charts beside."""
    from dashboard import battle
    from poverty import scope

    state = battle.State(area=area)
    with scope.acting(user):
        found = battle.make(user, state, "/map/")
    outlines = found.data["maps"][0]["address"]
    if not (found.children and outlines):
        raise RuntimeError(f"there is nothing on the map of {area or user.region_id}")
    return [
        Page(name, state.url("/map/"), cookie, headers=headers),
        Page(f"{name}: outlines", outlines, cookie, headers=headers),
        Page(f"{name}: charts", found.charts_url, cookie, headers={**headers, **SCRIPT}),
    ]


def forget_marks() -> None:
    with place.owner() as owner:
        owner.execute("TRUNCATE dashboard_dirtyfigure, dashboard_dirtyvillage")


@contextlib.contextmanager
def working(folder):
    """Run the worker and the beat as script/server does."""
    celery = [sys.executable, "-m", "celery", "-A", "poverty"]
    schedule = folder / "beat"
    commands = (
        [*celery, "worker", "--queues", "default", "--concurrency", "1", "--without-gossip", "--without-mingle"],
        [*celery, "beat", "--schedule", str(schedule), "--pidfile="],
    )
    schedule.unlink(missing_ok=True)
    running = [subprocess.Popen([*one, "--loglevel", "WARNING"], cwd=place.ROOT) for one in commands]
    try:
        yield
        if any(one.poll() is not None for one in running):
            raise RuntimeError("worker or beat ended by itself; their last words are above")
    finally:
        for one in reversed(running):
            one.terminate()
        for one in running:
            try:
                one.wait(30)
            except subprocess.TimeoutExpired:
                one.kill()


# --- steps, each in a process of its own ---------------------------------------------------------------------------


def figures(*, month: str) -> dict:
    """Work out a month from nothing."""
    from dashboard import figuring
    from households.models import Household
    from poverty import scope
    from poverty.declarations import indicators, sums

    when = dt.date.fromisoformat(month)
    begun = time.perf_counter()
    regions = figuring.work_out(when)
    seconds = time.perf_counter() - begun
    with scope.system("bench"):
        households = Household.objects.in_register().count()
    return {
        "seconds": seconds, "regions": regions, "households": households, "indicators": len(indicators), "sums": len(sums),
    }  # fmt: skip


def figure_scans(*, month: str) -> dict:
    """Read every table that the figures read once, from its first row to its last."""
    from bench import rules
    from dashboard import figuring
    from poverty import scope

    frame = figuring.Frame(dt.date.fromisoformat(month), dt.date.fromisoformat(month))
    with scope.system("bench"):
        said = figuring.statement(frame)
    seconds = rules.scan(set(re.findall(r"\w+", said)))
    return {
        "seconds": sum(seconds.values()),
        "scan_ms": {name: round(1000 * value, 1) for name, value in sorted(seconds.items(), key=lambda one: -one[1])},
    }


def one_village(*, county: str, month: str) -> dict:
    """Work out one village and all above it, as the worker does: the median over several villages."""
    from dashboard import figuring
    from regions.models import Region

    codes = (
        Region.objects.filter(code__startswith=county, level="village").order_by("code").values_list("code", flat=True)
    )
    times = []
    for village in codes[:7]:
        begun = time.perf_counter()
        figuring.work_out(dt.date.fromisoformat(month), [village])
        times.append(time.perf_counter() - begun)
    villages = Region.objects.filter(level="village").count()
    return {"seconds": statistics.median(times[1:]), "all": [round(one, 3) for one in times], "villages": villages}


def browser(*, address: str, cookie: str, rounds: int) -> dict:
    """Open the map with an empty cache, then go down to a village and up again; seconds, and milliseconds of tasks."""
    from playwright.sync_api import sync_playwright

    name, _equals, value = cookie.partition("=")
    firsts, drills, longest = [], [], [0.0]
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(executable_path=chromium())
        for round_ in range(rounds + 1):
            context = chrome.new_context(base_url=address, viewport={"width": 1440, "height": 920}, locale="zh-CN")
            context.add_cookies([{"name": name, "value": value, "url": address}])
            context.add_init_script(WATCH)
            page = context.new_page()
            page.goto("/map/")
            page.wait_for_function("() => bench.painted && document.querySelector('#battle-more figure')")
            page.wait_for_load_state("networkidle")
            found = page.evaluate(
                "() => ({painted: bench.painted, tasks: bench.tasks, dom: performance.timing.domContentLoadedEventEnd"
                " - performance.timing.navigationStart, answered: performance.timing.responseEnd"
                " - performance.timing.navigationStart})"
            )
            steps_down = drill(page)
            if round_:  # the first one also starts the server's and the browser's own engines
                firsts.append(found)
                drills += steps_down
                longest += [one for step in steps_down for one in step["tasks"]]
            context.close()
        chrome.close()
    return {
        "painted": statistics.median(one["painted"] for one in firsts) / 1000,
        "answered": statistics.median(one["answered"] for one in firsts) / 1000,
        "dom_ready": statistics.median(one["dom"] for one in firsts) / 1000,
        "first_tasks_ms": sorted((round(task[1]) for one in firsts for task in one["tasks"]), reverse=True)[:8],
        "longest": max(longest),
        "drill_ms": [round(one["ms"]) for one in drills],
        "drill_tasks_ms": sorted((round(one) for one in longest if one), reverse=True)[:8],
    }


def drill(page) -> list[dict]:
    """Go down from county to town to village, and up again; milliseconds of each step, and its long tasks."""
    found = []
    for step in ("down", "down", "down", "up"):
        before = page.locator(".battle-title").inner_text()
        target = page.locator("[data-drill]").first if step == "down" else page.locator("[data-up]").first
        if not target.count():
            break
        page.evaluate("() => { bench.tasks.length = 0; bench.from = performance.now(); }")
        target.click()
        page.wait_for_function("(before) => document.querySelector('.battle-title')?.innerText !== before", arg=before)
        page.wait_for_load_state("networkidle")
        ms = page.evaluate("() => performance.now() - bench.from")
        page.wait_for_timeout(600)  # charts are drawn as they come into view
        tasks = page.evaluate("() => bench.tasks.map((one) => one[1])")
        found.append({"step": step, "ms": ms, "tasks": tasks})
    return found
