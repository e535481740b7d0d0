// Draws every `.plot` from the JSON beside it. Plotly itself is fetched once, after the text of the page stands.
// Colours arrive as var(--name) and are looked up in the stylesheet, so light, dark and a change between them work.
// When htmx brings new numbers, the drawing stays in its place (hx-preserve) and is only updated.
"use strict";

(() => {
  const SOURCE = document.currentScript.dataset.plotly;
  const NARROW = 480;
  const CONFIG = { displaylogo: false, displayModeBar: false, showLink: false, plotlyServerURL: "", doubleClick: false };
  let library = null;

  const plotly = () => (library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = SOURCE;
    script.onload = () => resolve(window.Plotly);
    script.onerror = reject;
    document.head.append(script);
  }));

  // #rrggbb, as the stylesheet writes its colours, with so much of it.
  function faded(colour, share) {
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    return `rgba(${red}, ${green}, ${blue}, ${share})`;
  }

  function coloured(part, style) {
    if (typeof part === "string") {
      const token = /^var\((--[\w-]+)\)(?: (\d+)%)?$/.exec(part);
      if (!token) return part;
      const colour = style.getPropertyValue(token[1]).trim() || "#888888";
      return token[2] ? faded(colour, Number(token[2]) / 100) : colour;
    }
    if (Array.isArray(part)) {
      const numbers = typeof part[0] === "number" && typeof part[1] !== "string";  // long columns are left as they are
      return numbers ? part : part.map((item) => coloured(item, style));
    }
    if (part && typeof part === "object") {
      return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, coloured(value, style)]));
    }
    return part;
  }

  function fitted(layout, width, style) {
    const narrow = width < NARROW;
    for (const name of Object.keys(layout)) {
      if (/^[xy]axis/.test(name) && narrow) layout[name].nticks = Math.min(layout[name].nticks || 4, 4);
    }
    layout.font = { ...layout.font, family: style.fontFamily };
    layout.width = width;
    layout.autosize = false;
    return layout;
  }

  async function draw(place) {
    const source = document.getElementById(`figure-${place.dataset.figureId}`);
    const width = Math.floor(place.clientWidth);
    if (!source || !width) return;
    const Plotly = await plotly();
    const style = getComputedStyle(document.body);
    const figure = coloured(JSON.parse(source.textContent), getComputedStyle(document.documentElement));
    const layout = fitted(figure.layout, width, style);
    layout.height = Math.floor(place.clientHeight);
    await Plotly.react(place, figure.data, layout, CONFIG);
    if (place.dataset.drawn) return;
    place.dataset.drawn = "yes";
    place.on("plotly_click", (event) => {
      const address = event.points[0]?.customdata;
      if (typeof address === "string" && /^\/(?!\/)/.test(address)) window.location.assign(address);
    });
    watcher.observe(place);
  }

  const drawAll = () => document.querySelectorAll(".plot[data-figure-id]").forEach((place) => {
    draw(place).catch(() => { place.hidden = true; });
  });

  const watcher = new ResizeObserver((entries) => entries.forEach(({ target }) => {
    if (target.layout && Math.abs(target.clientWidth - target.layout.width) > 1) draw(target);
  }));

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  document.addEventListener("htmx:afterSettle", drawAll);
  document.addEventListener("toggle", drawAll, true);  // a plot inside a fold has no width until it opens
  drawAll();
})();
