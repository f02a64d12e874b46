// The map of the home page: numbers from the page, drill by the very links of the table beside it.
"use strict";
(() => {
  const $ = (selector) => document.querySelector(selector);
  const figure = new Intl.NumberFormat(document.documentElement.lang === "en" ? "en" : "zh-Hans");
  const ratio = (share) => `${(share * 100).toFixed(1)}%`;
  let drawn = null;
  let lit = null;

  const layerOn = (name) => $(`[data-map-layer="${name}"]`)?.checked ?? true;

  function lines(box, child) {
    return [
      `${figure.format(child.households)} ${box.dataset.textHouseholds}`,
      child.share === null ? box.dataset.textUnknown : `${ratio(child.share)} ${box.dataset.textShare} · ${box.dataset.textRank} ${child.rank}`,
    ];
  }

  async function show() {
    const box = $("#map");
    const text = $("#map-data");
    if (!box || !text || typeof L === "undefined") return;
    const data = JSON.parse(text.textContent);
    if (!drawn || drawn.box !== box) {
      drawn?.remove();
      drawn = new AreaMap(box);
    }
    if (!data.boundaries) return;
    await drawn.show({
      address: data.boundaries,
      children: data.children.map((child) => ({ ...child, size: child.households, lines: lines(box, child) })),
      fills: layerOn("share"),
      circles: layerOn("counts"),
      open: (code) => $(`[data-drill="${code}"]`)?.click(),
      lit: (code, on) => $(`tr[data-code="${code}"]`)?.classList.toggle("lit", on),
      failed: () => window.app?.toast(box.dataset.textFailed, "warning"),
    });
  }

  document.addEventListener("change", (event) => { if (event.target.matches("[data-map-layer]")) show(); });
  document.addEventListener("mouseover", (event) => {
    const here = event.target.closest?.("tr[data-code]")?.dataset.code;
    if (lit && lit !== here) drawn?.light(lit, false);
    if (here && here !== lit) drawn?.light(here, true);
    lit = here;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || event.target.closest?.("input, select, textarea, details[open], .offcanvas.show")) return;
    $("#board [data-up]")?.click();
  });
  document.addEventListener("htmx:afterSettle", (event) => { if (event.target.id === "board") show(); });
  document.addEventListener("htmx:historyRestore", show);
  show();
})();
