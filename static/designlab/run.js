// The run page refreshes itself. What did not change is kept and moved into the new part; moving the part that has
// the focus can lose the focus or scroll the page, so both are put back.
"use strict";

(() => {
  let focused = null, place = 0;
  const back = () => {
    if (Math.abs(window.scrollY - place) > 1) window.scrollTo({ top: place, behavior: "instant" });
  };
  document.addEventListener("htmx:beforeSwap", () => {
    focused = document.activeElement;
    place = window.scrollY;
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (focused && focused !== document.body && document.activeElement !== focused) {
      const again = document.contains(focused) ? focused : focused.id && document.getElementById(focused.id);
      if (again) again.focus({ preventScroll: true });
    }
    back();
    requestAnimationFrame(back);
  });
})();
