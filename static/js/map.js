// The map of an area: boundaries from the server, numbers from the page, drill by the very links of the table beside it.
"use strict";
(() => {
  const CIRCLE = { color: "#fff", weight: 1.5, fillColor: "#b35806", fillOpacity: .88 };
  const EMPTY = "#eef1f4";
  const LARGEST = 24; // pixels: the radius of the largest circle
  const LABELS = 30; // more names than this would only cover each other
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const $ = (selector) => document.querySelector(selector);
  const figure = new Intl.NumberFormat(document.documentElement.lang === "en" ? "en" : "zh-Hans");
  const ratio = (share) => `${(share * 100).toFixed(1)}%`;
  let drawn = null; // {box, map, shapes, circles, labels, address}

  function make(box) {
    const map = L.map(box, { zoomSnap: .1, zoomDelta: .5, scrollWheelZoom: false, attributionControl: false, zoomAnimation: !calm, fadeAnimation: !calm, maxBoundsViscosity: .8 });
    map.createPane("circles").classList.add("map-circles");
    map.on("focus", () => map.scrollWheelZoom.enable());
    map.on("blur", () => map.scrollWheelZoom.disable());
    const tiles = JSON.parse($("#map-tiles")?.textContent || "[]");
    tiles.forEach(([, url, options]) => L.tileLayer(url, typeof options === "string" ? { attribution: options } : options).addTo(map));
    if (tiles.some(([, , options]) => options?.attribution)) L.control.attribution({ prefix: false }).addTo(map);
    new ResizeObserver(() => {
      map.invalidateSize({ animate: false });
      if (drawn?.bounds && !drawn.seen && box.clientWidth) { drawn.seen = true; map.fitBounds(drawn.bounds, { animate: false, padding: [12, 12] }); }
    }).observe(box);
    return { box, map, shapes: null, circles: null, address: "", bounds: null, seen: false, tiled: tiles.length > 0 };
  }

  const layerOn = (name) => $(`[data-map-layer="${name}"]`)?.checked ?? true;

  function tip(box, name, child) {
    const made = document.createElement("div");
    const head = document.createElement("strong");
    head.textContent = name;
    made.append(head);
    if (child) {
      const line = (text) => { const one = document.createElement("div"); one.textContent = text; made.append(one); };
      line(`${figure.format(child.households)} ${box.dataset.textHouseholds}`);
      line(child.share === null ? box.dataset.textUnknown : `${ratio(child.share)} ${box.dataset.textShare} · ${box.dataset.textRank} ${child.rank}`);
    }
    return made;
  }

  function style(child, outline) {
    if (outline) return { color: "#4d5a68", weight: 2, fill: !child, fillColor: EMPTY, fillOpacity: .5, interactive: false };
    let fill = EMPTY;
    if (layerOn("share") && child) fill = child.colour || "url(#hatch)";
    return { color: "#fff", weight: 1.25, fillColor: fill, fillOpacity: drawn.tiled ? .75 : 1 };
  }

  const row = (code) => $(`tr[data-code="${code}"]`);
  const open = (code) => $(`[data-drill="${code}"]`)?.click();

  function paint(data, shapes) {
    const { map, box } = drawn;
    const children = new Map(data.children.map((child) => [child.code, child]));
    drawn.shapes?.remove();
    drawn.circles?.remove();
    const circles = L.layerGroup();
    const most = Math.max(1, ...data.children.map((child) => child.households));
    const few = shapes.features.length <= LABELS;
    const byCode = new Map();
    const lit = (code, on) => {
      row(code)?.classList.toggle("lit", on);
      const layer = byCode.get(code);
      if (!layer) return;
      layer.setStyle(on ? { color: "#14202b", weight: 2.5 } : { color: "#fff", weight: 1.25 });
      if (on) layer.bringToFront();
    };
    drawn.shapes = L.geoJSON(shapes, {
      filter: (feature) => !feature.properties.outline || !data.children.length || shapes.features.length === 1,
      style: (feature) => (data.children.length ? style(children.get(feature.properties.code), false)
        : { color: feature.properties.outline ? "#1c5a9c" : "#8a97a5", weight: feature.properties.outline ? 2.5 : 1, fillColor: "#bcd6ec", fillOpacity: feature.properties.outline ? .55 : 0 }),
      onEachFeature: (feature, layer) => {
        const { code, name, at } = feature.properties;
        const child = children.get(code);
        byCode.set(code, layer);
        if (data.children.length) {
          layer.bindTooltip(() => tip(box, name, child), { sticky: true, className: "map-tip", opacity: 1 });
          layer.on({ mouseover: () => lit(code, true), mouseout: () => lit(code, false), click: () => open(code) });
        }
        if (!at) return;
        let radius = 0;
        if (child?.households) {
          radius = Math.max(3, LARGEST * Math.sqrt(child.households / most) * (few ? 1 : .6));
          circles.addLayer(L.circleMarker(at, { ...CIRCLE, radius, pane: "circles", interactive: false }));
        }
        if (few && name) drawn.labels.push([at, name, radius ? -radius - 7 : 0]);
      },
    }).addTo(map);
    drawn.labels.forEach(([at, name, lift]) => {
      const anchor = L.marker(at, { icon: L.divIcon({ className: "map-anchor", iconSize: [0, 0] }), interactive: false, keyboard: false });
      anchor.bindTooltip(name, { permanent: true, direction: "center", className: "map-label", offset: [0, lift] });
      circles.namesOf = (circles.namesOf ?? L.layerGroup()).addLayer(anchor);
    });
    drawn.circles = circles;
    if (layerOn("counts")) circles.addTo(map);
    drawn.names?.remove();
    drawn.names = circles.namesOf ?? null;
    drawn.names?.addTo(map);
    drawn.labels = [];
    drawn.light = lit;
    drawn.bounds = drawn.shapes.getBounds();
    drawn.seen = box.clientWidth > 0;
    if (drawn.seen && drawn.bounds.isValid()) map.fitBounds(drawn.bounds, { animate: !calm && drawn.fitted, padding: [12, 12] });
    drawn.fitted = true;
  }

  // While the next outlines are fetched, the former ones stay as a grey ground: their colours belong to another legend.
  function blank(mine) {
    mine.geometry = null;
    mine.light = mine.lit = null;
    mine.circles?.remove();
    mine.names?.remove();
    mine.shapes?.eachLayer((layer) => layer.off().unbindTooltip().setStyle({ color: "#fff", weight: 1.25, fillColor: EMPTY, fillOpacity: 1 }));
  }

  async function show() {
    const box = $("#map");
    const text = $("#map-data");
    if (!box || !text || typeof L === "undefined") return;
    const data = JSON.parse(text.textContent);
    if (!drawn || drawn.box !== box) {
      drawn?.map.remove();
      drawn = make(box);
      drawn.labels = [];
    }
    const mine = drawn;
    const address = data.boundaries;
    if (!address) return;
    mine.data = data;
    if (mine.address !== address) {
      mine.address = address;
      blank(mine);
      const wait = setTimeout(() => box.classList.add("map-busy"), 300);
      const answer = await fetch(address, { headers: { Accept: "application/geo+json" } }).catch(() => null);
      clearTimeout(wait);
      box.classList.remove("map-busy");
      if (mine !== drawn || mine.address !== address) return; // somebody has gone on in the meantime
      if (!answer?.ok) { window.app?.toast(box.dataset.textFailed, "warning"); return; }
      mine.geometry = await answer.json();
    }
    if (mine.geometry) paint(mine.data, mine.geometry); // else they are on their way, and painted when they are here
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-map-layer]") && drawn?.geometry) paint(drawn.data, drawn.geometry);
  });
  document.addEventListener("mouseover", (event) => {
    const here = event.target.closest?.("tr[data-code]");
    if (drawn?.lit && drawn.lit !== here?.dataset.code) { drawn.light?.(drawn.lit, false); drawn.lit = null; }
    if (here && drawn?.light) { drawn.lit = here.dataset.code; drawn.light(drawn.lit, true); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || event.target.closest?.("input, select, textarea, details[open], .offcanvas.show")) return;
    $("#board [data-up]")?.click();
  });
  document.addEventListener("htmx:afterSettle", (event) => { if (event.target.id === "board") show(); });
  document.addEventListener("htmx:historyRestore", show);
  show();
})();
