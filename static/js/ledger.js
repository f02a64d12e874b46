// The grid of one month: take last month's amount over, for one line or for all that are still blank.
"use strict";
(() => {
  const form = document.querySelector(".lg-grid");
  if (!form) return;
  form.querySelectorAll("[data-with-script]").forEach((item) => { item.hidden = false; });
  const take = (button) => {
    const amount = form.querySelector(`#a-${button.dataset.same}`);
    const heads = form.querySelector(`#h-${button.dataset.same}`);
    amount.value = button.dataset.amount;
    if (heads && button.dataset.heads) heads.value = button.dataset.heads;
    return amount;
  };
  const changed = (item) => item.dispatchEvent(new Event("input", { bubbles: true }));
  form.addEventListener("click", (event) => {
    const one = event.target.closest("[data-same]");
    if (one) {
      const amount = take(one);
      changed(amount);
      amount.focus();
    } else if (event.target.closest("[data-same-all]")) {
      let last = null;
      form.querySelectorAll("[data-same]").forEach((button) => {
        if (!form.querySelector(`#a-${button.dataset.same}`).value.trim()) last = take(button);
      });
      if (last) changed(last);
    }
  });
})();
