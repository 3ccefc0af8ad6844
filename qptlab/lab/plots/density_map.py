"""Density differences in colours, on the plane of a molecule."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from qptlab.lab.plots.axes import FAINT, GREY, INK, LABEL_SIZE, TICK_SIZE
from qptlab.lab.plots.pixels import DIVERGING, number, pixel_axes, root
from qptlab.lab.plots.plane import Plane

FINEST_SCALE = 1e-8
"""electrons/bohr³; densities are converged no further."""
OFF_PLANE = 0.7
"""Atoms farther from the plane than this (bohr) are drawn paler."""


def colour_scale(fields: Mapping[str, np.ndarray]) -> float:
    """1, 2 or 5 times a power of ten that all but the farthest hundredth of points lie within."""
    most = [np.quantile(np.abs(field), 0.99) for field in fields.values()]
    most = max([FINEST_SCALE, *map(float, most)])
    power = 10.0 ** math.floor(math.log10(most))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= 0.999 * most)


def draw_map(axes: Axes, plane: Plane, field: np.ndarray | None, scale: float) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[["top", "right"]].set_visible(True)
    left, right, low, high = plane.extent
    axes.set(xlim=(left, right), ylim=(low, high), aspect="equal", anchor="N")
    if field is None:
        axes.text(
            0.5, 0.5, "the network needs\none Fock build first", transform=axes.transAxes,
            ha="center", va="center", fontsize=LABEL_SIZE, color=GREY,
        )  # fmt: skip
        return
    axes.imshow(
        root(field / scale), cmap=DIVERGING, vmin=-1, vmax=1, extent=plane.extent,
        origin="lower", interpolation="bilinear",
    )  # fmt: skip
    farthest = float(np.abs(field).max())
    axes.text(
        0.5, 0.02, f"largest {number(farthest, digits=2)}" if farthest else "no difference",
        transform=axes.transAxes, ha="center", fontsize=TICK_SIZE, color=INK,
    )  # fmt: skip
    for a, b in plane.bonds:
        axes.plot(*plane.positions[[a, b]].T, color=GREY, linewidth=1.2, alpha=0.6)
    halo = [withStroke(linewidth=2.5, foreground="white")]
    # those in front last
    for atom in np.argsort(-np.abs(plane.height)):
        pale = abs(plane.height[atom]) > OFF_PLANE
        axes.text(
            *plane.positions[atom], plane.symbols[atom], ha="center", va="center",
            fontsize=LABEL_SIZE, fontweight="bold", color=FAINT if pale else "black",
            path_effects=halo,
        )  # fmt: skip


def draw_scale(
    figure: Figure, box: tuple[float, float, float, float], scale: float, several: bool
) -> None:
    """The colours and what they mean; halfway up to full colour is a quarter of the value."""
    axes = pixel_axes(figure, box)
    axes.spines[["top", "right"]].set_visible(True)
    axes.imshow(np.linspace(-1, 1, 128)[None], cmap=DIVERGING, aspect="auto", extent=(-1, 1, 0, 1))
    most, quarter = (number(value, digits=2) for value in (scale, scale / 4))
    texts = f"≤ −{most}", f"−{quarter}", "0", quarter, f"≥ {most}"
    axes.set_xticks(np.linspace(-1, 1, 5), texts)
    axes.set_yticks([])
    unit = "too few  ←  electrons/bohr³  →  too many"
    unit += "\none scale for both maps" if several else ""
    axes.set_xlabel(unit, fontsize=TICK_SIZE, color=INK, labelpad=2)
