// A map of an area: outlines from the server, one colour and one circle for each region below it. The pages say what those mean.
"use strict";
window.AreaMap = class {
  static CIRCLE = { color: "#fff", weight: 1.5, fillColor: "#b35806", fillOpacity: .88 };
  static EMPTY = "#eef1f4";
  static LARGEST = 24; // pixels: the radius of the largest circle
  static LABELS = 30; // more names than this would only cover each other
  static calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

  constructor(box) {
    const calm = AreaMap.calm;
    this.box = box;
    this.map = L.map(box, { zoomSnap: .1, zoomDelta: .5, scrollWheelZoom: false, attributionControl: false, zoomAnimation: !calm, fadeAnimation: !calm, maxBoundsViscosity: .8 });
    this.map.createPane("circles").classList.add("map-circles");
    this.map.on("focus", () => this.map.scrollWheelZoom.enable());
    this.map.on("blur", () => this.map.scrollWheelZoom.disable());
    const tiles = JSON.parse(document.querySelector("#map-tiles")?.textContent || "[]");
    tiles.forEach(([, url, options]) => L.tileLayer(url, typeof options === "string" ? { attribution: options } : options).addTo(this.map));
    if (tiles.some(([, , options]) => options?.attribution)) L.control.attribution({ prefix: false }).addTo(this.map);
    this.tiled = tiles.length > 0;
    this.address = "";
    this.byCode = new Map();
    this.observer = new ResizeObserver(() => {
      this.map.invalidateSize({ animate: false });
      if (this.bounds && !this.seen && box.clientWidth) { this.seen = true; this.fit(false); }
    });
    this.observer.observe(box);
  }

  remove() {
    this.observer.disconnect();
    this.map.remove();
  }

  fit(animate = true) {
    if (this.bounds?.isValid()) this.map.fitBounds(this.reach ?? this.bounds, { animate: animate && !AreaMap.calm, padding: [12, 12] });
  }

  // Show `told`: {address, children: [{code, name, colour, size, lines}], open(code), lit(code, on), fills, circles, names, failed()}.
  // Until its outlines are here the former ones stay as a grey ground: their colours belong to another legend.
  async show(told) {
    this.told = told;
    const { address } = told;
    if (this.address !== address) {
      this.address = address;
      this.blank();
      const wait = setTimeout(() => this.box.classList.add("map-busy"), 300);
      const answer = await fetch(address, { headers: { Accept: "application/geo+json" } }).catch(() => null);
      clearTimeout(wait);
      this.box.classList.remove("map-busy");
      if (this.address !== address) return false; // somebody has gone on in the meantime
      if (!answer?.ok) { this.address = ""; told.failed?.(); return false; }
      this.geometry = await answer.json();
    }
    if (!this.geometry) return false; // on its way, and painted when it is here
    this.paint();
    return true;
  }

  blank() {
    this.geometry = null;
    this.byCode.clear();
    this.circles?.remove();
    this.names?.remove();
    this.shapes?.eachLayer((layer) => layer.off().unbindTooltip().setStyle({ color: "#fff", weight: 1.25, fillColor: AreaMap.EMPTY, fillOpacity: 1 }));
  }

  tip(name, child) {
    const made = document.createElement("div");
    const head = document.createElement("strong");
    head.textContent = name;
    made.append(head);
    (child?.lines ?? []).forEach((text) => {
      const line = document.createElement("div");
      line.textContent = text;
      made.append(line);
    });
    return made;
  }

  light(code, on) {
    const layer = this.byCode.get(code);
    if (!layer) return;
    layer.setStyle(on ? { color: "#14202b", weight: 2.5 } : { color: "#fff", weight: 1.25 });
    if (on) layer.bringToFront();
  }

  style(feature, child) {
    const { outline } = feature.properties;
    if (!this.told.children.length) {
      return { color: outline ? "#1c5a9c" : "#8a97a5", weight: outline ? 2.5 : 1, fillColor: "#bcd6ec", fillOpacity: outline ? (this.told.pale ? .25 : .55) : 0 };
    }
    if (outline) return { color: "#4d5a68", weight: 2, fill: !child, fillColor: AreaMap.EMPTY, fillOpacity: .5, interactive: false };
    let fill = AreaMap.EMPTY;
    if (this.told.fills && child) fill = child.colour || "url(#hatch)";
    return { color: this.told.fills ? "#fff" : "#b6c0cb", weight: 1.25, fillColor: fill, fillOpacity: this.tiled ? .75 : 1 };
  }

  paint() {
    const { map, told, geometry } = this;
    const children = new Map(told.children.map((child) => [child.code, child]));
    this.shapes?.remove();
    this.circles?.remove();
    this.names?.remove();
    this.byCode.clear();
    const circles = L.layerGroup();
    const names = L.layerGroup();
    this.places = new Map();
    const most = Math.max(1, ...told.children.map((child) => child.size ?? 0));
    const few = geometry.features.length <= AreaMap.LABELS;
    const lit = (code, on) => { told.lit?.(code, on); this.light(code, on); };
    this.shapes = L.geoJSON(geometry, {
      filter: (feature) => !feature.properties.outline || !told.children.length || geometry.features.length === 1,
      style: (feature) => this.style(feature, children.get(feature.properties.code)),
      onEachFeature: (feature, layer) => {
        const { code, name, at } = feature.properties;
        const child = children.get(code);
        this.byCode.set(code, layer);
        if (told.children.length) {
          layer.bindTooltip(() => this.tip(name, child), { sticky: true, className: "map-tip", opacity: 1 });
          layer.on({ mouseover: () => lit(code, true), mouseout: () => lit(code, false), click: () => told.open?.(code) });
        }
        if (!at) return;
        this.places.set(code, at);
        let radius = 0;
        if (child?.size > 0) {
          radius = Math.max(3, AreaMap.LARGEST * Math.sqrt(child.size / most) * (few ? 1 : .6));
          circles.addLayer(L.circleMarker(at, { ...AreaMap.CIRCLE, radius, pane: "circles", interactive: false }));
        }
        if (few && name && told.names !== false) {
          // Not a tooltip: Leaflet measures these one by one, and each time the page is laid out anew.
          const label = document.createElement("span");
          label.className = "map-label";
          label.textContent = name;
          if (radius && told.circles) label.style.marginTop = `${-radius - 7}px`;
          const anchor = L.marker(at, { icon: L.divIcon({ className: "map-anchor", iconSize: [0, 0], html: label }), interactive: false, keyboard: false });
          names.addLayer(anchor);
        }
      },
    }).addTo(map);
    this.circles = circles;
    if (told.circles) circles.addTo(map);
    this.names = names.addTo(map);
    this.bounds = this.shapes.getBounds();
    this.seen = this.box.clientWidth > 0;
    if (this.seen) this.fit(this.fitted);
    this.fitted = true;
  }
};
