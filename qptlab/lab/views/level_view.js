// The front end of qptlab.lab.views.level_view.LevelView: a ladder of orbital energies, drawn as SVG.
const WIDTH = 178, TOP = 34, BOTTOM = 16, AXIS = 34, SVG = "http://www.w3.org/2000/svg";
const INK = "#1f2933", FAINT = "#8a94a0", CHOSEN = "#D55E00", EMPTY = "#0072B2";

function render({ model, el }) {
  const frame = document.createElement("div");
  frame.tabIndex = 0;
  frame.setAttribute("role", "listbox");
  frame.style.cssText =
    `width:${WIDTH}px;height:${model.get("height")}px;background:white;border:1px solid #d9dde2;` +
    "border-radius:6px;box-sizing:border-box;overflow:hidden;outline-offset:-2px;cursor:pointer";
  el.append(frame);
  let places = []; // {index, y, x0, x1} of every level drawn

  const choose = (index) => {
    const first = model.get("first"), last = first + model.get("names").length - 1;
    if (last < first) return;
    model.set("selected", Math.max(first, Math.min(last, index)));
    model.save_changes();
  };
  const draw = () => {
    const drawn = ladder(model);
    places = drawn.places;
    frame.replaceChildren(drawn.svg);
    const name = model.get("names")[model.get("selected") - model.get("first")];
    frame.setAttribute("aria-label", `Orbital energies, ${model.get("gap")}; chosen: ${name ?? "none"}`);
    frame.dataset.selected = name ?? "";
  };
  frame.addEventListener("click", (event) => {
    const { left, top } = frame.getBoundingClientRect();
    const x = event.clientX - left, y = event.clientY - top;
    const here = places.filter((p) => places.length && x >= p.x0 - 8 && x <= p.x1 + 8);
    const near = [...(here.length ? here : places)].sort((a, b) => Math.abs(a.y - y) - Math.abs(b.y - y));
    if (!near.length || Math.abs(near[0].y - y) > 14) return;
    // levels on top of each other: the next click takes the next one
    const same = near.filter((p) => Math.abs(p.y - near[0].y) < 4).map((p) => p.index);
    const at = same.indexOf(model.get("selected"));
    choose(same[(at + 1) % same.length]);
  });
  frame.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    choose(model.get("selected") + step);
  });
  const events = ["columns", "selected", "gap", "names"].map((name) => `change:${name}`);
  for (const event of events) model.on(event, draw);
  draw();
  return () => events.forEach((event) => model.off(event, draw));
}

function ladder(model) {
  const height = model.get("height"), columns = model.get("columns");
  const svg = node("svg", { width: WIDTH, height, viewBox: `0 0 ${WIDTH} ${height}` });
  const places = [];
  if (!columns.length) {
    svg.append(text("levels appear with the orbitals", WIDTH / 2, height / 2, { size: 11 }));
    return { svg, places };
  }
  const all = columns.flatMap((column) => column.energies);
  const low = Math.min(...all), high = Math.max(...all), span = Math.max(high - low, 1e-6);
  const y = (energy) => height - BOTTOM - 8 - ((energy - low) / span) * (height - TOP - BOTTOM - 16);
  axis(svg, low, high, y, height);
  const room = (WIDTH - AXIS - 8) / columns.length;
  columns.forEach((column, c) => {
    const x0 = AXIS + 6 + c * room, x1 = x0 + room - 14;
    svg.append(text(column.title, (x0 + x1) / 2, 18, { size: 12, weight: 600 }));
    column.energies.forEach((energy, k) => {
      const index = model.get("first") + k;
      places.push({ index, y: y(energy), x0, x1 });
      level(svg, model, index, y(energy), x0, x1);
      if (c === 1)
        svg.append(node("line", { x1: x0 - 14, x2: x0, y1: y(columns[0].energies[k]), y2: y(energy),
          stroke: FAINT, "stroke-width": 0.8, "stroke-dasharray": "2 2" }));
    });
  });
  gap(svg, model, columns[0].energies, y);
  return { svg, places };
}

function level(svg, model, index, y, x0, x1) {
  const chosen = index === model.get("selected"), filled = index < model.get("n_occ");
  const stroke = chosen ? CHOSEN : filled ? INK : EMPTY;
  svg.append(node("line", { x1: x0, x2: x1, y1: y, y2: y, stroke,
    "stroke-width": chosen ? 4.5 : 2, "stroke-dasharray": filled ? "none" : "5 3" }));
  if (filled)
    for (const dx of [-4, 4])
      svg.append(node("circle", { cx: (x0 + x1) / 2 + dx, cy: y, r: 2.6, fill: stroke, stroke: "white",
        "stroke-width": 0.8 }));
}

function gap(svg, model, energies, y) {
  const lumo = model.get("n_occ") - model.get("first");
  if (!model.get("gap") || lumo < 1 || lumo >= energies.length) return;
  const middle = (y(energies[lumo - 1]) + y(energies[lumo])) / 2;
  if (y(energies[lumo - 1]) - y(energies[lumo]) < 18) return;
  svg.append(text(model.get("gap"), AXIS + (WIDTH - AXIS) / 2, middle + 4, { size: 12, color: "#5f5f5f" }));
}

function axis(svg, low, high, y, height) {
  const step = [1, 2, 5, 10, 20].find((s) => (high - low) / s <= 8) ?? 50;
  svg.append(node("line", { x1: AXIS - 2, x2: AXIS - 2, y1: TOP - 6, y2: height - BOTTOM, stroke: FAINT }));
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) {
    svg.append(node("line", { x1: AXIS - 6, x2: AXIS - 2, y1: y(value), y2: y(value), stroke: FAINT }));
    svg.append(text(`${value}`.replace("-", "−"), AXIS - 8, y(value) + 4, { anchor: "end", size: 11 }));
  }
  svg.append(text("eV", AXIS - 8, 18, { anchor: "end", size: 11 }));
}

function node(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function text(words, x, y, { anchor = "middle", size = 11, weight = 400, color = INK } = {}) {
  const element = node("text", { x, y, "text-anchor": anchor, "font-size": size, fill: color,
    "font-weight": weight, "font-family": "system-ui, sans-serif" });
  element.textContent = words;
  return element;
}

export default { render };
