// The static orbital page: feeds the 3D front end of the notebooks from what the file itself holds.

const DARK = matchMedia("(prefers-color-scheme: dark)");
const COLORS = { light: ["#0072B2", "#E69F00"], dark: ["#4aa8e8", "#E69F00"] };
const $ = (id) => document.getElementById(id);
const page = JSON.parse($("data").textContent);

/** Stands in for the model that anywidget hands to `render`: state, and handlers of its changes. */
class Model {
  #state;
  #handlers = new Map();
  constructor(state) {
    this.#state = { ...state };
  }
  get(name) {
    return this.#state[name];
  }
  set(name, value) {
    this.#state[name] = value;
    for (const handler of this.#handlers.get(`change:${name}`) ?? []) handler();
  }
  on(event, handler) {
    this.#handlers.set(event, [...(this.#handlers.get(event) ?? []), handler]);
  }
  off(event, handler) {
    this.#handlers.set(event, (this.#handlers.get(event) ?? []).filter((h) => h !== handler));
  }
  save_changes() {}
}

async function unpack(text, format) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format));
  return new Response(stream).arrayBuffer();
}

const model = new Model({
  ...page.scene,
  field: null,
  isovalue: 0.05,
  opacity: 0.85,
  colors: COLORS.light,
  title: "",
  legend: [],
  note: "",
  alt: page.heading,
  height: 420,
});

const orbital = $("orbital");
const isovalue = $("isovalue");
const current = () => page.orbitals[orbital.value];
const mode = () => Number(document.querySelector("#modes input:checked")?.value ?? 0);

let latest = 0;
async function show() {
  const mine = ++latest;
  const { name, energy, index, pictures } = current();
  const words = index < page.occupied ? "occupied" : "empty";
  $("orbital-name").value = `${name} · ${index + 1} of ${page.count}, ${words}`;
  orbital.setAttribute("aria-valuetext", `${name}, ${energy}, ${words}`);
  drawLevels();
  const { field, ...rest } = pictures[mode()];
  const values = await unpack(field, "deflate");
  if (mine !== latest) return; // the slider has moved on
  model.set("field", new DataView(values));
  for (const [trait, value] of Object.entries(rest)) model.set(trait, value);
  document.title = `${rest.title} · ${page.heading}`;
}

function showIsovalue() {
  const value = 10 ** isovalue.valueAsNumber;
  $("isovalue-text").value = `${value.toFixed(3)} bohr⁻³ᐟ²`;
  isovalue.setAttribute("aria-valuetext", `${value.toFixed(3)} per bohr to the power 3/2`);
  model.set("isovalue", value);
}

function showTheme() {
  model.set("colors", DARK.matches ? COLORS.dark : COLORS.light);
  const viewer = document.querySelector("#stage canvas")?._3dmol_viewer;
  const background = getComputedStyle($("stage")).getPropertyValue("--card").trim();
  viewer?.setBackgroundColor(background);
}

// ---- the level diagram ----

const SOFT = 0.25; // hartree; energies are drawn at asinh(energy / SOFT): core levels stay in sight
const TICKS = [-300, -100, -30, -10, -3, -1, -0.5, -0.2, 0, 0.2, 0.5, 1, 2, 4, 8, 20, 60];
const [LEFT, RIGHT] = [34, 72]; // pixels beside the levels, for the axis and for names
const DEGENERATE = 1e-3; // hartree
const svg = document.querySelector("#levels svg");

function element(name, attributes, parent = svg, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text;
  parent.append(node);
  return node;
}

/** Levels closer than DEGENERATE stand side by side: for each, its place and how many share it. */
function places(energies) {
  const groups = [];
  energies.forEach((energy, i) => {
    const last = groups.at(-1);
    if (last && energy - energies[last[0]] < DEGENERATE) last.push(i);
    else groups.push([i]);
  });
  return groups.flatMap((group) => group.map((_, place) => [place, group.length]));
}

function scaleFor(height) {
  const all = page.levels.flatMap(({ energies }) => energies);
  const soft = (energy) => Math.asinh(energy / SOFT);
  const [low, high] = [soft(Math.min(...all)), soft(Math.max(...all))];
  const [top, bottom] = [page.levels.length > 1 ? 30 : 14, height - 14];
  return (energy) => bottom - ((soft(energy) - low) / (high - low || 1)) * (bottom - top);
}

function drawLevels() {
  const { width, height } = svg.getBoundingClientRect();
  svg.replaceChildren();
  if (!width || !height) return;
  const y = scaleFor(height);
  const [left, right] = [LEFT, width - RIGHT];
  const column = (right - left) / page.levels.length;
  drawAxis(y, left, right, height);
  page.levels.forEach(({ name, energies }, c) => {
    const [begin, end] = [left + 8 + c * column, left + (c + 1) * column - 4];
    if (page.levels.length > 1)
      element("text", { class: "column", x: (begin + end) / 2, y: 14 }, svg, name);
    places(energies).forEach(([place, count], i) => {
      const step = (end - begin + 4) / count;
      const line = element("line", {
        class: level(i),
        x1: begin + place * step, x2: begin + (place + 1) * step - 4,
        y1: y(energies[i]), y2: y(energies[i]),
      }); // prettier-ignore
      const entry = page.orbitals.findIndex(({ index }) => index === i);
      if (entry < 0) line.classList.add("absent");
      else line.dataset.entry = entry;
    });
  });
  const { index, name, energy } = current();
  const at = y(page.levels[mode() === 1 ? 1 : 0].energies[index]);
  element("text", { class: "chosen", x: right + 4, y: at + 4 }, svg, name);
  const words = `Levels of ${page.count} orbitals, ${page.occupied} of them occupied.`;
  svg.setAttribute("aria-label", `${words} Chosen: ${name}, ${energy}.`);
}

function level(i) {
  const classes = [i < page.occupied ? "occupied" : "empty"];
  if (i === current().index) classes.push("chosen");
  return classes.join(" ");
}

function drawAxis(y, left, right, height) {
  const energies = page.levels[0].energies;
  const [homo, lumo] = [energies[page.occupied - 1], energies[page.occupied]];
  if (homo !== undefined && lumo !== undefined) {
    const [top, tall] = [y(lumo), Math.max(0, y(homo) - y(lumo))];
    element("rect", { class: "gap", x: left, width: right + RIGHT - left, y: top, height: tall });
    const words = `${((lumo - homo) * page.evPerHartree).toFixed(1)} eV`;
    if (tall > 40) element("text", { x: right + 4, y: top + tall / 2 + 4 }, svg, words);
  }
  element("line", { class: "axis", x1: left, x2: left, y1: 8, y2: height - 8 });
  let free = Infinity;
  for (const tick of TICKS) {
    const at = y(tick);
    if (at < 10 || at > height - 8 || free - at < 15) continue;
    free = at;
    element("line", { class: "axis", x1: left - 4, x2: left, y1: at, y2: at });
    element("text", { class: "tick", x: left - 7, y: at + 4 }, svg, `${tick}`.replace("-", "−"));
  }
}

/** The orbital of the page whose level is nearest to a click. */
function nearest({ clientX, clientY }) {
  const away = (line) => {
    const { left, right, top } = line.getBoundingClientRect();
    return Math.hypot(Math.max(left - clientX, 0, clientX - right), top - clientY);
  };
  const lines = [...svg.querySelectorAll("line[data-entry]")];
  const best = lines.reduce((a, b) => (away(b) < away(a) ? b : a));
  return Number(best.dataset.entry);
}

// ---- the controls ----

function setUp() {
  document.querySelector("h1").textContent = page.heading;
  $("message").textContent = page.message;
  const homo = page.orbitals.findLastIndex(({ index }) => index < page.occupied);
  orbital.max = page.orbitals.length - 1;
  orbital.value = Math.max(0, homo);
  isovalue.value = Math.log10(model.get("isovalue"));
  $("first").textContent = page.orbitals[0].name;
  $("last").textContent = page.orbitals.at(-1).name;
  const share = (homo + 0.5) / Math.max(1, page.orbitals.length - 1);
  if (share > 0 && share < 1) {
    $("gap").textContent = "occupied | empty";
    $("gap").style.setProperty("--occupied", `calc(8px + ${share} * (100% - 16px))`);
    if (share < 0.4) $("first").style.visibility = "hidden"; // it would be covered
    if (share > 0.6) $("last").style.visibility = "hidden";
  }
  if (page.orbitals.length < page.count)
    $("shown").textContent = `${page.orbitals.length} of ${page.count} orbitals are in this file`;
  page.modes.forEach((name, i) => {
    const label = document.createElement("label");
    const choice = Object.assign(document.createElement("input"), {
      type: "radio", name: "mode", value: i, defaultChecked: !i,
    }); // prettier-ignore
    label.append(choice, name);
    $("modes").append(label);
  });
  $("modes").hidden = page.modes.length < 2;
}

function listen() {
  orbital.addEventListener("input", show);
  isovalue.addEventListener("input", showIsovalue);
  $("modes").addEventListener("change", show);
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  DARK.addEventListener("change", showTheme);
  new ResizeObserver(drawLevels).observe(svg);
  svg.addEventListener("click", (event) => {
    orbital.value = nearest(event);
    show();
  });
  addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.target.matches("input")) return; // an input knows what to do itself
    orbital.value = orbital.valueAsNumber + step;
    show();
  });
}

async function start() {
  const script = new Blob([await unpack($("library").textContent, "gzip")], { type: "text/javascript" });
  const { default: widget } = await import(URL.createObjectURL(script));
  setUp();
  listen();
  showIsovalue();
  await show();
  // the first picture is on the screen when the front end counts its first redraw
  const stage = $("stage");
  const watcher = new MutationObserver(() => {
    if (!stage.querySelector("[data-redraws]")) return;
    watcher.disconnect();
    showTheme();
    stage.classList.add("ready");
  });
  watcher.observe(stage, { subtree: true, attributes: true, childList: true });
  widget.render({ model, el: stage });
}

start().catch((error) => {
  $("waiting").textContent = `This browser cannot show the page: ${error.message ?? error}`;
});
