// The log-in's end, without losing what is being typed: a warning before it, a password dialog after it, on the same page.
// Loaded before app.js; the page's settings stand in <meta name="session">. Without scripts the server answers a late form
// with a log-in page that carries its fields.
"use strict";
(() => {
  const meta = document.querySelector('meta[name="session"]');
  if (!meta) return;
  const { login, state, keep, user, username, ...texts } = meta.dataset;
  const idle = Number(meta.dataset.idle) * 60000;
  const WARN = 120000;
  let token = document.querySelector('meta[name="csrf-token"]')?.content ?? "";
  let deadline = Date.now() + idle;
  let told = Date.now();
  let dialog = null;
  let after = null; // what to do once logged in again
  document.body && delete document.body.dataset.idleMinutes; // app.js then leaves the clock to us

  const hear = (seconds) => {
    deadline = Date.now() + seconds * 1000;
    if (dialog?.dataset.kind === "warning" && seconds * 1000 > WARN) close();
  };
  const ask = async (address, options = {}) => {
    const answer = await fetch(address, { credentials: "same-origin", ...options, headers: { Accept: "application/json", ...options.headers } });
    if (answer.ok) hear((await answer.json()).left);
    return answer.status;
  };
  const look = () => ask(state, { headers: { "X-Background": "1" } });
  const stay = () => ask(keep, { method: "POST", headers: { "X-CSRFToken": token } }).then((status) => { if (status === 401) askPassword(); }, () => {});

  // --- dialogs --------------------------------------------------------------------------------------------------------
  function make(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    made.append(...children);
    return made;
  }
  function open(kind, title, ...children) {
    close();
    dialog = make("dialog", { class: "session-dialog border rounded shadow p-3 p-sm-4", "aria-labelledby": "session-title", "data-kind": kind, "data-nodraft": "" },
      make("h2", { class: "card-title mb-2", id: "session-title" }, title), ...children);
    dialog.style.width = "min(440px, calc(100vw - 32px))";
    document.body.append(dialog);
    dialog.showModal();
  }
  function close() {
    dialog?.remove();
    dialog = null;
  }
  function warn() {
    if (dialog) return;
    const button = make("button", { type: "button", class: "btn btn-primary" }, texts.stay);
    button.addEventListener("click", () => { close(); stay(); });
    open("warning", texts.warnTitle, make("p", {}, texts.warnText), button);
    dialog.addEventListener("cancel", () => { dialog = null; stay(); });
  }
  function askPassword() {
    if (dialog?.dataset.kind === "password") return;
    const field = make("input", { class: "form-control", type: "password", id: "session-password", autocomplete: "current-password", required: "", maxlength: "200" });
    const fault = make("p", { class: "field-error", role: "alert", hidden: "" });
    const form = make("form", {},
      make("p", {}, texts.loginText),
      make("input", { type: "text", hidden: "", value: username, autocomplete: "username", readonly: "" }),
      make("div", { class: "field" }, make("label", { class: "form-label", for: "session-password" }, `${texts.password} · ${username}`), field, fault),
      make("button", { class: "btn btn-primary" }, texts.loginButton));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      event.stopPropagation();
      const button = form.querySelector("button");
      button.disabled = true;
      const answer = await fetch(login, {
        method: "POST",
        credentials: "same-origin",
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token },
        body: JSON.stringify({ username, password: field.value, for: user }),
      }).catch(() => null);
      button.disabled = false;
      field.value = "";
      const said = answer && answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : {};
      if (answer?.ok && said.ok) {
        renew(said.token);
        hear(idle / 1000);
        close();
        const then = after;
        after = null;
        then?.();
      } else {
        fault.textContent = said.message ?? (answer?.status === 429 ? texts.locked : texts.unreachable);
        fault.hidden = false;
        field.focus();
      }
    });
    open("password", texts.loginTitle, form);
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    field.focus();
  }
  // Logging in changes the token: every form of the page gets the new one.
  function renew(fresh) {
    token = fresh;
    document.querySelectorAll('input[name="csrfmiddlewaretoken"]').forEach((input) => { input.value = fresh; });
    document.querySelectorAll('meta[name="csrf-token"]').forEach((item) => { item.content = fresh; });
  }

  // --- htmx: on the window, so that ours is the last word -----------------------------------------------------------------
  window.addEventListener("htmx:configRequest", (event) => {
    const { headers, verb, triggeringEvent } = event.detail;
    headers["X-Session-Dialog"] = "1";
    if (!triggeringEvent) headers["X-Background"] = "1"; // a poll: nobody is there
    if (verb !== "get") headers["X-CSRFToken"] = token;
  });
  window.addEventListener("htmx:afterOnLoad", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (xhr.status < 400 && !requestConfig?.headers?.["X-Background"]) hear(idle / 1000);
  });
  window.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status !== 401) return;
    event.stopImmediatePropagation(); // app.js would report a failure
    if (!event.detail.requestConfig?.headers?.["X-Background"]) askPassword();
  }, true);

  // --- plain forms, typing, the clock ---------------------------------------------------------------------------------------
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (Date.now() < deadline || form.method === "dialog" || form.closest("dialog.session-dialog") || form.matches("[data-logout]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const { submitter } = event;
    const again = () => form.requestSubmit(submitter ?? undefined);
    look().then((status) => {
      if (status === 401) {
        after = again;
        askPassword();
      } else {
        deadline = Math.max(deadline, Date.now() + 5000);
        again();
      }
    }, () => { deadline = Date.now() + 5000; again(); });
  }, true);
  document.addEventListener("input", (event) => {
    if (event.target.closest?.("dialog.session-dialog") || Date.now() - told < 300000) return;
    told = Date.now();
    stay();
  });
  async function tick() {
    if (document.hidden && Date.now() > deadline + 60000) return;
    if (deadline - Date.now() > WARN || dialog?.dataset.kind === "password") return;
    const status = await look().catch(() => 0); // another window may have been busy
    if (status === 401) askPassword();
    else if (status === 200 && deadline - Date.now() <= WARN) warn();
  }
  setInterval(tick, 15000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
})();
