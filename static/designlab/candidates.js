// The candidate list with JavaScript: says how many are ticked, closes menus, folds the filters on a small screen.
"use strict";

(() => {
  const ticks = () => document.querySelectorAll('input[name="pick"]:checked').length;

  function tell() {
    const place = document.querySelector("[data-n-ticked]");
    if (place) place.textContent = ` (${ticks()})`;
  }

  document.addEventListener("change", (event) => {
    if (!event.target.matches('input[name="pick"]')) return;
    const choice = document.querySelector("[data-take-ticked]");
    if (choice && ticks()) choice.checked = true;
    tell();
  });

  // A menu closes when something else is pressed, and with Escape.
  document.addEventListener("click", (event) => {
    document.querySelectorAll(".menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll(".menu[open]").forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });

  const small = matchMedia("(max-width: 820px)");
  function fold() {
    const drawer = document.querySelector("[data-drawer]");
    if (drawer) drawer.open = !small.matches;
  }
  small.addEventListener("change", fold);
  document.addEventListener("htmx:afterSwap", () => { fold(); tell(); });
  fold();
  tell();
})();
