// The front end of qptlab.lab.views.orbital_view.OrbitalView: reads the traits, keeps one Scene.
import { Scene, load3Dmol } from "./scene.js";
import css from "./style.css";

const TRAITS = [
  "atoms", "camera", "field", "shape", "origin", "spacing", "scale",
  "isovalue", "opacity", "labels", "colors", "title", "legend", "note", "alt", "height",
]; // prettier-ignore

function render({ model, el }) {
  const { frame, box, title, legend } = layout(el);
  let scene = null;
  let library = null;
  let pending = 0;
  let redraws = 0;
  let gone = false;
  const stale = new Set(TRAITS);
  frame.style.height = `${model.get("height")}px`; // at once: what stands below must not jump

  const complain = (error) => {
    title.textContent = `This browser cannot draw in 3D here: ${error.message ?? error}`;
  };
  const redraw = () => {
    pending = 0;
    const changed = (...names) => names.some((name) => stale.has(name));
    try {
      frame.style.height = `${model.get("height")}px`;
      scene ??= new Scene(box, library);
      if (changed("atoms")) scene.setAtoms(model.get("atoms"), model.get("camera"));
      if (changed("atoms", "labels")) scene.setLabels(model.get("labels"));
      if (changed("field", "shape", "origin", "spacing", "scale", "isovalue", "opacity", "colors"))
        scene.setLobes(
          readField(model),
          model.get("isovalue") / model.get("scale"),
          model.get("colors"),
          model.get("opacity"),
        );
      writeTitle(title, model.get("title"));
      writeLegend(legend, model.get("legend"), model.get("colors"), model.get("note"));
      box.setAttribute("aria-label", model.get("alt"));
      scene.draw();
    } catch (error) {
      complain(error);
    }
    stale.clear();
    frame.dataset.title = model.get("title");
    frame.dataset.redraws = String(++redraws); // last: says that all of the above is on the screen
  };

  // One message may change many traits: draw once, at the next frame.
  const later = (name) => () => {
    stale.add(name);
    if (library) pending ||= requestAnimationFrame(redraw);
  };
  const handlers = TRAITS.map((name) => [`change:${name}`, later(name)]);
  for (const [event, handler] of handlers) model.on(event, handler);
  load3Dmol().then(($3Dmol) => {
    library = $3Dmol;
    if (!gone) pending ||= requestAnimationFrame(redraw);
  }, complain);

  return () => {
    gone = true;
    cancelAnimationFrame(pending);
    for (const [event, handler] of handlers) model.off(event, handler);
    scene?.dispose();
    frame.remove();
  };
}

function layout(el) {
  const part = (parent, name) => {
    const div = document.createElement("div");
    div.className = `qptlab-orbital${name}`;
    parent.append(div);
    return div;
  };
  const frame = part(el, "");
  frame.appendChild(document.createElement("style")).textContent = css;
  const box = part(frame, "-box");
  box.setAttribute("role", "img");
  return { frame, box, title: part(frame, "-title"), legend: part(frame, "-legend") };
}

function writeTitle(title, text) {
  const [first, ...rest] = text.split(" · "); // the name, then what is known about it
  const name = document.createElement("b");
  name.textContent = first;
  title.replaceChildren(name, ["", ...rest].join(" · "));
}

function writeLegend(legend, words, colors, note) {
  const entries = words.map((word, i) => {
    const entry = document.createElement("span");
    entry.appendChild(document.createElement("i")).style.background = colors[i];
    entry.append(word);
    return entry;
  });
  legend.replaceChildren(...entries, note);
}

function readField(model) {
  const bytes = model.get("field"); // a DataView, or null before the first orbital
  const shape = model.get("shape");
  if (!bytes || bytes.byteLength !== shape[0] * shape[1] * shape[2]) return null;
  const values = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { values, shape, origin: model.get("origin"), spacing: model.get("spacing") };
}

export { load3Dmol };
export default { render };
