// One 3Dmol viewer: a ball-and-stick molecule and the two lobes of a field, redrawn in place.
import { isosurface } from "./surface.js";

const EYE = 150; // z of 3Dmol's camera, angstrom

/**
 * 3Dmol.js, started once per page: all viewers of one copy share one WebGL context, and browsers
 * allow few. It is a classic script that leaves its names in window.$3Dmol.
 */
export function load3Dmol() {
  window.qptlab3DmolLoaded ??= import("3dmol").then(() => window.$3Dmol);
  return window.qptlab3DmolLoaded;
}

export class Scene {
  constructor(box, $3Dmol) {
    this.box = box;
    this.listeners = [];
    this.lobes = [];
    this.atoms = [];
    this.model = null;
    this.viewer = keepingListeners(this.listeners, () =>
      $3Dmol.createViewer(box, {
        backgroundColor: "white",
        disableFog: true,
        antialias: true,
      }),
    );
    if (!this.viewer) throw new Error("the browser gave no WebGL context");
  }

  /**
   * Shows other atoms [{elem, x, y, z}] (angstrom). Another molecule is seen from `camera`, as
   * setView takes it; one that only moved a little leaves the camera where the user put it.
   */
  setAtoms(atoms, camera) {
    const same = atoms.length === this.atoms.length && atoms.every((a, i) => near(a, this.atoms[i]));
    this.atoms = atoms;
    this.clearAtoms();
    if (!atoms.length) return;
    const lines = atoms.map(({ elem, x, y, z }) => `${elem} ${x} ${y} ${z}`);
    this.model = this.viewer.addModel(`${atoms.length}\n\n${lines.join("\n")}\n`, "xyz");
    this.model.setStyle({}, { stick: { radius: 0.11 }, sphere: { scale: 0.24 } });
    if (same) return;
    // A box narrower than high needs more distance than the camera was made for.
    const narrow = Math.min(1, this.box.clientWidth / this.box.clientHeight || 1);
    const [x, y, z, depth, ...rotation] = camera;
    this.viewer.setView([x, y, z, EYE - (EYE - depth) / narrow, ...rotation]);
  }

  /** Names every atom by its element and number, counted from 1, or none. */
  setLabels(shown) {
    this.viewer.removeAllLabels();
    if (!shown) return;
    this.atoms.forEach(({ elem, x, y, z }, i) =>
      this.viewer.addLabel(`${elem}${i + 1}`, {
        position: { x, y, z }, alignment: "center", inFront: true,
        fontSize: 13, fontColor: "#1f2933", backgroundColor: "white", backgroundOpacity: 0.7,
      }),
    );
  }

  /** Replaces both lobes; the camera stays. level: isovalue in units of field.values. */
  setLobes(field, level, colors, opacity) {
    for (const shape of this.lobes) {
      free(shape.renderedShapeObj);
      this.viewer.removeShape(shape);
    }
    this.lobes = [];
    if (!field || !(level > 0)) return;
    for (const [sign, color] of [[1, colors[0]], [-1, colors[1]]]) {
      const mesh = isosurface(field, level, sign);
      if (mesh) this.lobes.push(this.viewer.addCustom({ ...mesh, color, opacity }));
    }
  }

  draw() {
    this.viewer.render();
  }

  clearAtoms() {
    free(this.model?.renderedMolObj);
    this.viewer.removeAllModels();
    this.model = null;
  }

  /** Gives everything back but the WebGL context, which other viewers share. */
  dispose() {
    this.setLobes(null);
    this.setLabels(false);
    this.clearAtoms();
    for (const [target, ...rest] of this.listeners) target.removeEventListener(...rest);
    this.viewer.divwatcher?.disconnect();
    this.viewer.intwatcher?.disconnect();
    this.box.replaceChildren();
  }
}

// 3Dmol takes objects out of the scene, but leaves their buffers on the graphics card.
function free(object) {
  object?.geometry?.dispose();
  object?.children?.forEach(free);
}

const near = (a, b) => a.elem === b.elem && Math.hypot(a.x - b.x, a.y - b.y, a.z - b.z) < 1;

// 3Dmol hangs anonymous listeners on window and body: note them, so that dispose can take them off.
function keepingListeners(listeners, create) {
  const targets = [window, document.body];
  for (const target of targets) {
    target.addEventListener = (...call) => {
      listeners.push([target, ...call]);
      EventTarget.prototype.addEventListener.apply(target, call);
    };
  }
  try {
    return create();
  } finally {
    for (const target of targets) delete target.addEventListener;
  }
}
