// Composing a screen: forms of figures from the palette onto the slides, by mouse, by finger or by keyboard. What is composed
// goes to the server as one text, which checks all of it again.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const form = $("#composer");
  if (!form) return;
  const words = form.dataset;
  const text = (name) => words[`text${name[0].toUpperCase()}${name.slice(1)}`] ?? "";
  const read = (id) => JSON.parse($(id).textContent);
  const { across, down, slides: most } = read("#composer-size");
  const layout = read("#composer-data");
  const grid = $("#composer-grid"), strip = $(".composer-slides"), titleField = $("#slide-title"), regionField = $("#slide-region"), said = $("#composer-said");
  const titles = new Map();
  $$(".composer-kind").forEach((button) => titles.set(`${button.dataset.figure} ${button.dataset.kind}`, button.dataset));
  let at = 0, dirty = false, carried = null;

  const make = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    made.append(...children);
    return made;
  };
  const slide = () => layout.slides[at];
  const say = (...parts) => { said.textContent = parts.filter(Boolean).join(" "); };
  const named = (tile) => titles.get(`${tile.figure} ${tile.kind}`) ?? { title: tile.figure, kindTitle: tile.kind };

  // --- room on the slide ---------------------------------------------------------------------------------------------------
  const inside = ({ x, y, w, h }) => x >= 0 && y >= 0 && w >= 1 && h >= 1 && x + w <= across && y + h <= down;
  const meet = (one, other) => one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h;
  const fits = (place, but = null) => inside(place) && !slide().tiles.some((tile) => tile !== but && meet(tile, place));
  // The largest size up to the wished one that is free at a cell.
  function room(x, y, w, h, but = null) {
    let best = null;
    for (let height = Math.min(h, down - y); height >= 1; height -= 1) for (let width = Math.min(w, across - x); width >= 1; width -= 1) {
      if ((!best || width * height > best.w * best.h) && fits({ x, y, w: width, h: height }, but)) best = { x, y, w: width, h: height };
    }
    return best;
  }
  function firstFree(w, h) {
    let best = null;
    for (let y = 0; y < down; y += 1) for (let x = 0; x < across; x += 1) {
      const found = room(x, y, w, h);
      if (found && (!best || found.w * found.h > best.w * best.h)) best = found;
    }
    return best;
  }

  // --- drawing ---------------------------------------------------------------------------------------------------------------
  const changed = () => { dirty = true; };
  function drawSlides() {
    strip.replaceChildren(...layout.slides.map((one, place) => {
      const tab = make("button", { type: "button", role: "tab", class: `composer-tab${place === at ? " on" : ""}`, "aria-selected": String(place === at), tabindex: place === at ? "0" : "-1", "data-tab": place },
        make("strong", {}, String(place + 1)), ` ${one.title || text("slide")}`, make("small", {}, ` ${one.tiles.length}`));
      return tab;
    }));
    if (layout.slides.length < most) strip.append(make("button", { type: "button", class: "composer-tab composer-add", "data-add": "", "aria-label": `+ ${text("slide")}` }, `+ ${text("slide")}`));
    $("[data-slide=back]").disabled = at === 0;
    $("[data-slide=on]").disabled = at === layout.slides.length - 1;
    $("[data-slide=remove]").disabled = layout.slides.length === 1;
  }
  const TOOLS = [["left", "←"], ["right", "→"], ["up", "↑"], ["down", "↓"], ["wider", "⇥"], ["narrower", "⇤"], ["taller", "⤓"], ["lower", "⤒"], ["remove", "✕"]];
  function draw(focus = null, tool = "") {
    drawSlides();
    titleField.value = slide().title ?? "";
    regionField.value = slide().region ?? "";
    const cells = [];
    for (let y = 0; y < down; y += 1) for (let x = 0; x < across; x += 1) {
      const cell = make("div", { class: "composer-cell", "data-x": x, "data-y": y, "aria-hidden": "true" });
      cell.style.gridArea = `${y + 1} / ${x + 1}`;
      cells.push(cell);
    }
    const tiles = [...slide().tiles].sort((one, other) => one.y - other.y || one.x - other.x).map((tile) => {
      const { title, kindTitle } = named(tile);
      const tools = make("span", { class: "composer-tile-tools" }, ...TOOLS.map(([name, sign]) => make("button", { type: "button", "data-tool": name, title: text(name), "aria-label": `${title}: ${text(name)}` }, sign)));
      const made = make("div", { class: `composer-tile kind-${tile.kind}`, draggable: "true", tabindex: "0", role: "group", "aria-label": `${title}, ${kindTitle}`, "data-figure": tile.figure, "data-kind": tile.kind, "data-place": `${tile.x} ${tile.y} ${tile.w} ${tile.h}` },
        make("strong", {}, title), make("span", { class: "soft" }, kindTitle), tools);
      made.style.gridArea = `${tile.y + 1} / ${tile.x + 1} / span ${tile.h} / span ${tile.w}`;
      made.tile = tile;
      return made;
    });
    grid.replaceChildren(...cells, ...tiles, ...(tiles.length ? [] : [make("p", { class: "composer-none faint" }, text("none"))]));
    if (focus) {
      const found = tiles.find((one) => one.tile === focus);
      (tool && found ? $(`[data-tool=${tool}]`, found) : found)?.focus();
    }
  }

  // --- tiles --------------------------------------------------------------------------------------------------------------------
  function add({ figure, kind, w, h, title }, cell = null) {
    const place = cell ? room(cell.x, cell.y, Number(w), Number(h)) ?? firstFree(Number(w), Number(h)) : firstFree(Number(w), Number(h));
    if (!place) { say(text("full")); window.app?.toast(text("full"), "warning"); return; }
    slide().tiles.push({ figure, kind, ...place });
    changed();
    draw();
    say(title, text("added"));
  }
  function remove(tile) {
    slide().tiles = slide().tiles.filter((one) => one !== tile);
    changed();
    draw();
    ($(".composer-tile", grid) ?? titleField).focus();
    say(named(tile).title, text("removed"));
  }
  // A step to a side: into free room, or in exchange with a neighbour of the same size.
  function step(tile, x, y) {
    const place = { ...tile, x: tile.x + x, y: tile.y + y };
    if (fits(place, tile)) Object.assign(tile, place);
    else {
      const other = slide().tiles.find((one) => one !== tile && one.w === tile.w && one.h === tile.h && meet(one, { ...tile, x: tile.x + x * tile.w, y: tile.y + y * tile.h }));
      if (!other) return false;
      [tile.x, other.x] = [other.x, tile.x];
      [tile.y, other.y] = [other.y, tile.y];
    }
    return true;
  }
  function size(tile, w, h) {
    const place = { ...tile, w: tile.w + w, h: tile.h + h };
    if (fits(place, tile)) { Object.assign(tile, place); return true; }
    const back = { ...place, x: tile.x - Math.max(0, w), y: tile.y - Math.max(0, h) }; // no room there: grow to the other side
    if (!fits(back, tile)) return false;
    Object.assign(tile, back);
    return true;
  }
  const ACTS = {
    left: (tile) => step(tile, -1, 0), right: (tile) => step(tile, 1, 0), up: (tile) => step(tile, 0, -1), down: (tile) => step(tile, 0, 1),
    wider: (tile) => size(tile, 1, 0), narrower: (tile) => size(tile, -1, 0), taller: (tile) => size(tile, 0, 1), lower: (tile) => size(tile, 0, -1),
  };
  function act(name, tile, tool = "") {
    if (name === "remove") { remove(tile); return; }
    if (!ACTS[name](tile)) { say(named(tile).title, text("blocked")); return; }
    changed();
    draw(tile, tool);
    say(named(tile).title, text("moved"));
  }

  form.addEventListener("click", (event) => {
    const kind = event.target.closest(".composer-kind");
    const tool = event.target.closest("[data-tool]");
    const tab = event.target.closest("[data-tab]");
    const move = event.target.closest("[data-slide]");
    if (kind) add(kind.dataset);
    else if (tool) act(tool.dataset.tool, tool.closest(".composer-tile").tile, tool.dataset.tool);
    else if (tab) { at = Number(tab.dataset.tab); draw(); $(`[data-tab="${at}"]`).focus(); }
    else if (event.target.closest("[data-add]")) {
      layout.slides.push({ title: "", region: "", tiles: [] });
      at = layout.slides.length - 1;
      changed();
      draw();
      titleField.focus();
    } else if (move) {
      if (move.dataset.slide === "remove") { layout.slides.splice(at, 1); at = Math.min(at, layout.slides.length - 1); }
      else {
        const other = at + (move.dataset.slide === "on" ? 1 : -1);
        [layout.slides[at], layout.slides[other]] = [layout.slides[other], layout.slides[at]];
        at = other;
      }
      changed();
      draw();
    }
  });
  form.addEventListener("keydown", (event) => {
    const tab = event.target.closest("[data-tab]");
    if (tab && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
      event.preventDefault();
      at = (at + (event.key === "ArrowRight" ? 1 : -1) + layout.slides.length) % layout.slides.length;
      draw();
      $(`[data-tab="${at}"]`).focus();
      return;
    }
    const { tile } = event.target;
    if (!tile) return;
    const shift = event.shiftKey;
    const name = { ArrowLeft: shift ? "narrower" : "left", ArrowRight: shift ? "wider" : "right", ArrowUp: shift ? "lower" : "up", ArrowDown: shift ? "taller" : "down", Delete: "remove", Backspace: "remove" }[event.key];
    if (!name) return;
    event.preventDefault();
    act(name, tile);
  });

  // --- dragging -------------------------------------------------------------------------------------------------------------------
  const cellAt = (event) => {
    const box = grid.getBoundingClientRect();
    const clamp = (value, limit) => Math.max(0, Math.min(limit - 1, value));
    return { x: clamp(Math.floor((event.clientX - box.left) / (box.width / across)), across), y: clamp(Math.floor((event.clientY - box.top) / (box.height / down)), down) };
  };
  const clear = () => $$(".composer-cell.over", grid).forEach((cell) => cell.classList.remove("over"));
  function target(event) {
    const cell = cellAt(event);
    if (!carried.tile) return { cell, place: room(cell.x, cell.y, Number(carried.w), Number(carried.h)) };
    const { tile } = carried;
    const x = Math.max(0, Math.min(across - tile.w, cell.x - carried.dx)), y = Math.max(0, Math.min(down - tile.h, cell.y - carried.dy));
    const place = { x, y, w: tile.w, h: tile.h };
    return { cell, place: fits(place, tile) ? place : room(cell.x, cell.y, tile.w, tile.h, tile) };
  }
  form.addEventListener("dragstart", (event) => {
    const kind = event.target.closest?.(".composer-kind"), made = event.target.closest?.(".composer-tile");
    if (kind) carried = { ...kind.dataset };
    else if (made) { const cell = cellAt(event); carried = { tile: made.tile, dx: cell.x - made.tile.x, dy: cell.y - made.tile.y }; }
    else return;
    event.dataTransfer.effectAllowed = "copyMove";
    event.dataTransfer.setData("text/plain", "tile");
    requestAnimationFrame(() => grid.classList.add("dragging"));
  });
  grid.addEventListener("dragover", (event) => {
    if (!carried) return;
    event.preventDefault();
    clear();
    const { place } = target(event);
    if (place) $$(".composer-cell", grid).forEach((cell) => { if (meet({ x: Number(cell.dataset.x), y: Number(cell.dataset.y), w: 1, h: 1 }, place)) cell.classList.add("over"); });
  });
  grid.addEventListener("dragleave", (event) => { if (!grid.contains(event.relatedTarget)) clear(); });
  grid.addEventListener("drop", (event) => {
    if (!carried) return;
    event.preventDefault();
    const { cell, place } = target(event);
    if (!carried.tile) add(carried, cell);
    else if (place) { Object.assign(carried.tile, place); changed(); draw(carried.tile); }
  });
  document.addEventListener("dragend", () => { carried = null; clear(); grid.classList.remove("dragging"); });

  // --- the rest of the form -----------------------------------------------------------------------------------------------------------
  titleField.addEventListener("input", () => { slide().title = titleField.value; changed(); drawSlides(); });
  regionField.addEventListener("change", () => { slide().region = regionField.value; changed(); });
  $("#composer-find").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    $$(".composer-topics details").forEach((topic) => {
      let any = false;
      $$("li", topic).forEach((line) => { const on = $(".composer-name", line).textContent.toLowerCase().includes(wanted); line.hidden = !on; any ||= on; });
      topic.hidden = !any;
      if (wanted) topic.open = any;
    });
  });
  $("#composer-find").addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  titleField.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  form.addEventListener("submit", () => {
    $("#composer-layout").value = JSON.stringify(layout);
    dirty = false;
  });
  $$("input[name=title], input[name=seconds]").forEach((field) => field.addEventListener("input", changed));
  addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
  draw();
})();
