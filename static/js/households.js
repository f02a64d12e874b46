// The register's pages: where values come from, maps, positions, one more member. All of it is readable without a script.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  // --- the origin of a value: fetched once, when somebody first asks -------------------------------------------------
  const file = $("[data-sources]");
  let origins = null;
  let tip = null;
  let wait = 0;
  const hideTip = () => { clearTimeout(wait); tip?.remove(); tip = null; };
  async function showTip(item) {
    origins ??= fetch(file.dataset.sources, { headers: { Accept: "application/json", "X-Requested-With": "fetch" } }).then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
    const known = await origins;
    hideTip();
    tip = document.createElement("div");
    tip.className = "source-tip";
    tip.setAttribute("role", "status");
    const place = known?.values[item.dataset.source];
    if (place === undefined) {
      if (known) { tip = null; return; }
      origins = null;
      tip.textContent = file.dataset.textFailed;
    } else {
      const list = document.createElement("dl");
      known.sources[place].forEach(([label, text]) => {
        const dt = document.createElement("dt");
        const dd = document.createElement("dd");
        dt.textContent = label;
        dd.textContent = text;
        list.append(dt, dd);
      });
      const more = document.createElement("a");
      more.href = `${file.dataset.history}?field=${encodeURIComponent(item.dataset.source)}`;
      more.textContent = file.dataset.textHistory;
      tip.append(list, more);
    }
    document.body.append(tip);
    const at = item.getBoundingClientRect();
    const left = Math.max(12, Math.min(at.left, innerWidth - tip.offsetWidth - 12));
    const below = at.bottom + tip.offsetHeight + 10 < innerHeight;
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${(below ? at.bottom + 6 : at.top - tip.offsetHeight - 6) + scrollY}px`;
  }
  if (file) {
    file.addEventListener("mouseover", (event) => {
      const item = event.target.closest("[data-source]");
      if (!item || item.closest(".reveal[open]")) return;
      clearTimeout(wait);
      wait = setTimeout(() => showTip(item), 350);
    });
    document.addEventListener("mouseout", (event) => {
      if (!event.target.closest?.("[data-source], .source-tip")) return;
      clearTimeout(wait);
      wait = setTimeout(() => { if (!tip?.matches(":hover")) hideTip(); }, 350);
    });
    document.addEventListener("click", (event) => {
      const item = event.target.closest("[data-source]");
      if (item && !event.target.closest("a, summary")) showTip(item);
      else if (!event.target.closest(".source-tip")) hideTip();
    });
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
  }

  // Addresses carry only the filters that say something.
  // What is typed of a place counts when one is chosen, or when the form is sent.
  const codes = /^(\d{2}|\d{4}|\d{6}|\d{9}|\d{12})?$/;
  document.addEventListener("change", (event) => {
    const { target } = event;
    if (target.closest?.("#filter-form [data-region-picker]") && !(target.name === "region" && codes.test(target.value))) event.stopPropagation();
  }, true);
  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.target.matches?.("[data-clean-query]")) return;
    const { parameters } = event.detail;
    Object.keys(parameters).forEach((key) => { if (parameters[key] === "") delete parameters[key]; });
  });
  // The page's title and the browser's agree with what is shown.
  document.addEventListener("htmx:afterSettle", () => {
    const title = $("#list-title");
    if (title) document.title = `${title.textContent.trim()} · ${document.title.split(" · ").pop()}`;
  });

  // --- maps -----------------------------------------------------------------------------------------------------------------
  $$("[data-map]").forEach((box) => {
    if (!window.L) return;
    const { lat, lon, outline } = box.dataset;
    const pick = "pick" in box.dataset;
    const map = L.map(box, { attributionControl: false, scrollWheelZoom: pick, zoomAnimation: false });
    const tiles = JSON.parse($("#map-tiles")?.textContent || "[]");
    tiles.forEach(([, url, options]) => L.tileLayer(url, typeof options === "string" ? { attribution: options } : options).addTo(map));
    let marker = null;
    const mark = (at) => {
      marker?.remove();
      marker = L.circleMarker(at, { radius: 8, color: "#fff", weight: 2, fillColor: "#b35806", fillOpacity: 1 }).addTo(map);
    };
    if (lat && lon) { mark([lat, lon]); map.setView([lat, lon], 14); } else map.setView([23.5, 108.5], 7);
    if (outline) {
      fetch(outline).then((answer) => (answer.ok ? answer.json() : null)).then((shapes) => {
        const layer = shapes?.features.length && L.geoJSON(shapes, { interactive: false, style: (one) => ({ color: one.properties.outline ? "#1c5a9c" : "#9aa5b1", weight: one.properties.outline ? 2 : 1, fill: true, fillColor: "#1c5a9c", fillOpacity: .05 }) }).addTo(map);
        if (!layer) return;
        const bounds = layer.getBounds();
        if (lat && lon) bounds.extend([lat, lon]);
        map.fitBounds(bounds, { padding: [10, 10] });
      }).catch(() => null);
    }
    if (pick) {
      const put = (at, accuracy) => {
        $("#id_lon").value = at.lng.toFixed(6);
        $("#id_lat").value = at.lat.toFixed(6);
        const exact = $("#id_accuracy");
        if (exact) exact.value = accuracy ? Math.round(accuracy) : "";
        mark(at);
      };
      map.on("click", (event) => put(event.latlng));
      const here = $("[data-locate]");
      if (here && navigator.geolocation && window.isSecureContext) {
        here.hidden = false;
        here.addEventListener("click", () => {
          here.disabled = true;
          navigator.geolocation.getCurrentPosition(
            ({ coords }) => { here.disabled = false; const at = L.latLng(coords.latitude, coords.longitude); put(at, coords.accuracy); map.setView(at, 16); },
            () => { here.disabled = false; window.app?.toast(here.dataset.failed, "warning"); },
            { enableHighAccuracy: true, timeout: 20000, maximumAge: 0 },
          );
        });
      }
      ["#id_lon", "#id_lat"].forEach((field) => $(field)?.addEventListener("change", () => {
        const at = [parseFloat($("#id_lat").value), parseFloat($("#id_lon").value)];
        if (at.every(Number.isFinite) && Math.abs(at[0]) <= 90) { mark(at); map.panTo(at); }
      }));
    }
  });

  // --- one more member ----------------------------------------------------------------------------------------------------------
  $$("[data-add-member]").forEach((button) => button.addEventListener("click", (event) => {
    event.preventDefault();
    const total = $("#id_m-TOTAL_FORMS");
    const copy = document.createElement("div");
    copy.innerHTML = $("#member-template").innerHTML.replaceAll("__prefix__", total.value);
    const added = copy.firstElementChild;
    $("#member-forms").append(added);
    total.value = String(Number(total.value) + 1);
    $("input:not([type=hidden]), select", added)?.focus();
  }));
})();
