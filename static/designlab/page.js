// Small helpers every page may use. Everything here is an extra: pages work without it.
"use strict";

document.documentElement.classList.add("js");

document.addEventListener("change", (event) => {
  const control = event.target.closest("[data-submit-on-change]");
  if (control) control.form.requestSubmit();
});
