// The battle map: what the server put into the page drawn on the map, the months on a slider, and the address that holds it all.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const english = document.documentElement.lang === "en";
  const number = new Intl.NumberFormat(english ? "en" : "zh-Hans", { maximumFractionDigits: 1 });
  const form = $("#battle-form");
  const month = $("#battle-month");
  const slider = $("#battle-slider");
  const play = $("#battle-play");
  if (!form) return;
  const TONES = { poor: "#c8332b", pre: "#d9776f", returned: "#f0b400", exited: "#2b7a4b", other: "#77838f" };
  const CELLS = ["#fee8c8", "#fdbb84", "#fc8d59", "#e34a33", "#b30000", "#7f0000"];
  const FLOW = "#b35806";
  const STEP = 1300; // milliseconds that a month stays while playing
  const maps = new Map(); // id → AreaMap
  const placesKept = new Map(); // address → promise of positions

  // --- the map --------------------------------------------------------------------------------------------------------
  const told = () => JSON.parse($("#battle-data")?.textContent || "null");
  const open = (code) => $(`[data-drill="${code}"]`)?.click();
  const lit = (code, on) => $$(`[data-code~="${code}"]`).forEach((row) => row.classList.toggle("lit", on));

  async function show() {
    const data = told();
    maps.forEach((map, id) => { if (!map.box.isConnected) { map.remove(); maps.delete(id); } });
    if (!data || typeof L === "undefined") return;
    await Promise.all(data.maps.map(async (one, place) => {
      const id = place ? "battle-map-2" : "battle-map";
      const box = document.getElementById(id);
      if (!box || !one.address) return;
      if (!maps.has(id)) maps.set(id, new AreaMap(box));
      const map = maps.get(id);
      map.over?.remove();
      map.over = null;
      map.reach = null;
      const same = place === 0 || one.code === data.maps[0].code;
      const painted = await map.show({
        address: one.address, children: one.children, fills: data.fills, circles: data.circles, pale: Boolean(one.positions), names: data.layer !== "points",
        open: same ? open : null, lit: same ? lit : null, failed: () => window.app?.toast(box.dataset.textFailed, "warning"),
      });
      if (!painted) return;
      if (data.layer === "flow" && place === 0) flows(map, data.flows ?? [], one);
      if (one.positions) await positions(map, one.positions);
      box.dataset.shown = data.layer;
    }));
  }

  // --- where households stand: cells, or points that come together to circles --------------------------------------------
  function positions(map, address) {
    if (!placesKept.has(address)) {
      placesKept.set(address, fetch(address, { headers: { Accept: "application/json" } }).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null));
    }
    const shape = map.address;
    return placesKept.get(address).then((found) => {
      if (!found) { placesKept.delete(address); window.app?.toast(map.box.dataset.textFailed, "warning"); return; }
      if (map.address !== shape || map.over) return; // somebody has gone on in the meantime
      found.kind === "points" ? points(map, found.points) : cells(map, found);
    });
  }

  function cells(map, found) {
    const most = Math.max(1, ...found.cells.map((cell) => cell[2]));
    const half = found.size / 2;
    const group = L.layerGroup();
    const renderer = L.canvas({ padding: .3, pane: "circles" }); // above the outlines, below their names
    found.cells.forEach(([x, y, held]) => {
      const colour = CELLS[Math.min(CELLS.length - 1, Math.floor((CELLS.length * Math.sqrt(held / most)) - 1e-9))];
      group.addLayer(L.rectangle([[y - half, x - half], [y + half, x + half]], { renderer, pane: "circles", stroke: false, fillColor: colour, fillOpacity: .75, interactive: false }));
    });
    map.over = group.addTo(map.map);
  }

  function points(map, list) {
    const group = L.layerGroup().addTo(map.map);
    const draw = () => {
      group.clearLayers();
      const near = new Map();
      list.forEach((one) => {
        const at = map.map.project([one[1], one[0]]);
        const key = `${Math.floor(at.x / 44)}:${Math.floor(at.y / 44)}`;
        near.has(key) ? near.get(key).push(one) : near.set(key, [one]);
      });
      near.forEach((held) => {
        const at = [held.reduce((sum, one) => sum + one[1], 0) / held.length, held.reduce((sum, one) => sum + one[0], 0) / held.length];
        if (held.length > 1 && map.map.getZoom() < 18) {
          const circle = L.circleMarker(at, { radius: Math.min(22, 9 + 2.2 * Math.sqrt(held.length)), color: "#fff", weight: 2, fillColor: "#1c5a9c", fillOpacity: .92 });
          circle.bindTooltip(number.format(held.length), { permanent: true, direction: "center", className: "map-number" });
          circle.on("click", () => map.map.fitBounds(L.latLngBounds(held.map((one) => [one[1], one[0]])).pad(.3), { maxZoom: 18 }));
          group.addLayer(circle);
          return;
        }
        held.forEach((one) => {
          const [x, y, label, status, tone, address] = one;
          const dot = L.circleMarker([y, x], { radius: 7, color: "#fff", weight: 1.5, fillColor: TONES[tone] ?? TONES.other, fillOpacity: .95 });
          const tip = document.createElement("div");
          const head = document.createElement("strong");
          head.textContent = label;
          tip.append(head, document.createElement("br"), status);
          dot.bindTooltip(tip, { className: "map-tip", opacity: 1 });
          if (address) dot.on("click", () => location.assign(address));
          group.addLayer(dot);
        });
      });
    };
    map.map.off("zoomend", map.redraw);
    map.redraw = draw;
    map.map.on("zoomend", draw);
    draw();
    map.over = { remove: () => { map.map.off("zoomend", draw); group.remove(); } };
  }

  // --- flows: arrows between regions; places beyond the area stand on a ring around it -------------------------------------
  function flows(map, list, one) {
    if (!list.length || !map.places) return;
    const group = L.layerGroup().addTo(map.map);
    map.over = group;
    const bounds = map.shapes.getBounds();
    const middle = bounds.getCenter();
    const squeeze = Math.cos((middle.lat * Math.PI) / 180);
    const radius = 0.62 * Math.max(bounds.getNorth() - bounds.getSouth(), (bounds.getEast() - bounds.getWest()) * squeeze);
    const names = new Map(one.children.map((child) => [child.code, child.name]));
    const totals = new Map();
    list.forEach(([, to, held]) => { if (!map.places.has(to)) totals.set(to, (totals.get(to) ?? 0) + held); });
    const outside = [...totals.keys()];
    const at = new Map(map.places);
    if (!at.has(one.code)) at.set(one.code, [middle.lat, middle.lng]);
    outside.forEach((name, place) => {
      const turn = ((place + .5) / outside.length) * 2 * Math.PI;
      at.set(name, [middle.lat + radius * Math.sin(turn), middle.lng + (radius * 1.15 * Math.cos(turn)) / squeeze]);
    });
    const most = Math.max(...list.map((flow) => flow[2]));
    [...list].reverse().forEach(([from, to, held, address]) => {
      const start = at.get(from) ?? at.get(one.code);
      const end = at.get(to);
      if (!start || !end) return;
      const width = 1.2 + 9 * Math.sqrt(held / most);
      const [path, head] = arrow(start, end, squeeze, width, radius);
      const line = L.polyline(path, { color: FLOW, weight: width, opacity: .62, lineCap: "butt" });
      const tip = `${names.get(from) ?? from} → ${names.get(to) ?? to}: ${number.format(held)}`;
      [line, L.polygon(head, { stroke: false, fillColor: FLOW, fillOpacity: .85 })].forEach((layer) => {
        layer.bindTooltip(document.createTextNode(tip).textContent, { sticky: true, className: "map-tip", opacity: 1 });
        layer.on({ mouseover: () => line.setStyle({ opacity: 1 }), mouseout: () => line.setStyle({ opacity: .62 }) });
        if (address) layer.on("click", () => location.assign(address));
        group.addLayer(layer);
      });
    });
    outside.forEach((name) => {
      const spot = L.circleMarker(at.get(name), { radius: 6, color: "#fff", weight: 1.5, fillColor: "#14202b", fillOpacity: 1, interactive: false });
      spot.bindTooltip(`${name} ${number.format(totals.get(name))}`, { permanent: true, direction: "top", className: "map-label", offset: [0, -8] });
      group.addLayer(spot);
    });
    if (outside.length) {
      map.reach = L.latLngBounds(outside.map((name) => at.get(name))).extend(bounds).pad(.08);
      map.fit(false);
    }
  }

  // A curve that leaves to the right of its straight line, and a head as wide as its volume asks.
  function arrow(start, end, squeeze, width, radius) {
    const [dy, dx] = [end[0] - start[0], (end[1] - start[1]) * squeeze];
    const bend = [(start[0] + end[0]) / 2 - .18 * dx, (start[1] + end[1]) / 2 + (.18 * dy) / squeeze];
    const path = [];
    for (let step = 0; step <= 22; step += 1) {
      const t = step / 24;
      path.push([0, 1].map((axis) => (1 - t) ** 2 * start[axis] + 2 * t * (1 - t) * bend[axis] + t ** 2 * end[axis]));
    }
    const last = path[path.length - 1];
    const [ay, ax] = [end[0] - last[0], (end[1] - last[1]) * squeeze];
    const long = Math.hypot(ay, ax) || 1;
    const wide = radius * (.012 + .0035 * width);
    const side = [(-ax / long) * wide, ((ay / long) * wide) / squeeze];
    return [path, [[last[0] + side[0], last[1] + side[1]], end, [last[0] - side[0], last[1] - side[1]]]];
  }

  // --- months: a slider that follows the list, and play ---------------------------------------------------------------------
  const places = () => month.options.length - 1;
  const follow = () => {
    slider.value = String(places() - month.selectedIndex);
    slider.setAttribute("aria-valuetext", month.selectedOptions[0]?.textContent ?? "");
  };
  let pause = 0;
  let playing = 0;
  const quiet = (on) => { // months that pass leave no trace in the history
    form.setAttribute("hx-push-url", on ? "false" : "true");
    form.setAttribute("hx-replace-url", on ? "true" : "false");
  };
  const ask = () => form.requestSubmit();
  const stop = () => {
    clearTimeout(playing);
    playing = 0;
    play.setAttribute("aria-pressed", "false");
    quiet(false);
  };
  function forward() {
    month.selectedIndex = month.selectedIndex > 0 ? month.selectedIndex - 1 : places();
    follow();
    ask();
    if (month.selectedIndex === 0) stop();
  }
  if (places() > 0) {
    slider.hidden = play.hidden = false;
    slider.addEventListener("input", () => {
      stop();
      month.selectedIndex = places() - Number(slider.value);
      follow();
      quiet(true);
      clearTimeout(pause);
      pause = setTimeout(ask, 140);
    });
    slider.addEventListener("change", () => { clearTimeout(pause); pause = setTimeout(() => { quiet(false); ask(); }, 20); });
    play.addEventListener("click", () => {
      if (playing) { stop(); return; }
      play.setAttribute("aria-pressed", "true");
      quiet(true);
      playing = setTimeout(forward, 150);
    });
  }

  document.addEventListener("change", (event) => {
    if (event.target.form !== form || event.target === slider || event.target.id === "battle-find") return;
    if (event.target === month) { stop(); follow(); }
    ask();
  });
  // What is usual stays out of the address.
  const USUAL = { method: "quantile", n: "5", palette: "blue", layer: "", cm: "", cr: "" };
  let asked = "";
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt !== form) return;
    const { parameters } = event.detail;
    Object.entries(USUAL).forEach(([name, value]) => { if (parameters[name] === value) delete parameters[name]; });
    if (!asked && !new URLSearchParams(location.search).has("layer")) delete parameters.layer; // nobody has chosen one
  });
  document.addEventListener("change", (event) => { if (event.target.name === "layer") asked = event.target.value; }, true);

  // --- going on: the page's parts keep their place ---------------------------------------------------------------------------
  let scrolled = 0;
  let held = null;
  let where = $("#battle input[name=area]")?.value ?? "";
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "battle") return;
    scrolled = $(".battle-chooser-box")?.scrollTop ?? 0;
    held = document.activeElement?.closest("#battle") ? document.activeElement : null;
    held = held && (held.id ? `#${held.id}` : held.name ? `[name="${held.name}"]:checked` : held.dataset.figure ? `[data-figure="${held.dataset.figure}"]` : null);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id !== "battle") return;
    const box = $(".battle-chooser-box");
    if (box) box.scrollTop = scrolled;
    if (held) $(held)?.focus({ preventScroll: true });
    const area = $("#battle input[name=area]")?.value ?? "";
    const head = $(".battle-head");
    if (area !== where && head?.getBoundingClientRect().top < 0) head.scrollIntoView({ block: "start" }); // another place is read from its top
    where = area;
    show();
    if (playing) playing = setTimeout(forward, STEP);
  });
  document.addEventListener("htmx:historyRestore", () => {
    const wanted = new URLSearchParams(location.search).get("m");
    month.value = wanted ?? month.options[0]?.value;
    follow();
    stop();
    asked = "";
    show();
  });
  document.addEventListener("mouseover", (event) => {
    const row = event.target.closest?.("#battle [data-code]");
    const before = document.documentElement.dataset.lit;
    const light = (codes, on) => codes.split(" ").forEach((code) => maps.get("battle-map")?.light(code, on)); // a published group has several
    if (before && before !== row?.dataset.code) light(before, false);
    if (row) { light(row.dataset.code, true); document.documentElement.dataset.lit = row.dataset.code; }
    else delete document.documentElement.dataset.lit;
  });
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented) return;
    if (event.key === "Escape" && !event.target.closest?.("input, select, textarea, details[open] .app-menu-box, .offcanvas.show")) $("#battle [data-up]")?.click();
    const row = event.target.closest?.(".battle-table tr, .battle-panel li, .battle-chooser li");
    if (row && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      const next = event.key === "ArrowDown" ? row.nextElementSibling : row.previousElementSibling;
      const link = next && $("a", next);
      if (link) { event.preventDefault(); link.focus(); }
    }
  });

  // --- search: places of one's area as one types --------------------------------------------------------------------------------
  const find = $("#battle-find");
  const list = $("#battle-found");
  let turn = 0;
  let rest = 0;
  const shut = () => { list.hidden = true; find.setAttribute("aria-expanded", "false"); };
  find?.addEventListener("input", () => {
    clearTimeout(rest);
    rest = setTimeout(async () => {
      const mine = ++turn;
      const text = find.value.trim();
      if (!text) { shut(); return; }
      const address = new URL(find.dataset.address, location.href);
      address.searchParams.set("q", text);
      address.searchParams.set("levels", "city,county,town,village");
      const answer = await fetch(address, { headers: { Accept: "application/json" } }).catch(() => null);
      if (mine !== turn || !answer?.ok) return;
      const found = (await answer.json()).results ?? [];
      list.replaceChildren(...found.map((place) => {
        const item = document.createElement("li");
        item.setAttribute("role", "option");
        const link = document.createElement("a");
        const to = new URL(location.href);
        to.searchParams.set("area", place.code);
        to.searchParams.delete("cr");
        link.href = to;
        const path = document.createElement("small");
        path.textContent = place.path ?? "";
        link.append(place.name, path);
        link.addEventListener("click", (event) => {
          if (event.ctrlKey || event.metaKey) return;
          event.preventDefault();
          shut();
          find.value = "";
          history.pushState({ htmx: true }, "", to);
          window.htmx.ajax("GET", to.pathname + to.search, { target: "#battle", swap: "innerHTML show:none" });
        });
        item.append(link);
        return item;
      }));
      if (!found.length) {
        const item = document.createElement("li");
        item.className = "faint";
        item.textContent = list.dataset.empty;
        list.append(item);
      }
      list.hidden = false;
      find.setAttribute("aria-expanded", "true");
    }, 200);
  });
  find?.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { event.preventDefault(); shut(); }
    if (event.key === "Enter") { event.preventDefault(); $("a", list)?.click(); }
    if (event.key === "ArrowDown") { event.preventDefault(); $("a", list)?.focus(); }
  });
  list?.addEventListener("keydown", (event) => {
    const item = event.target.closest("li");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = event.key === "ArrowDown" ? item.nextElementSibling : item.previousElementSibling;
      (next ? $("a", next) : find)?.focus();
    }
    if (event.key === "Escape") { event.preventDefault(); shut(); find.focus(); }
  });
  document.addEventListener("click", (event) => { if (list && !event.target.closest(".battle-search")) shut(); });

  follow();
  show();
})();
