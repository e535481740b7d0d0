// Judging with the keyboard: 1 to 5 vote, r reasons, c comment, u takes the last vote back.
"use strict";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const form = document.querySelector("form[data-vote]");
  const typing = event.target.matches("textarea, input:not([type=checkbox]), select");
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "u") {
    document.querySelector("form[data-undo] button")?.click();
    return;
  }
  if (!form) return;
  if (/^[1-5]$/.test(event.key)) {
    event.preventDefault();
    form.querySelector(`[data-key="${event.key}"]`).click();
  } else if (event.key === "c") {
    event.preventDefault();
    form.querySelector("#comment").focus();
  } else if (event.key === "r") {
    event.preventDefault();
    form.querySelector("[name=reason]").focus();
  }
});
