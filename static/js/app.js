// What every page shares: htmx settings, search, rows that open, menus, drafts. No page depends on it to be read.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const body = document.body;
  const plain = "plain" in body.dataset;
  const texts = $("#texts")?.dataset ?? {};
  const token = $('meta[name="csrf-token"]')?.content ?? "";

  // --- messages ----------------------------------------------------------------------------------------------------
  function toast(text, tone = "info", button = null, keep = false) {
    const box = document.createElement("div");
    box.className = `note note-${tone}`;
    const words = document.createElement("div");
    words.className = "flex-fill";
    words.textContent = text;
    box.append(words);
    const close = () => box.remove();
    if (button) {
      const press = document.createElement("button");
      press.type = "button";
      press.className = "btn btn-sm";
      press.textContent = button.label;
      press.addEventListener("click", () => { close(); button.run(); });
      box.append(press);
    }
    const cross = document.createElement("button");
    cross.type = "button";
    cross.className = "btn-close";
    cross.setAttribute("aria-label", texts.close || "×");
    cross.addEventListener("click", close);
    box.append(cross);
    ($("#toasts") ?? body).append(box);
    if (!keep) setTimeout(close, 9000);
    return close;
  }

  // --- htmx: the token, failures, a quiet bar for what takes longer -------------------------------------------------
  document.addEventListener("htmx:configRequest", (event) => {
    if (token && event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = token;
  });
  let running = 0;
  let timer = 0;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.requestConfig?.headers?.["X-Background"]) return;
    running += 1;
    if (running === 1) timer = setTimeout(() => $("#progress")?.classList.add("on"), 300);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.requestConfig?.headers?.["X-Background"]) return;
    running = Math.max(0, running - 1);
    if (running === 0) {
      clearTimeout(timer);
      $("#progress")?.classList.remove("on");
    }
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status === 422 || (xhr.status === 409 && xhr.getResponseHeader("HX-Retarget") !== "none")) {
      event.detail.shouldSwap = true; // forms with errors, and edits overtaken by somebody else, come back to be shown
      event.detail.isError = false;
    }
  });
  const unasked = (event) => event.detail.requestConfig?.headers?.["X-Background"]; // a poll: nobody waits for it
  document.addEventListener("htmx:responseError", (event) => {
    const { status } = event.detail.xhr;
    if (status === 401 || unasked(event)) return; // session.js asks for the password
    toast(status === 403 ? texts.refused : status === 404 ? texts.missing : texts.failed, "error");
  });
  ["htmx:sendError", "htmx:timeout"].forEach((name) => document.addEventListener(name, (event) => unasked(event) || toast(texts.offline, "warning")));

  // --- search: a long number is an identity number, or may be one, and is posted: never in an address ---------------
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-search]")) return;
    const text = new FormData(form).get("q").replace(/[\s　\-]/g, "");
    const digits = text.normalize("NFKC").match(/\d/g)?.length ?? 0;
    const posted = $("#id-search-form");
    if (digits >= 14 && posted) {
      event.preventDefault();
      $("[name=id_number]", posted).value = text.normalize("NFKC");
      form.reset();
      posted.submit();
    }
  });
  $$("form[data-search]").forEach((form) => { form.noValidate = true; });

  // --- keyboard ------------------------------------------------------------------------------------------------------
  const typing = (target) => target.closest?.("input, textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeMenus();
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const wanted = $$("[data-hotkey]").find((item) => item.dataset.hotkey === event.key);
    if (wanted) {
      event.preventDefault();
      if (wanted.matches("input, textarea, select")) { wanted.focus(); wanted.select?.(); } else wanted.click();
    }
  });

  // --- rows that open: <tr data-href="…"> -----------------------------------------------------------------------------
  const openRow = (row, aside) => (aside ? window.open(row.dataset.href, "_blank", "noopener") : location.assign(row.dataset.href));
  document.addEventListener("click", (event) => {
    const row = event.target.closest("[data-href]");
    if (!row || event.defaultPrevented || event.target.closest("a, button, input, label, select, textarea, summary")) return;
    if (String(getSelection()).length) return;
    openRow(row, event.ctrlKey || event.metaKey);
  });
  document.addEventListener("keydown", (event) => {
    const row = event.target.closest?.("[data-href]");
    if (!row || typing(event.target)) return;
    if (event.key === "Enter" && event.target === row) openRow(row, event.ctrlKey || event.metaKey);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const rows = $$("[data-href]", row.parentElement);
      const next = rows[rows.indexOf(row) + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) { event.preventDefault(); next.focus(); }
    }
  });
  const dress = (root) => $$("tr[data-href]:not([tabindex])", root).forEach((row) => { row.tabIndex = 0; });

  // --- menus -----------------------------------------------------------------------------------------------------------
  function closeMenus(except = null) {
    $$("details[data-menu][open]").forEach((menu) => {
      if (menu === except) return;
      if (menu.contains(document.activeElement)) $("summary", menu)?.focus();
      menu.open = false;
    });
  }
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details[data-menu]")));
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("details[data-menu]") && event.target.open) $("input[type=search]", event.target)?.focus();
  }, true);

  // --- small helpers ------------------------------------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const item = event.target.closest("[data-print], [data-back], [data-dismiss-note], [data-copy], [data-toggle-class], [data-show-password]");
    if (!item) return;
    if ("print" in item.dataset) window.print();
    if ("back" in item.dataset) history.length > 1 ? history.back() : location.assign("/");
    if ("dismissNote" in item.dataset) item.closest(".note")?.remove();
    if ("copy" in item.dataset) navigator.clipboard?.writeText(item.dataset.copy).then(() => toast(texts.copied, "success"));
    if ("toggleClass" in item.dataset) {
      const on = $(item.dataset.target).classList.toggle(item.dataset.toggleClass);
      item.setAttribute("aria-expanded", String(on));
      document.dispatchEvent(new CustomEvent("app:toggled", { detail: { item, on } }));
    }
    if ("showPassword" in item.dataset) {
      const field = $(item.dataset.showPassword);
      field.type = field.type === "password" ? "text" : "password";
      item.setAttribute("aria-pressed", String(field.type === "text"));
    }
  });
  // A check box that ticks the others: <input type="checkbox" data-check-all="ids">; what depends on the number of ticks is told.
  document.addEventListener("change", (event) => {
    const all = event.target.closest("[data-check-all]");
    if (all) $$(`input[type=checkbox][name="${all.dataset.checkAll}"]:not(:disabled)`).forEach((box) => { box.checked = all.checked; });
    const form = event.target.closest("form[data-auto-submit]");
    if (form && !form.hasAttribute("hx-get")) form.requestSubmit();
    const name = all?.dataset.checkAll ?? event.target.name;
    if (event.target.type === "checkbox" && name) {
      const number = $$(`input[type=checkbox][name="${name}"]:checked`).length;
      $$(`[data-count-of="${name}"]`).forEach((item) => { item.textContent = number; });
      $$(`[data-needs="${name}"]`).forEach((item) => { item.disabled = number === 0; });
    }
  });

  // --- drafts: form[data-draft] keeps what was typed in this window, through a log-out; and warns of leaving -----------------
  const store = (() => { try { return window.sessionStorage; } catch { return null; } })();
  const prefix = "draft:";
  const keyOf = (form) => `${prefix}${body.dataset.user}:${location.pathname}:${form.id || form.getAttribute("name") || ""}`;
  const kept = (form) => [...form.elements].filter((item) => item.name && !item.closest("[data-nodraft]") && !item.matches("[data-nodraft]")
    && !["password", "file", "hidden", "submit", "button"].includes(item.type));
  const valuesOf = (form) => kept(form).map((item) => [item.name, ["checkbox", "radio"].includes(item.type) ? [item.value, item.checked] : item.value]);
  const dirty = new Set();
  let leaving = false;

  function put(form, values) {
    kept(form).forEach((item, number) => {
      const [name, value] = values[number] ?? [];
      if (name !== item.name) return;
      if (Array.isArray(value)) item.checked = value[1];
      else item.value = value;
    });
    form.dispatchEvent(new Event("input", { bubbles: true }));
  }
  function offerDraft(form) {
    form.dataset.start = JSON.stringify(valuesOf(form));
    const text = store?.getItem(keyOf(form));
    if (!text) return;
    const draft = JSON.parse(text);
    if (JSON.stringify(draft.values) === form.dataset.start || Date.now() - draft.at > 12 * 3600 * 1000) {
      store.removeItem(keyOf(form));
      return;
    }
    const note = document.createElement("div");
    note.className = "note note-warning";
    note.setAttribute("role", "status");
    const words = document.createElement("div");
    words.className = "flex-fill";
    words.textContent = texts.draft;
    const button = (label, look, run) => {
      const made = document.createElement("button");
      made.type = "button";
      made.className = `btn btn-sm ${look}`;
      made.textContent = label;
      made.addEventListener("click", () => { note.remove(); run(); });
      return made;
    };
    note.append(words, button(texts.restore, "btn-primary", () => put(form, draft.values)), button(texts.discard, "", () => store.removeItem(keyOf(form))));
    form.prepend(note);
  }
  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("form[data-draft]");
    if (!form) return;
    const changed = JSON.stringify(valuesOf(form)) !== form.dataset.start;
    changed ? dirty.add(form) : dirty.delete(form);
    $$("[data-unsaved]", form).forEach((item) => { item.textContent = changed ? texts.unsaved : ""; });
    $(".save-bar", form)?.classList.toggle("save-bar-on", changed);
    if (!changed) store?.removeItem(keyOf(form));
    else store?.setItem(keyOf(form), JSON.stringify({ at: Date.now(), values: valuesOf(form) }));
  });
  document.addEventListener("submit", (event) => {
    // Who logs out leaves nothing behind; a form that is sent is no longer dirty, and its draft goes when it has arrived.
    if (event.target.matches("[data-logout]")) Object.keys(store ?? {}).filter((key) => key.startsWith(prefix)).forEach((key) => store.removeItem(key));
    if (event.target.matches("form[data-draft]")) {
      leaving = true;
      store?.setItem("draft-sent", keyOf(event.target));
    }
  });
  window.addEventListener("beforeunload", (event) => {
    dirty.forEach((form) => { if (!form.isConnected) dirty.delete(form); });
    if (dirty.size && !leaving) event.preventDefault();
  });
  function tidyDrafts() {
    if (!store || plain || !body.dataset.user) return;
    const sent = store.getItem("draft-sent");
    // Arrived: the answer is another page. The same page again shows its own values, and the draft only if they differ.
    if (sent && !sent.startsWith(`${prefix}${body.dataset.user}:${location.pathname}:`)) store.removeItem(sent);
    store.removeItem("draft-sent");
    Object.keys(store).filter((key) => key.startsWith(prefix) && !key.startsWith(`${prefix}${body.dataset.user}:`)).forEach((key) => store.removeItem(key));
  }

  // --- the area chip: places as one types ------------------------------------------------------------------------------------------
  let asked = 0;
  let pause = 0;
  document.addEventListener("input", (event) => {
    const field = event.target.closest?.("[data-area-search]");
    if (!field) return;
    clearTimeout(pause);
    pause = setTimeout(async () => {
      const box = $("#area-results");
      const mine = ++asked;
      const url = new URL(field.dataset.areaSearch, location.href);
      url.searchParams.set("q", field.value.trim());
      let found = [];
      if (field.value.trim()) {
        const answer = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
        if (mine !== asked || !answer?.ok) return;
        found = (await answer.json()).results ?? [];
      }
      box.replaceChildren(...found.map((place) => {
        const link = document.createElement("a");
        const to = new URL(field.dataset.areaTarget, location.href);
        to.searchParams.set(field.dataset.areaParameter, place.code);
        link.href = to;
        link.className = "app-menu-item";
        link.setAttribute("role", "option");
        const name = document.createElement("span");
        name.textContent = place.name;
        const path = document.createElement("small");
        path.textContent = place.path ?? "";
        link.append(name, path);
        return link;
      }));
      if (field.value.trim() && !found.length) box.textContent = box.dataset.empty;
      field.setAttribute("aria-expanded", String(found.length > 0));
    }, 200);
  });
  document.addEventListener("keydown", (event) => {
    const box = event.target.closest?.(".app-area-box");
    if (!box || !["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;
    const items = $$("input, a", box);
    const here = items.indexOf(document.activeElement);
    if (event.key === "Enter" && event.target.matches("input")) {
      event.preventDefault();
      $("#area-results a")?.click();
    } else if (event.key !== "Enter") {
      event.preventDefault();
      items[here + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
    }
  });

  // --- at the start and after every swap ----------------------------------------------------------------------------------------------
  tidyDrafts();
  dress(document);
  if (!plain) $$("form[data-draft]").forEach(offerDraft);
  document.addEventListener("htmx:load", (event) => {
    dress(event.target);
    const forms = event.target.matches?.("form[data-draft]") ? [event.target] : $$("form[data-draft]", event.target);
    forms.filter((form) => !form.dataset.start).forEach(offerDraft);
  });
  window.app = { toast };
})();
