"""Pictures of the way to self-consistency: pure functions from `ScfPath`s to a Figure."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from qptlab.dft.energy import TERMS
from qptlab.dft.scf import CONV_TOL
from qptlab.dft.scf_path import ScfPath
from qptlab.lab.plots.axes import (
    FAINT,
    GREY,
    INK,
    LABEL_SIZE,
    TICK_SIZE,
    energy_text,
    label_ends,
    title_axes,
)
from qptlab.lab.plots.pixels import blank, framed_axes, number, pixel_axes, write
from qptlab.lab.plots.plane import Plane, colour_scale, draw_map, draw_scale
from qptlab.qpt.scf_starts import MINAO, NETWORK
from qptlab.units import EV_PER_HARTREE

NAMES = {MINAO: "from minao", NETWORK: "from the network"}
COLOURS = {MINAO: "#CC79A7", NETWORK: "#009E73"}
MARKERS = {MINAO: "o", NETWORK: "s"}
CONVERGENCE_PX, ITERATION_PX = (720, 205), (720, 340)
RIGHT = 458  # where the right column begins, pixels
BARS = 8  # between the first and the last Fock matrix that have a bar
LOWEST = 1e-11  # hartree: what lies below is rounding
ROWS = {"core": "core", "coulomb": "Coulomb", "exchange": "exchange", "xc": "xc"}
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
Paths = Mapping[str, ScfPath]


def convergence_figure(paths: Paths, reference: ScfPath, builds: int) -> Figure:
    """Energy above self-consistency and commutator against Fock builds, one curve for each start.

    Args:
        paths: by start, `MINAO` or `NETWORK`.
        reference: a path whose last density is the self-consistent one.
        builds: the number of Fock builds to mark.
    """
    figure = blank(CONVERGENCE_PX)
    left = pixel_axes(figure, (82, 34, 222, 122))
    right = pixel_axes(figure, (378, 34, 204, 122))
    titles = "Energy − converged energy", "Commutator FDS − SDF (Ha)"
    for axes, title in zip((left, right), titles, strict=True):
        # a given height: finding one for titles costs half the drawing time
        title_axes(axes, title, y=1.0, pad=6, fontsize=LABEL_SIZE + 1)
        axes.set_xlabel("Fock builds", fontsize=LABEL_SIZE, color=INK, labelpad=2)
        axes.set_xlim(-0.4, max(p.builds[-1] for p in paths.values()) + 0.4)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(numticks=5))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.axvline(builds, color=FAINT, linewidth=6, alpha=0.35, zorder=0)
    left.yaxis.set_major_formatter(FuncFormatter(lambda value, _: energy_text(value)))
    right.yaxis.set_major_formatter(FuncFormatter(_power_of_ten))
    right.axhline(CONV_TOL, color=FAINT, linewidth=1.2)
    right.text(-0.2, CONV_TOL, "converged", va="bottom", fontsize=TICK_SIZE, color=GREY)
    labels = []
    above = {name: path.energy - reference.energy[-1] for name, path in paths.items()}
    for name, path in paths.items():
        _curve(left, name, path, above[name])
        _curve(right, name, path, path.commutator)
        labels.append((path.commutator[-1], NAMES[name], COLOURS[name]))
    _log_limits(left, [abs(e) for energies in above.values() for e in energies], LOWEST)
    _log_limits(right, [CONV_TOL, *(e for p in paths.values() for e in p.commutator)], 1e-10)
    for name, path in paths.items():
        if builds >= path.before:
            _mark(left, name, path, above[name], path.at(builds))
            _mark(right, name, path, path.commutator, path.at(builds))
    if any((energies < -LOWEST).any() for energies in above.values()):
        left.set_xlabel("Fock builds (open marks: below)")
    label_ends(right, [(max(value, right.get_ylim()[0]), *rest) for value, *rest in labels])
    return figure


def iteration_figure(paths: Paths, reference: ScfPath, plane: Plane, builds: int) -> Figure:
    """One iteration: the density's error as a map, the weights of the next step, energy terms.

    Arguments as `convergence_figure`; `plane` is the molecule's.
    """
    figure = blank(ITERATION_PX)
    write(figure, 8, 14, f"Density − converged, {_after(builds)}", heading=True)
    fields = {
        name: plane.density(path.dm[path.at(builds)] - reference.dm[-1])
        for name, path in paths.items()
        if builds >= path.before
    }
    scale = colour_scale(fields)
    width = (440 - 8 * (len(paths) - 1)) / len(paths)
    height = min(200, width * plane.shape[0] / plane.shape[1])
    for place, (name, path) in enumerate(paths.items()):
        axes = framed_axes(figure, (8 + place * (width + 8), 50, width, height))
        draw_map(axes, plane, fields.get(name), scale)
        last = path.builds[-1]
        title = NAMES[name] if builds <= last else f"{name} (last: {last})"
        title_axes(axes, title, loc="center", color=COLOURS[name], y=1.0, pad=4)
    draw_scale(figure, (60, 50 + height + 14, 344, 12), scale, len(fields) > 1)
    _draw_weights(figure, paths, builds)
    _draw_terms(figure, paths, reference, builds)
    return figure


def step_words(paths: Paths, reference: ScfPath, builds: int) -> str:
    """Both pictures in words, for those who do not see them."""
    parts = []
    for name, path in paths.items():
        if builds < path.before:
            parts.append(f"{NAMES[name]}: no density before {path.before} Fock build")
            continue
        k = path.at(builds)
        error = energy_difference(path.energy[k] - reference.energy[-1])
        parts.append(
            f"{NAMES[name]}: energy {error} from the converged one, "
            f"commutator {number(path.commutator[k])} Ha, gap {_gap(path.gap[k])}"
        )
    return f"After {_after(builds)}, {'; '.join(parts)}."


def energy_difference(energy_ha: float) -> str:
    """A signed energy: `+3.2 µHa`, `−40 mHa`, and 0 where it is rounding."""
    if abs(energy_ha) < LOWEST:
        return "0"
    return f"{'+' if energy_ha > 0 else '−'}{energy_text(abs(energy_ha))}"


def _curve(axes: Axes, name: str, path: ScfPath, values: np.ndarray) -> None:
    """|values|, open marks where they are negative."""
    style = {"color": COLOURS[name], "marker": MARKERS[name], "markersize": 5}
    size, below = np.maximum(np.abs(values), 1e-300), values < -LOWEST
    axes.plot(path.builds, size, linewidth=2.2, **style)
    axes.plot(path.builds[below], size[below], linestyle="", markerfacecolor="white", **style)


def _mark(axes: Axes, name: str, path: ScfPath, values: np.ndarray, k: int) -> None:
    """The chosen point, large; one beyond the picture at its edge, pointing there."""
    size, lowest = abs(values[k]), axes.get_ylim()[0]
    axes.plot(
        path.builds[k], max(size, lowest), marker="v" if size < lowest else MARKERS[name],
        color=COLOURS[name], markersize=10, clip_on=False, zorder=3,
        markerfacecolor="white" if values[k] < -LOWEST else COLOURS[name],
    )  # fmt: skip


def _power_of_ten(value: float, _: int) -> str:
    """`10⁻³`; quicker to draw than a formula."""
    return "10" + str(round(math.log10(value))).translate(SUPERSCRIPTS)


def _log_limits(axes: Axes, values: list[float], lowest: float) -> None:
    kept = [max(value, lowest) for value in values if np.isfinite(value)]
    axes.set_ylim(10 ** (math.log10(min(kept)) - 0.4), 10 ** (math.log10(max(kept)) + 0.5))


def _after(builds: int) -> str:
    return "1 Fock build" if builds == 1 else f"{builds} Fock builds"


def _draw_weights(figure: Figure, paths: Paths, builds: int) -> None:
    """Bars: the weight of every Fock matrix in the one that makes the next density."""
    schemes = {path.scheme for path in paths.values()}
    kind = "DIIS weights" if schemes <= {"diis", "screened"} else "Weights"
    write(figure, RIGHT, 14, f"{kind}, next step", heading=True)
    axes = pixel_axes(figure, (500, 34, 212, 98))
    axes.axhline(0, color=FAINT, linewidth=1)
    width = 0.8 / len(paths)
    shown, seen = [0], [0.0, 1.0]
    for place, (name, path) in enumerate(paths.items()):
        if builds < path.before:
            continue
        weights = path.weights[path.at(builds)]
        used = np.flatnonzero(weights)
        at = path.builds[used] + (place - (len(paths) - 1) / 2) * width
        axes.bar(at, weights[used], width=width, color=COLOURS[name])
        shown += path.builds[used].tolist()
        seen += weights.tolist()
    last = max(shown)
    first = min(max(0, last - BARS), *shown[1:], last) if shown[1:] else 0
    axes.set_xlim(first - 0.6, max(first + 4, last) + 0.6)
    pad = 0.04 * (max(seen) - min(seen))
    axes.set_ylim(min(seen) - pad, max(seen) + pad)
    axes.xaxis.set_major_locator(MaxNLocator(9, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}".replace("-", "−")))
    axes.set_xlabel("F[D] after … Fock builds", fontsize=TICK_SIZE, color=INK, labelpad=1)


def _draw_terms(figure: Figure, paths: Paths, reference: ScfPath, builds: int) -> None:
    """A table: energy terms and total minus the converged ones, and the gap."""
    top, height, terms = 194, 16.5, [t for t in ROWS if reference.terms[-1, TERMS.index(t)]]
    rows = ["", *(ROWS[term] for term in terms), "total", "gap"]
    lines = top + height * np.arange(1, len(rows) + 2)
    write(figure, RIGHT, top - 2, "Energy − converged", heading=True)
    for y, text in zip(lines, rows, strict=False):
        write(figure, RIGHT, y, text, fontweight="bold" if text == "total" else "normal")
    write(figure, RIGHT, lines[-1], f"gap when converged: {_gap(reference.gap[-1])}", color=GREY)
    for x, (name, path) in zip((622, 712)[-len(paths) :], paths.items(), strict=True):
        values = ["–"] * (len(rows) - 1)
        if builds >= path.before:
            k = path.at(builds)
            change = path.terms[k] - reference.terms[-1]
            values = [energy_difference(change[TERMS.index(term)]) for term in terms]
            values += [energy_difference(change.sum()), _gap(path.gap[k])]
        write(figure, x, lines[0], name, ha="right", color=COLOURS[name], fontweight="bold")
        for y, value in zip(lines[1:], values, strict=False):
            write(figure, x, y, value, ha="right")


def _gap(gap_ha: float) -> str:
    return f"{gap_ha * EV_PER_HARTREE:.2f} eV" if np.isfinite(gap_ha) else "none"
