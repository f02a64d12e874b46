// The region picker: suggests places of one's area as one types. Without it the field takes a code or a name.
"use strict";
(() => {
  let number = 0;

  function dress(box) {
    if (box.dataset.ready) return;
    box.dataset.ready = "1";
    const field = box.querySelector("input");
    const id = `region-list-${++number}`;
    const shown = document.createElement("input");
    for (const { name, value } of field.attributes) if (!["name", "value", "type"].includes(name)) shown.setAttribute(name, value);
    shown.type = "text";
    shown.value = box.dataset.label;
    shown.setAttribute("role", "combobox");
    shown.setAttribute("aria-autocomplete", "list");
    shown.setAttribute("aria-expanded", "false");
    shown.setAttribute("aria-controls", id);
    const list = document.createElement("ul");
    list.id = id;
    list.className = "region-picker-list";
    list.setAttribute("role", "listbox");
    list.hidden = true;
    const told = document.createElement("span");
    told.className = "visually-hidden";
    told.setAttribute("role", "status");
    field.type = "hidden";
    field.removeAttribute("id");
    field.removeAttribute("required");
    box.append(shown, list, told);

    let asked = 0;
    let pause = 0;
    let at = -1;
    const options = () => [...list.querySelectorAll("[role=option]")];
    const close = () => {
      list.hidden = true;
      at = -1;
      shown.setAttribute("aria-expanded", "false");
      shown.removeAttribute("aria-activedescendant");
    };
    const set = (value) => {
      if (field.value === value) return;
      field.value = value;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    };
    const choose = (option) => {
      shown.value = option.dataset.name;
      set(option.dataset.code);
      close();
    };
    const point = (position) => {
      const all = options();
      if (!all.length) return;
      at = (position + all.length) % all.length;
      all.forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
      all[at].scrollIntoView({ block: "nearest" });
      shown.setAttribute("aria-activedescendant", all[at].id);
    };
    const show = (found) => {
      list.replaceChildren(...found.map((place, index) => {
        const option = document.createElement("li");
        option.id = `${id}-${index}`;
        option.className = "app-menu-item";
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        option.dataset.code = place.code;
        option.dataset.name = place.name;
        const name = document.createElement("span");
        name.textContent = place.name;
        const path = document.createElement("small");
        path.textContent = place.path || place.level_label;
        option.append(name, path);
        return option;
      }));
      if (!found.length) {
        const none = document.createElement("li");
        none.className = "form-hint";
        none.textContent = box.dataset.empty;
        list.append(none);
      }
      list.classList.toggle("region-picker-none", !found.length);
      told.textContent = found.length ? `${found.length} ${box.dataset.count}` : box.dataset.empty;
      list.hidden = false;
      at = -1;
      shown.setAttribute("aria-expanded", "true");
    };
    const ask = async () => {
      const text = shown.value.trim();
      const mine = ++asked;
      if (!text) return close();
      const url = new URL(box.dataset.url, location.href);
      url.searchParams.set("q", text);
      if (box.dataset.levels) url.searchParams.set("levels", box.dataset.levels);
      const answer = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
      if (mine !== asked || !answer?.ok || document.activeElement !== shown) return undefined;
      return show((await answer.json()).results ?? []);
    };

    shown.addEventListener("input", () => {
      set(shown.value.trim()); // what is typed counts until something is chosen: a full name or a code
      clearTimeout(pause);
      pause = setTimeout(ask, 200);
    });
    shown.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) ask();
        else point(event.key === "ArrowDown" ? at + 1 : at - 1);
      } else if (event.key === "Enter" && !list.hidden && at >= 0) {
        event.preventDefault();
        choose(options()[at]);
      } else if (event.key === "Escape" && !list.hidden) {
        event.stopPropagation();
        close();
      } else if (event.key === "Tab" && !list.hidden && options().length === 1) {
        choose(options()[0]);
      }
    });
    list.addEventListener("mousedown", (event) => {
      event.preventDefault(); // the field keeps the focus
      const option = event.target.closest("[role=option]");
      if (option) choose(option);
    });
    shown.addEventListener("blur", close);
    field.form?.addEventListener("reset", () => setTimeout(() => { shown.value = box.dataset.label; close(); }));
  }

  const dressAll = (root) => root.querySelectorAll?.("[data-region-picker]").forEach(dress);
  dressAll(document);
  document.addEventListener("htmx:load", (event) => {
    if (event.target.matches?.("[data-region-picker]")) dress(event.target);
    dressAll(event.target);
  });
})();
