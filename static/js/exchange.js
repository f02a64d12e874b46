// Imports: dropping a file, the progress of an upload, answers that choose themselves. Every page works without it.
"use strict";
(() => {
  function uploads(form) {
    const box = form.querySelector("[data-drop]");
    const field = box.querySelector("input[type=file]");
    const name = form.querySelector("[data-drop-name]");
    const fault = form.querySelector("[data-drop-error]");
    const size = (bytes) => (bytes >= 1048576 ? `${(bytes / 1048576).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1024))} KB`);

    const show = () => {
      const file = field.files[0];
      name.textContent = file ? `${file.name} · ${size(file.size)}` : name.dataset.empty;
      const large = file && file.size > Number(field.dataset.limit);
      fault.hidden = !large;
      fault.textContent = large ? field.dataset.tooLarge : "";
      field.setCustomValidity(large ? field.dataset.tooLarge : "");
    };
    field.addEventListener("change", show);
    // The field covers the box, so that a file dropped on it arrives by itself; only the look is ours.
    ["dragenter", "dragover"].forEach((kind) => box.addEventListener(kind, () => box.classList.add("over")));
    ["dragleave", "drop"].forEach((kind) => box.addEventListener(kind, () => box.classList.remove("over")));
    show();

    form.addEventListener("submit", (event) => {
      if (event.defaultPrevented || !window.FormData) return;
      event.preventDefault();
      const bar = form.querySelector("[data-upload-progress]");
      const text = form.querySelector("[data-upload-text]");
      const button = form.querySelector("button:not([type=button])");
      bar.hidden = text.hidden = false;
      button.disabled = true;
      const request = new XMLHttpRequest();
      request.upload.addEventListener("progress", (step) => {
        if (!step.lengthComputable) return;
        const percent = Math.floor((100 * step.loaded) / step.total);
        bar.value = percent;
        text.textContent = percent < 100 ? text.dataset.text.replace("{percent}", percent) : text.dataset.read;
      });
      request.addEventListener("load", () => {
        if (request.status === 200) {
          location.assign(JSON.parse(request.responseText).location);
          return;
        }
        const answer = new DOMParser().parseFromString(request.responseText, "text/html").querySelector("form[data-upload]");
        if (request.status !== 422 || !answer) {
          // Not an answer of this form: the session ended, or the server is in trouble. Its own page says what to do.
          if (request.status < 500) form.submit(); else broken();
          return;
        }
        const next = document.adoptNode(answer);
        form.replaceWith(next);
        uploads(next);
        document.dispatchEvent(new CustomEvent("htmx:load", { bubbles: true, detail: { elt: next } }));
        next.querySelector(".field-error:not([hidden])")?.scrollIntoView({ block: "center" });
      });
      const broken = () => {
        bar.hidden = true;
        text.textContent = text.dataset.failed;
        button.disabled = false;
      };
      request.addEventListener("error", broken);
      request.open("POST", form.getAttribute("action") || location.href);
      request.setRequestHeader("X-Upload", "1");
      request.send(new FormData(form));
    });
  }
  document.querySelectorAll("form[data-upload]").forEach(uploads);

  // Filling in the field of an answer chooses that answer.
  ["input", "change"].forEach((kind) => document.addEventListener(kind, (event) => {
    if (event.target.matches?.("input[type=radio]")) return;
    const radio = event.target.closest?.(".ex-answer")?.querySelector("input[type=radio]");
    if (radio) radio.checked = true;
  }));
})();
