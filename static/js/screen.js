// The war-room screen: figures from the server drawn slide by slide. What was last heard stays on the wall, with its time, while
// the server cannot be reached; nothing is written to this device. A wall without a log-in has its key after the "#".
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const { address, shapes, script, login, link, ...told } = document.body.dataset;
  const text = (name) => told[`text${name[0].toUpperCase()}${name.slice(1)}`] ?? "";
  const english = document.documentElement.lang === "en";
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const stage = $("#wall-stage"), note = $("#wall-note"), pauseButton = $("#wall-pause");
  const RETRY = 5000; // milliseconds, while the server is away
  const WAIT = 20000; // for an answer
  const SVG = "http://www.w3.org/2000/svg";
  const outlines = new Map(); // "code version" → GeoJSON
  let data = null, heardAt = null, last = "", at = 0, paused = false, turned = Date.now(), asking = false, closed = false, timer = 0;

  const make = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    made.append(...children.filter((child) => child !== "" && child !== null && child !== undefined));
    return made;
  };
  const draw = (tag, attributes = {}, ...children) => {
    const made = document.createElementNS(SVG, tag);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    made.append(...children);
    return made;
  };

  // --- how large: letters follow the window, charts follow the letters ---------------------------------------------------
  function measure() {
    const letter = parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
    document.documentElement.style.setProperty("--chart-scale", String(Math.max(.8, (letter / 16) * 1.2)));
  }

  // --- asking ------------------------------------------------------------------------------------------------------------
  function request(where) {
    const headers = { Accept: "application/json", "X-Background": "1" }; // nobody is there
    const stop = new AbortController();
    const clock = setTimeout(() => stop.abort(), WAIT);
    const key = location.hash.slice(1);
    if (link !== undefined) headers.Authorization = `Bearer ${key}`;
    return fetch(where, { headers, cache: "no-store", credentials: link === undefined ? "same-origin" : "omit", redirect: "error", signal: stop.signal }).finally(() => clearTimeout(clock));
  }

  async function ask() {
    if (asking) return;
    asking = true;
    clearTimeout(timer);
    let wait = RETRY;
    try {
      const answer = await request(address);
      if ([401, 403, 404].includes(answer.status)) shut(answer.status);
      else if (answer.ok) {
        const heard = await answer.json();
        if (heard.script !== script && data) { location.reload(); return; } // the register has been renewed
        closed = false;
        heardAt = new Date();
        wait = heard.refresh * 1000;
        await show(heard);
        tell("");
      } else away();
    } catch { away(); } finally {
      asking = false;
      timer = setTimeout(ask, closed && link !== undefined ? 60000 : wait);
    }
  }

  const clock = (when) => `${String(when.getMonth() + 1).padStart(2, "0")}-${String(when.getDate()).padStart(2, "0")} ${String(when.getHours()).padStart(2, "0")}:${String(when.getMinutes()).padStart(2, "0")}`;
  function tell(what, more) {
    note.hidden = !what;
    document.body.classList.toggle("stale", Boolean(what));
    const line = `${what}${more ? " " : ""}`;
    if (note.firstChild?.textContent !== line || more) note.replaceChildren(line, ...(more ? [more] : []));
  }
  function away() {
    if (!closed) tell(heardAt ? `${text("offline")} ${clock(heardAt)}` : text("never"));
  }
  // A link that has ended takes its figures with it; a log-in that has ended leaves those that stood there already.
  function shut(status) {
    closed = true;
    if (link !== undefined || status !== 401) {
      data = null;
      last = "";
      heardAt = null;
      stage.replaceChildren();
      ["#wall-area", "#wall-slide", "#wall-line", "#wall-age", "#wall-dots"].forEach((one) => $(one).replaceChildren());
      tell(text("closed"));
    } else tell(heardAt ? `${text("login")} ${clock(heardAt)}.` : text("never"), make("a", { href: `${login}?next=${encodeURIComponent(location.pathname)}` }, text("again")));
  }

  // --- slides ------------------------------------------------------------------------------------------------------------
  async function show(heard) {
    await Promise.all(heard.slides.flatMap((slide) => slide.tiles.map((tile) => tile.shapes)).filter(Boolean).map(fetchShapes));
    data = heard;
    $(".wall-title").textContent = heard.title;
    document.title = heard.title;
    $("#wall-area").textContent = `${heard.area} · ${heard.month}`;
    $("#wall-line").textContent = heard.line;
    $("#wall-age").textContent = heard.made_at ? `${text("counted")} ${heard.made_at}` : "";
    const now = JSON.stringify(heard.slides);
    if (now === last) return;
    last = now;
    build();
  }

  function build() {
    if (!data) return;
    stage.replaceChildren(...data.slides.map((slide, place) => {
      const made = make("section", { class: "slide", "aria-label": slide.title || `${text("page")} ${place + 1}` });
      made.append(...slide.tiles.map(tile));
      return made;
    }));
    $("#wall-dots").replaceChildren(...data.slides.map(() => make("li")));
    at = Math.min(at, data.slides.length - 1);
    turn(at);
    data.slides.forEach((slide, place) => slide.tiles.forEach((one, number) => { if (one.shapes) map(stage.children[place].children[number], one); }));
    window.charts?.start(stage);
  }

  function turn(place) {
    const slides = [...stage.querySelectorAll(".slide")];
    if (!slides.length) return;
    at = (place + slides.length) % slides.length;
    turned = Date.now();
    slides.forEach((slide, number) => {
      slide.classList.toggle("on", number === at);
      slide.setAttribute("aria-hidden", String(number !== at));
      $("#wall-dots").children[number]?.classList.toggle("on", number === at);
    });
    const { title, area } = data.slides[at];
    $("#wall-slide").textContent = area !== data.area ? [area, title].filter(Boolean).join(" · ") : title;
    document.body.dataset.slide = String(at + 1);
  }

  function pause(on) {
    paused = on;
    turned = Date.now();
    pauseButton.setAttribute("aria-pressed", String(on));
    pauseButton.title = on ? text("go") : text("pause");
    $(".visually-hidden", pauseButton).textContent = pauseButton.title;
  }

  // --- tiles: number, ranks, map, charts; each with unit, source, date and line ------------------------------------------------
  function tile(one) {
    const kind = ["number", "rank", "map"].includes(one.kind) ? one.kind : "chart";
    const made = make("article", { class: `tile tile-${kind}`, "data-kind": one.kind });
    made.style.gridArea = `${one.y + 1} / ${one.x + 1} / span ${one.h} / span ${one.w}`;
    const title = make("h3", { class: "tile-title" }, one.title);
    if (one.unit && kind !== "number") title.append(make("small", {}, one.unit));
    const foot = [one.area, one.date, one.line, `${text("source")}: ${one.source}`, one.made_at ? `${text("counted")} ${one.made_at}` : ""].filter(Boolean).join(" · ");
    made.append(title, make("div", { class: "tile-body" }, ...bodies[kind](one)), make("p", { class: "tile-foot" }, foot));
    return made;
  }
  const none = (words) => [make("p", { class: "tile-none" }, words || text("none"))];

  const bodies = {
    number(one) {
      const big = make("p", { class: `tile-big${one.text.length > 7 ? " long" : ""}` }, one.text, one.unit && one.unit !== "%" ? make("small", {}, one.unit) : "");
      const more = make("p", { class: "tile-more" });
      if (one.change) more.append(make("span", { class: `change-${one.tone}` }, `${one.change} ${one.since}`));
      if (one.goal) more.append(make("span", {}, one.goal));
      return [big, more];
    },
    rank(one) {
      if (!one.rows.length) return none(one.empty);
      const body = make("tbody");
      body.append(...one.rows.map((row) => {
        const bar = draw("svg", { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" }, draw("rect", { width: row.width, height: 8, rx: 1 }));
        return make("tr", row.bad ? { class: "bad" } : {}, make("th", { scope: "row" }, row.name), make("td", {}, bar), make("td", {}, row.text));
      }));
      const head = make("thead", {}, make("tr", {}, make("th", { scope: "col" }, text("region")), make("td"), make("th", { scope: "col" }, text("value"))));
      return [make("table", {}, head, body), one.more ? make("p", { class: "rest" }, one.more) : ""];
    },
    map(one) {
      if (!one.shapes) return none(one.empty);
      const list = make("ul", { class: "legend" });
      list.append(...one.legend.map((step) => make("li", {}, draw("svg", { viewBox: "0 0 24 14", "aria-hidden": "true" }, draw("rect", { width: 24, height: 14, fill: step.colour })), step.text)));
      const table = make("table", {}, make("tbody", {}, ...one.regions.map((region) => make("tr", {}, make("th", { scope: "row" }, region.name), make("td", {}, region.text)))));
      return [draw("svg", { class: "shape", "aria-hidden": "true" }), one.legend.length ? list : "", table];
    },
    chart(one) {
      if (!one.chart) return none(one.empty);
      const { chart } = one;
      const head = make("tr", {}, make("th", { scope: "col" }, chart.row_title), ...chart.columns.map((column) => make("th", { scope: "col", ...(column.tone ? { "data-tone": column.tone } : {}) }, column.title)));
      const rows = chart.rows.map((row) => make("tr", { ...(row.tone ? { "data-tone": row.tone } : {}), ...(row.marked ? { "data-marked": "" } : {}) },
        make("th", { scope: "row" }, row.label), ...row.cells.map(([value, words]) => make("td", { "data-v": value }, words))));
      const figure = make("figure", { "data-chart": chart.kind, "data-unit": chart.unit, ...Object.fromEntries(chart.marks.map(([name, value]) => [`data-${name}`, value])) },
        make("div", { class: "chart-box", "aria-hidden": "true" }), make("div", { class: "chart-table" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows))));
      figure.style.cssText = "position:absolute;inset:0;margin:0";
      return [figure];
    },
  };

  // --- the map: outlines in the shape of their tile --------------------------------------------------------------------------
  async function fetchShapes({ code, version }) {
    const key = `${code} ${version}`;
    if (outlines.has(key)) return;
    const answer = await request(`${shapes.replace("/00/", `/${code}/`)}?v=${encodeURIComponent(version)}`).catch(() => null);
    if (answer?.ok) outlines.set(key, await answer.json());
  }
  function map(made, one) {
    const found = outlines.get(`${one.shapes.code} ${one.shapes.version}`);
    const svg = $("svg.shape", made);
    if (!found || !found.features.length) { svg.replaceWith(...none(text("map"))); last = ""; return; }
    const { width, height } = svg.getBoundingClientRect();
    const letter = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const rings = (shape) => (shape.type === "Polygon" ? [shape.coordinates] : shape.coordinates).flat();
    const inner = found.features.filter((feature) => !feature.properties.outline);
    const features = inner.length && one.regions.length ? inner : found.features;
    let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
    features.forEach((feature) => rings(feature.geometry).forEach((ring) => ring.forEach(([x, y]) => { west = Math.min(west, x); east = Math.max(east, x); south = Math.min(south, y); north = Math.max(north, y); })));
    const squeeze = Math.cos(((south + north) / 2) * Math.PI / 180);
    const pad = letter * .75;
    const size = Math.min((width - 2 * pad) / ((east - west) * squeeze || 1), (height - 2 * pad) / ((north - south) || 1));
    const left = (width - (east - west) * squeeze * size) / 2, top = (height - (north - south) * size) / 2;
    const place = ([x, y]) => [left + (x - west) * squeeze * size, top + (north - y) * size];
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const known = new Map(one.regions.map((region) => [region.code, region]));
    const pattern = draw("pattern", { id: "none", width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, draw("rect", { width: 8, height: 8, fill: "#12273f" }), draw("path", { d: "M0 0v8" }));
    pattern.lastChild.setAttribute("stroke", "#2c4a6b");
    svg.replaceChildren(draw("defs", {}, pattern));
    const words = features.length <= 30;
    const over = [];
    features.forEach((feature) => {
      const region = known.get(feature.properties.code);
      const path = draw("path", { d: rings(feature.geometry).map((ring) => `M${ring.map((point) => place(point).map((one2) => one2.toFixed(1)).join(" ")).join("L")}Z`).join(""), "data-code": feature.properties.code });
      if (region?.colour) path.style.fill = region.colour;
      else if (region && !one.circles) path.classList.add("none");
      svg.append(path);
      const { at: middle, name } = feature.properties;
      if (!middle) return;
      const [x, y] = place([middle[1], middle[0]]);
      const radius = one.circles && region?.size ? Math.max(.25, 2 * Math.sqrt(region.size)) * letter : 0;
      if (radius) over.push(draw("circle", { cx: x, cy: y, r: radius }));
      if (words && region) {
        over.push(draw("text", { x, y: y - letter * .15, "font-size": letter }, name), draw("text", { x, y: y + letter, "font-size": letter * .95 }, region.text));
      }
    });
    svg.append(...over.filter((one2) => one2.tagName === "circle"), ...over.filter((one2) => one2.tagName === "text"));
  }

  // --- the clock, turning, keys ------------------------------------------------------------------------------------------------
  const day = new Intl.DateTimeFormat(english ? "en-GB" : "zh-Hans", { dateStyle: "full", timeZone: "Asia/Shanghai" });
  const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Shanghai" });
  function tick() {
    const now = new Date();
    $("#wall-time").textContent = hour.format(now);
    $("#wall-date").textContent = day.format(now);
    if (data && !paused && data.slides.length > 1 && Date.now() - turned >= data.seconds * 1000) turn(at + 1);
  }
  $("#wall-back").addEventListener("click", () => turn(at - 1));
  $("#wall-on").addEventListener("click", () => turn(at + 1));
  pauseButton.addEventListener("click", () => pause(!paused));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const on = { ArrowLeft: () => turn(at - 1), PageUp: () => turn(at - 1), ArrowRight: () => turn(at + 1), PageDown: () => turn(at + 1), Home: () => turn(0), End: () => turn(-1), " ": () => pause(!paused), p: () => pause(!paused),
      f: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen().catch(() => {})) }[event.key];
    if (!on || (event.key === " " && event.target.closest("button, a"))) return;
    event.preventDefault();
    on();
  });
  let sizing = 0;
  addEventListener("resize", () => { clearTimeout(sizing); sizing = setTimeout(() => { measure(); build(); }, 200); });
  addEventListener("online", ask);
  addEventListener("offline", away);
  addEventListener("hashchange", () => { closed = false; ask(); });
  if (calm.matches) document.documentElement.classList.add("calm");
  measure();
  tick();
  setInterval(tick, 500);
  ask();
})();
