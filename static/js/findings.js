// The field check on a phone: photos made small before they are sent, the position, and a form that survives a bad network.
// Photos stay in this page's memory until the server has them; only what is typed is kept as a draft (app.js, this window).
"use strict";
(() => {
  const form = document.querySelector("[data-field-check]");
  if (!form || !window.fetch || !window.DataTransfer) return;
  const $ = (selector) => form.querySelector(selector);
  const texts = form.dataset;
  const input = $("#id_photos");
  const shots = [];
  const MOST = 6, EDGE = 1920;
  const say = (text) => { $("[data-sending]").textContent = text; };

  // --- photos ------------------------------------------------------------------------------------------------------
  const draw = (picture, edge) => {
    const scale = Math.min(1, edge / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    return canvas;
  };
  async function add(file) {
    const shot = { file, taken: file.lastModified, look: "" };
    try {
      const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
      shot.look = draw(picture, 176).toDataURL("image/jpeg", .7);
      const small = await new Promise((done) => draw(picture, EDGE).toBlob(done, "image/jpeg", .85));
      if (small && small.size < file.size) shot.file = new File([small], "photo.jpg", { type: "image/jpeg" });
      picture.close();
    } catch { /* what the browser cannot draw is sent as it is; the server says whether it is a picture */ }
    shots.push(shot);
  }
  function show() {
    $("[data-shots]").replaceChildren(...shots.map((shot, number) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-label", `${texts.textRemove} ${number + 1}`);
      if (shot.look) {
        const image = document.createElement("img");
        image.src = shot.look;
        image.alt = "";
        button.append(image);
      } else button.textContent = number + 1;
      button.addEventListener("click", () => { shots.splice(number, 1); show(); });
      return button;
    }));
    $("[data-take-photo]").disabled = shots.length >= MOST;
    $("#id_taken_at").value = shots.length ? new Date(Math.max(...shots.map((shot) => shot.taken))).toISOString() : "";
    if (shots.length) say(texts.textWaiting);
  }
  const take = $("[data-take-photo]");
  take.hidden = false;
  input.classList.add("visually-hidden");
  input.tabIndex = -1;
  take.addEventListener("click", () => input.click());
  input.addEventListener("change", async () => {
    for (const file of [...input.files].slice(0, MOST - shots.length)) await add(file);
    input.value = "";
    show();
    if (!$("#id_lon").value) locate();
  });

  // --- position ------------------------------------------------------------------------------------------------------
  const place = $("[data-take-place]");
  const known = () => { $("[data-unplaced]").hidden = Boolean($("#id_lon").value); };
  function locate() {
    if (!navigator.geolocation || !window.isSecureContext) return;
    place.disabled = true;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        place.disabled = false;
        $("#id_lon").value = coords.longitude.toFixed(6);
        $("#id_lat").value = coords.latitude.toFixed(6);
        $("#id_accuracy").value = Math.round(coords.accuracy || 0);
        $("[data-place]").textContent = `✓ ${texts.textPlace} ±${Math.round(coords.accuracy || 0)} m`;
        $("[data-place]").classList.add("fi-ok");
        known();
      },
      () => { place.disabled = false; $("[data-place]").textContent = texts.textNoplace; known(); },
      { enableHighAccuracy: true, timeout: 20000, maximumAge: 0 },
    );
  }
  if (navigator.geolocation && window.isSecureContext) {
    place.hidden = false;
    place.addEventListener("click", locate);
  }

  // --- sending ---------------------------------------------------------------------------------------------------------
  function mark(errors) {
    form.querySelectorAll(".field-error").forEach((item) => item.remove());
    Object.entries(errors).forEach(([name, found]) => found.forEach((text) => {
      const line = document.createElement("div");
      line.className = "field-error";
      line.setAttribute("role", "alert");
      line.textContent = text;
      (form.querySelector(`[data-field="${name}"]`) ?? form).append(line);
    }));
    form.querySelector(".field-error")?.scrollIntoView({ block: "center" });
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector(".save-bar button");
    const data = new FormData(form);
    data.delete("photos");
    shots.forEach((shot) => data.append("photos", shot.file, "photo.jpg"));
    button.disabled = true;
    say(texts.textSending);
    try {
      const answer = await fetch(form.action || location.href, { method: "POST", body: data, credentials: "same-origin", headers: { Accept: "application/json" } });
      if (answer.ok) {
        say(texts.textSent);
        location.assign((await answer.json()).url);
        return;
      }
      if (answer.status === 422) { mark((await answer.json()).errors); say(texts.textWaiting); }
      else say(answer.status === 401 ? texts.textLogin : texts.textFailed);
    } catch { say(texts.textOffline); }
    button.disabled = false;
  });
  known();
})();
