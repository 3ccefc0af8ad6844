// From a volumetric field to a smooth triangle mesh.
// 3Dmol's own addIsosurface marches over inside/outside bits and then rounds the steps off;
// surface nets on the values, with normals from the gradient, are smooth on a much coarser box.
import { surfaceNets } from "isosurface";

/**
 * The surface `sign * field = level` of a field on a box.
 *
 * field: {values: Int8Array (x slowest, z fastest), shape: [nx, ny, nz],
 *         origin: [x, y, z] and spacing in angstrom}; level > 0 in units of `values`.
 * Returns {vertexArr, normalArr, faceArr} as 3Dmol's addCustom takes them, or null if empty.
 */
export function isosurface(field, level, sign) {
  const { values, shape, origin, spacing } = field;
  const [, ny, nz] = shape;
  const value = (i, j, k) => sign * values[(i * ny + j) * nz + k];
  const { positions, cells } = surfaceNets(shape, (i, j, k) => level - value(i, j, k));
  if (!cells.length) return null;
  const mesh = refine(positions, positions.map(outward(value, shape)), cells);
  return {
    vertexArr: mesh.positions.map((p) => xyz(p.map((q, a) => origin[a] + spacing * q))),
    normalArr: mesh.normals.map(xyz),
    faceArr: mesh.cells.flat(),
  };
}

const xyz = ([x, y, z]) => ({ x, y, z });
const unit = (v) => v.map((q) => q / (Math.hypot(...v) || 1));
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** The unit vector along which the field falls, at a place between grid points. */
function outward(value, shape) {
  // Central differences, one-sided at the faces of the box.
  const slope = (at, axis) => {
    const up = [...at];
    const down = [...at];
    up[axis] = Math.min(at[axis] + 1, shape[axis] - 1);
    down[axis] = Math.max(at[axis] - 1, 0);
    return (value(...up) - value(...down)) / (up[axis] - down[axis] || 1);
  };
  return (position) => {
    const base = position.map((q, a) => Math.max(0, Math.min(Math.floor(q), shape[a] - 2)));
    const part = position.map((q, a) => q - base[a]);
    const sum = [0, 0, 0];
    for (let corner = 0; corner < 8; corner++) {
      const bits = [corner & 1, (corner >> 1) & 1, corner >> 2];
      const weight = bits.reduce((w, bit, a) => w * (bit ? part[a] : 1 - part[a]), 1);
      if (weight === 0) continue;
      const at = base.map((b, a) => b + bits[a]);
      for (let axis = 0; axis < 3; axis++) sum[axis] -= weight * slope(at, axis);
    }
    return unit(sum);
  };
}

/**
 * Every triangle cut into four, the new points lifted onto the curve that the normals describe.
 * Source: Boubekeur and Alexa, "Phong Tessellation", ACM Trans. Graph. 27, 141 (2008).
 */
function refine(positions, normals, cells) {
  positions = [...positions];
  normals = [...normals];
  const known = new Map();
  const middle = (a, b) => {
    const key = a < b ? a * 2 ** 26 + b : b * 2 ** 26 + a;
    if (known.has(key)) return known.get(key);
    const m = positions[a].map((q, i) => (q + positions[b][i]) / 2);
    const lifted = [...m];
    for (const end of [a, b]) {
      const height = dot(m.map((q, i) => q - positions[end][i]), normals[end]);
      for (let i = 0; i < 3; i++) lifted[i] -= 0.375 * height * normals[end][i];
    }
    normals.push(unit(normals[a].map((q, i) => q + normals[b][i])));
    known.set(key, positions.push(lifted) - 1);
    return positions.length - 1;
  };
  const finer = [];
  for (const [a, b, c] of cells) {
    const [ab, bc, ca] = [middle(a, b), middle(b, c), middle(c, a)];
    finer.push([a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]);
  }
  return { positions, normals, cells: finer };
}
