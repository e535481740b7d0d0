// Judging with the keyboard: 1 to 5 vote, r reasons, c comment, a marks atoms, u takes the last vote back; in the
// grid the arrows move, and a vote goes on to the next molecule that has none.
"use strict";

const press = (event, control) => {
  if (!control) return;
  event.preventDefault();
  control.click();
};

// -- one at a time ------------------------------------------------------------------------------------
const judging = (event, form) => {
  if (/^[1-5]$/.test(event.key)) {
    press(event, form.querySelector(`[data-key="${event.key}"]`));
  } else if (event.key === "c") {
    event.preventDefault();
    form.querySelector("#comment").focus();
  } else if (event.key === "r") {
    event.preventDefault();
    form.querySelector("[name=reason]").focus();
  } else if (event.key === "a") {
    press(event, form.querySelector("[data-marking]"));
  } else if (event.key === "g") {
    press(event, document.querySelector(".trail a[href$='/grid/']"));
  }
};

// -- the grid -------------------------------------------------------------------------------------------
const cards = () => [...document.querySelectorAll("[data-grid] > article")];
const moving = (event, all, at) => {
  const across = all.filter((card) => card.offsetTop === all[0].offsetTop).length;
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
  if (!step) return;
  event.preventDefault();
  all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)].focus();
};
const inGrid = (event) => {
  const all = cards();
  if (!all.length) return;
  const at = all.findIndex((card) => card.contains(document.activeElement));
  moving(event, all, at);
  if (at < 0) return;
  if (/^[1-5]$/.test(event.key)) {
    press(event, all[at].querySelector(`[data-key="${event.key}"]`));
    const next = all.slice(at + 1).find((card) => !card.hasAttribute("data-judged"));
    (next || all[at]).focus();
  } else if (event.key === "Enter" && document.activeElement === all[at]) {
    press(event, all[at].querySelector("p a"));
  }
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.matches("textarea, input:not([type=checkbox]), select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "u") {
    press(event, document.querySelector("form[data-undo] button"));
    return;
  }
  const form = document.querySelector("form[data-vote]");
  if (form) judging(event, form);
  else inGrid(event);
});

// -- atoms: on a small drawing a finger lands between them; the nearest one is meant -----------------------
document.querySelector(".atoms")?.addEventListener("click", (event) => {
  if (!document.querySelector("[data-marking]").checked || event.detail === 0) return; // 0: a key, not a finger
  event.preventDefault();
  const far = (label) => {
    const box = label.getBoundingClientRect();
    return Math.hypot(box.x + box.width / 2 - event.clientX, box.y + box.height / 2 - event.clientY);
  };
  const labels = [...event.currentTarget.querySelectorAll("label")];
  const nearest = labels.reduce((best, label) => (far(label) < far(best) ? label : best));
  if (far(nearest) > 40) return;
  const box = nearest.querySelector("input");
  setTimeout(() => { box.checked = !box.checked; }); // after the click that was stopped has put the box back
});
