// The set-up page while somebody works on it: curves follow their numbers at once, sliders stand beside their fields,
// and the pre-flight and the preview look again after a change. The page works as a plain form without any of this.
"use strict";

(() => {
  const form = document.getElementById("setup");
  if (!form) return;
  const SOURCES = {};
  const learnSources = () => Object.assign(SOURCES, JSON.parse(document.getElementById("sources")?.textContent || "{}"));
  learnSources();
  const WIDTH = 320, HEIGHT = 84, TOP = 6, POINTS = 65;
  const STEEPNESS = 2 * Math.log(19);  // 1/20 at the poor end, 19/20 at the good one
  const FLOOR = 1e-6;
  const WIDE = ["double_sigmoid", "gaussian"];  // curves with a margin

  // -- desirability, as the library computes it -----------------------------------------------------------
  const logistic = (x, low, high) => 1 / (1 + Math.exp(-STEEPNESS * ((x - low) / (high - low) - 0.5)));
  const CURVES = {
    sigmoid: (x, t) => logistic(x, t.low, t.high),
    double_sigmoid: (x, t) => Math.min(logistic(x, t.low - t.margin, t.low), logistic(x, t.high + t.margin, t.high)),
    linear: (x, t) => Math.min(1, Math.max(FLOOR, (x - t.low) / (t.high - t.low))),
    gaussian: (x, t) => {
      const off = Math.max(0, t.low === null ? 0 : t.low - x, t.high === null ? 0 : x - t.high);
      return Math.max(FLOOR, Math.exp(-((off / t.margin) ** 2) / 2));
    },
    step: (x, t) => ((t.low === null || x >= t.low) && (t.high === null || x <= t.high) ? 1 : FLOOR),
  };
  function sound(t) {
    if (t.kind === "step") return t.low !== null || t.high !== null;
    if (t.kind === "gaussian") return (t.low !== null || t.high !== null) && !(t.high !== null && t.low > t.high) && t.margin > 0;
    if (t.low === null || t.high === null || t.low === t.high) return false;
    return t.kind !== "double_sigmoid" || (t.low < t.high && t.margin > 0);
  }

  // -- one objective ------------------------------------------------------------------------------------
  const part = (row, name) => row.querySelector(`[name$="-${name}"]`);
  const number = (row, name) => {
    const text = part(row, name).value.trim();
    return text === "" || !Number.isFinite(Number(text)) ? null : Number(text);
  };
  const short = (x) => Number(x.toPrecision(3)).toLocaleString("en").replace("-", "−");

  function reach(hist, t) {
    const margin = WIDE.includes(t.kind) ? t.margin || 0 : 0;
    const ends = [t.low, t.high].filter((x) => x !== null);
    const all = [...(hist ? [hist.low, hist.high] : []), ...ends.map((x) => x - margin), ...ends.map((x) => x + margin)];
    if (!all.length) return [0, 1];
    const low = Math.min(...all), high = Math.max(...all), spare = 0.04 * (high - low) || 0.5;
    return [low - spare, high + spare];
  }

  // What a row is about: for a kind of objective with settings of its own, as the server wrote it.
  const isKind = (row) => !part(row, "source").value.includes(":");
  const aboutOf = (row) => SOURCES[isKind(row) ? row.dataset.key : part(row, "source").value];

  function draw(row) {
    row.classList.toggle("left-out", part(row, "DELETE").checked);
    row.querySelector("[data-caution]").classList.toggle("idle", !part(row, "source").value.startsWith("model:"));
    if (!row.querySelector(".margin")) return;  // its curve plays no part
    const about = aboutOf(row) || {};
    const t = { kind: part(row, "kind").value, low: number(row, "low"), high: number(row, "high"), margin: number(row, "margin") };
    const [low, high] = reach(about.histogram, t);
    const across = (x) => (WIDTH * (x - low)) / (high - low);
    const group = row.querySelector(".data"), hist = about.histogram;
    group.replaceChildren();
    if (hist) {
      const width = (hist.high - hist.low) / hist.counts.length, tallest = Math.max(...hist.counts, 1);
      hist.counts.forEach((count, i) => {
        if (!count) return;
        const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        const left = across(hist.low + i * width), height = ((HEIGHT - TOP) * count) / tallest;
        const place = { x: left, y: HEIGHT - height, width: Math.max(0.5, across(hist.low + (i + 1) * width) - left - 0.6), height };
        for (const [key, value] of Object.entries(place)) bar.setAttribute(key, value.toFixed(2));
        group.append(bar);
      });
    }
    const points = sound(t) ? Array.from({ length: POINTS }, (_, i) => {
      const y = CURVES[t.kind](low + ((high - low) * i) / (POINTS - 1), t);
      return `${((i * WIDTH) / (POINTS - 1)).toFixed(1)},${(HEIGHT - (HEIGHT - TOP) * y).toFixed(1)}`;
    }) : [];
    row.querySelector(".want").setAttribute("d", points.length ? `M${points.join(" L")}` : "");
    row.querySelector('[data-end="low"]').textContent = short(low);
    row.querySelector('[data-end="high"]').textContent = short(high);
    row.querySelector(".unit").textContent = about.unit || "";
    const range = WIDE.includes(t.kind) || t.kind === "step";
    row.querySelector('[data-word="low"]').textContent = range ? "from" : "poor at";
    row.querySelector('[data-word="high"]').textContent = range ? "to" : "good at";
    row.querySelector(".margin").classList.toggle("idle", !WIDE.includes(t.kind));
  }

  function followSource(row) {
    const about = SOURCES[part(row, "source").value];
    if (!about) return;
    for (const name of ["kind", "low", "high", "margin"]) part(row, name).value = about.transform[name] ?? "";
    part(row, "was").value = part(row, "source").value;
    part(row, "name").value = about.label;
    part(row, "caution").value = part(row, "source").value.startsWith("model:") ? 1 : 0;
  }

  // A remote score has no data to aim its curve by, so its direction and the ends of its curve follow each other.
  const directed = (row) => part(row, "direction") && ["sigmoid", "linear"].includes(part(row, "kind").value);
  function followDirection(row, changed) {
    const low = number(row, "low"), high = number(row, "high");
    if (!directed(row) || low === null || high === null || low === high) return;
    const side = low > high ? "low" : "high";
    if (changed === "direction" && part(row, "direction").value !== side) [part(row, "low").value, part(row, "high").value] = [high, low];
    if (changed !== "direction") part(row, "direction").value = side;
    for (const name of ["low", "high", "direction"]) touched.set(part(row, name).name, ++clock);
  }

  // What the server has to draw: molecules, patterns, counts over the data, fields of another kind.
  // Whoever types on while an answer is on its way keeps what was typed: only the newest answer is shown, and fields
  // touched since it was asked for are written into it again.
  let newest = null, again = false, clock = 0;
  const touched = new Map(), asked = new WeakMap();
  let kept = [], marked = {};
  function followOnServer() {
    if (newest) again = true;
    else document.getElementById("follow").click();
  }
  const isDrawnByServer = (field) => field.closest("[data-about]") && !/-(known|direction|name)$/.test(field.name);
  const isGoal = (event) => event.detail.target?.id === "goal";
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!isGoal(event)) return;
    newest = event.detail.xhr;
    asked.set(newest, clock);
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!isGoal(event)) return;
    if (event.detail.xhr !== newest) { event.detail.shouldSwap = false; return; }
    const later = [...touched].filter(([, when]) => when > asked.get(newest)).map(([name]) => name);
    kept = later.map((name) => [name, form.elements[name]]).filter(([, field]) => field && typeof field.value === "string" && field.type !== "checkbox")
      .map(([name, field]) => [name, field.value]);
    const { name, value, selectionStart, selectionEnd } = document.activeElement;
    marked = { name, start: selectionStart, end: selectionEnd, isWhole: value && getSelection().toString() === value };
  });
  // Only settled content answers to htmx: a click before would send the whole form.
  const done = (event) => {
    if (event.detail.xhr !== newest) return;
    newest = null;
    if (again) { again = false; followOnServer(); }
  };
  document.addEventListener("htmx:afterSettle", done);
  document.addEventListener("htmx:afterRequest", (event) => { if (event.detail.failed) done(event); });
  // A field that is swapped away while somebody is in it never says that it changed: what follows from its value is
  // done here, and the preview, drawn for what stood there when the goal was asked for, looks again.
  function keepTyped() {
    for (const [name, value] of kept) if (form.elements[name] && form.elements[name].value !== value) form.elements[name].value = value;
    const fields = kept.map(([name]) => form.elements[name]).filter((field) => field?.closest);
    for (const row of new Set(fields.map((field) => field.closest("[data-objective]")))) {
      if (row && part(row, "direction")) followDirection(row, "low");
    }
    if (fields.some((field) => field !== document.activeElement && isDrawnByServer(field))) again = true;
    if (kept.length) lookAgain();
    kept = [];
    // htmx puts the focus back, yet not a selection that begins at the first letter, which the next key would replace;
    // a field for numbers does not even say where its selection lies.
    const field = document.activeElement;
    if (field.name !== marked.name) return;
    if (marked.isWhole) field.select();
    else if (typeof marked.start === "number") field.setSelectionRange(marked.start, marked.end);
  }

  function followKind(row) {
    const low = number(row, "low"), high = number(row, "high");
    if (!WIDE.includes(part(row, "kind").value)) return;
    if (low !== null && high !== null && low > high) [part(row, "low").value, part(row, "high").value] = [high, low];
    if (number(row, "margin") === null && low !== null && high !== null) part(row, "margin").value = Number((Math.abs(high - low) / 10).toPrecision(3));
  }

  // -- sliders: wide ranges are logarithmic ----------------------------------------------------------------
  function addSlider(box) {
    if (box.querySelector("input[type=range]")) return;
    const field = box.querySelector("input");
    const low = Number(box.dataset.low), high = Number(box.dataset.high), whole = box.dataset.kind === "int";
    const wide = low > 0 && high / low > 50;
    const value = (share) => {
      const x = wide ? low * (high / low) ** share : low + (high - low) * share;
      return whole ? Math.round(x) : Number(x.toPrecision(2));
    };
    const share = (x) => (wide ? Math.log(x / low) / Math.log(high / low) : (x - low) / (high - low));
    const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 1000 });
    slider.setAttribute("aria-label", `${box.querySelector("label").textContent.trim()}, slider`);
    const follow = () => {
      slider.value = 1000 * Math.min(1, Math.max(0, share(Number(field.value) || low)));
      slider.setAttribute("aria-valuetext", field.value);
    };
    slider.addEventListener("input", () => { field.value = value(slider.value / 1000); slider.setAttribute("aria-valuetext", field.value); });
    field.addEventListener("input", follow);
    follow();
    field.before(slider);
  }

  // -- the target dial: a slider over the drawing, which moves the mark at once; the words follow from the server -------
  const LEVELS = ["outside", "edge", "inside", "edge", "outside"];
  function levelOf(value, [lowest, low, high, highest]) {
    if (value >= low && value <= high) return "inside";
    return value >= lowest && value <= highest ? "edge" : "outside";
  }
  const DIAL_WIDTH = 640;
  const written = (field) => field.value.trim().replaceAll("−", "-").split(/[\s,;]+/).filter(Boolean).map(Number).filter(Number.isFinite);
  function markTargets(dial, values) {
    const low = Number(dial.dataset.low), high = Number(dial.dataset.high), edges = dial.dataset.edges.split(" ").map(Number);
    dial.querySelector(".marks").replaceChildren(...values.map((value) => {
      const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
      const x = Math.min(DIAL_WIDTH - 1, Math.max(1, (DIAL_WIDTH * (value - low)) / (high - low)));
      for (const [key, part] of Object.entries({ x1: x, x2: x, y1: 2, y2: 114, "vector-effect": "non-scaling-stroke" })) line.setAttribute(key, part);
      line.setAttribute("class", levelOf(value, edges));
      return line;
    }));
  }
  function dressDial(box) {
    const drawn = document.getElementById("dial-drawn"), field = box.querySelector("input");
    if (!drawn?.dataset.low) return;
    let slider = document.getElementById("dial-slider");
    if (!slider) {
      slider = Object.assign(document.createElement("input"), { type: "range", id: "dial-slider" });
      slider.setAttribute("aria-label", "Target, slider; of several it moves the last");
      slider.addEventListener("input", () => {
        const values = [...written(field).slice(0, -1), Number(Number(slider.value).toPrecision(3))];
        field.value = values.join(" ");
        touched.set(field.name, ++clock);
        markTargets(document.getElementById("dial-drawn"), values);
      });
      field.addEventListener("input", () => {
        const values = written(field);
        if (!values.length) return;
        markTargets(document.getElementById("dial-drawn"), values);
        slider.value = values[values.length - 1];
      });
    }
    if (slider.previousElementSibling !== drawn) drawn.after(slider);
    const low = Number(drawn.dataset.low), high = Number(drawn.dataset.high), values = written(field);
    Object.assign(slider, { min: low, max: high, step: (high - low) / 400 });
    slider.value = values.length ? values[values.length - 1] : (low + high) / 2;
  }

  // -- the page as a whole --------------------------------------------------------------------------------------
  const target = () => {
    const direction = form.elements.direction;
    if (direction) form.querySelector(".target").classList.toggle("idle", direction.value !== "target");
  };
  function dress() {
    form.querySelectorAll("[data-objective]").forEach(draw);
    form.querySelectorAll("[data-slider]").forEach(addSlider);
    form.querySelectorAll("[data-dial]").forEach(dressDial);
    target();
  }

  // A request that htmx keeps waiting is lost when its element is swapped for a new one, so that what comes while
  // an answer is on its way is asked for here, once the answer is in place.
  const EVENTS = { preview: "look-again", preflight: "seen" };
  const onItsWay = { preview: null, preflight: null }, stale = { preview: false, preflight: false };
  function ask(part) {
    if (onItsWay[part]) stale[part] = true;
    else form.dispatchEvent(new Event(EVENTS[part]));
  }
  document.addEventListener("htmx:beforeRequest", (event) => {
    const part = event.detail.elt?.id, xhr = event.detail.xhr;
    if (!(part in onItsWay)) return;
    onItsWay[part] = xhr;
    // htmx tells nobody of an answer to an element that has been swapped away meanwhile; the request itself does.
    xhr.addEventListener("loadend", () => setTimeout(() => {
      if (onItsWay[part] !== xhr) return;
      onItsWay[part] = null;
      if (stale[part]) { stale[part] = false; ask(part); }
    }, 60));
  });

  let later = null;
  function lookAgain() {
    clearTimeout(later);
    later = setTimeout(() => ask("preview"), 500);
  }

  form.addEventListener("input", (event) => {
    touched.set(event.target.name, ++clock);
    const row = event.target.closest("[data-objective]");
    if (row && /-(low|high)$/.test(event.target.name)) followDirection(row, "low");
    if (row) draw(row);
    if (event.target.type !== "file") lookAgain();
  });
  form.addEventListener("change", (event) => {
    const row = event.target.closest("[data-objective]");
    if (row && event.target.name.endsWith("-source")) {
      if (isKind(row) || row.querySelector("[data-about]")) return followOnServer();
      followSource(row);
    }
    if (row && event.target.name.endsWith("-kind")) followKind(row);
    if (row && /-(low|high|kind|direction)$/.test(event.target.name)) followDirection(row, event.target.name.split("-").pop());
    if (isDrawnByServer(event.target)) return followOnServer();
    if (row) draw(row);
    if (["label", "direction"].includes(event.target.name)) {
      target();
      if (form.elements.direction.value !== "target" || form.elements.target.value) document.getElementById("aim-button").click();
      else form.elements.target.focus();
    }
    if (event.target.name === "target" && event.target.value) document.getElementById("aim-button").click();
    if (event.target.matches("[data-family]")) document.getElementById("use-family").click();
    if (["labelled", "unlabelled"].includes(event.target.name)) form.querySelector('[name="do"][value="data"]').click();
  });
  form.addEventListener("click", (event) => {
    const fix = event.target.closest("[data-fix]");
    if (!fix) return;
    event.preventDefault();
    const field = form.elements[fix.dataset.fix];
    field.value = fix.dataset.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "goal") {
      if (onItsWay.preview) lookAgain();  // its answer goes to the element that has just been swapped away
      keepTyped();
    }
    learnSources();
    const seen = document.getElementById("seen");
    for (const [source, histogram] of Object.entries(JSON.parse(seen?.textContent || "{}"))) {
      SOURCES[source] = { ...SOURCES[source], histogram };
    }
    dress();
    // The pre-flight follows the preview, so that the same molecules are not measured twice at once.
    if (event.detail.target.id !== "preflight") ask("preflight");
    const flight = document.getElementById("preflight");
    if (form.dataset.starting && flight.dataset.state !== "learning") {
      delete form.dataset.starting;
      delete form.dataset.sent;
      if (flight.dataset.state !== "stopped") form.requestSubmit(document.getElementById("start"));
    }
  });

  dress();
  lookAgain();  // learning starts with the first look
})();
