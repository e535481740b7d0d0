// The run page refreshes itself; focus stays where it was, also when a kept part is moved into the new one.
"use strict";

(() => {
  let focused = null;
  document.addEventListener("htmx:beforeSwap", () => { focused = document.activeElement; });
  document.addEventListener("htmx:afterSwap", () => {
    if (!focused || document.activeElement === focused || document.activeElement !== document.body) return;
    const again = document.contains(focused) ? focused : focused.id && document.getElementById(focused.id);
    if (again) again.focus({ preventScroll: true });
  });
})();
