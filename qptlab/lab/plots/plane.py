"""The plane of a molecule, densities on it, and density differences there in colours."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ase.data import covalent_radii
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from qptlab.dft import ao_values
from qptlab.lab.plots.axes import FAINT, GREY, INK, LABEL_SIZE, TICK_SIZE
from qptlab.lab.plots.pixels import DIVERGING, Rectangle, framed_axes, number, root
from qptlab.molecule import Molecule
from qptlab.theory import Theory
from qptlab.units import ANGSTROM_PER_BOHR

MARGIN = 3.0
"""Room left around the outermost nuclei, bohr."""
POINTS_ACROSS = 110
"""Along the longer side; interpolation makes it smooth."""
BOND_FACTOR = 1.25
"""Atoms nearer than this many times the sum of their covalent radii are joined by a line."""
OFF_PLANE = 0.7
"""Atoms farther from the plane than this (bohr) are drawn paler."""
FINEST_SCALE = 1e-8
"""electrons/bohr³; densities are converged no further."""


@dataclass(frozen=True, eq=False)
class Plane:
    """A grid of points in the plane that lies best through the nuclei, each counted Z times.

    Attributes:
        symbols: one per atom.
        positions: (atom, 2), nuclei projected onto the plane, bohr; x along the longest axis.
        height: (atom,), how far each nucleus is from the plane, bohr.
        bonds: pairs of atoms that are joined by a line.
        extent: left, right, bottom and top, bohr.
        shape: points along y and x.
        grid_ao: (point, ao), atomic orbitals at the points, x running fastest; bohr^-3/2.
    """

    symbols: tuple[str, ...]
    positions: np.ndarray
    height: np.ndarray
    bonds: tuple[tuple[int, int], ...]
    extent: tuple[float, float, float, float]
    shape: tuple[int, int]
    grid_ao: np.ndarray

    @classmethod
    def through(cls, molecule: Molecule, theory: Theory, margin: float = MARGIN) -> "Plane":
        """The plane of a molecule; for one that is linear, some plane that contains it."""
        centre, axes = _principal_axes(molecule)
        places = (molecule.positions - centre) @ axes.T
        low, high = places[:, :2].min(axis=0) - margin, places[:, :2].max(axis=0) + margin
        spacing = float((high - low).max() / (POINTS_ACROSS - 1))
        columns, rows = (np.rint((high - low) / spacing).astype(int) + 1).tolist()
        x, y = np.meshgrid(
            np.linspace(low[0], high[0], columns), np.linspace(low[1], high[1], rows)
        )
        points = centre + np.stack([x.ravel(), y.ravel()], axis=1) @ axes[:2]
        return cls(
            symbols=molecule.symbols,
            positions=places[:, :2],
            height=places[:, 2],
            bonds=_bonds(molecule),
            extent=(low[0], high[0], low[1], high[1]),
            shape=(rows, columns),
            grid_ao=ao_values(molecule, theory, points),
        )

    def density(self, dm: np.ndarray) -> np.ndarray:
        """ρ(r) = Σ_μν D_μν χ_μ(r) χ_ν(r), (y, x), electrons/bohr³; `dm` may be a difference."""
        return np.sum((self.grid_ao @ dm) * self.grid_ao, axis=1).reshape(self.shape)


def colour_scale(fields: Mapping[str, np.ndarray]) -> float:
    """1, 2 or 5 times a power of ten that all but the farthest hundredth of points lie within."""
    most = [np.quantile(np.abs(field), 0.99) for field in fields.values()]
    most = max([FINEST_SCALE, *map(float, most)])
    power = 10.0 ** math.floor(math.log10(most))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= 0.999 * most)


def draw_map(axes: Axes, plane: Plane, field: np.ndarray | None, scale: float) -> None:
    """The density difference `field` (y, x) and the atoms; None: one that is not known yet."""
    axes.set(xlim=plane.extent[:2], ylim=plane.extent[2:], aspect="equal", anchor="N")
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
    # those in front last
    for atom in np.argsort(-np.abs(plane.height)):
        pale = abs(plane.height[atom]) > OFF_PLANE
        axes.text(
            *plane.positions[atom], plane.symbols[atom], ha="center", va="center",
            fontsize=LABEL_SIZE, fontweight="bold", color=FAINT if pale else "black",
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )  # fmt: skip


def draw_scale(figure: Figure, box: Rectangle, scale: float, several: bool) -> None:
    """The colours and what they mean; halfway up to full colour is a quarter of the value."""
    axes = framed_axes(figure, box)
    axes.imshow(np.linspace(-1, 1, 128)[None], cmap=DIVERGING, aspect="auto", extent=(-1, 1, 0, 1))
    most, quarter = (number(value, digits=2) for value in (scale, scale / 4))
    texts = f"≤ −{most}", f"−{quarter}", "0", quarter, f"≥ {most}"
    axes.set_xticks(np.linspace(-1, 1, 5), texts)
    unit = "too few  ←  electrons/bohr³  →  too many"
    unit += "\none scale for both maps" if several else ""
    axes.set_xlabel(unit, fontsize=TICK_SIZE, color=INK, labelpad=2)


def _principal_axes(molecule: Molecule) -> tuple[np.ndarray, np.ndarray]:
    """Centre of nuclear charge, and the axes (3, 3) as rows, that of the widest spread first."""
    charges = np.array(molecule.numbers, dtype=float)
    centre = charges @ molecule.positions / charges.sum()
    spread = np.sqrt(charges)[:, None] * (molecule.positions - centre)
    axes = np.linalg.svd(spread, full_matrices=True)[2]
    # of two opposite directions the one whose largest part is positive: always the same side
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.sign(axes[np.arange(3), largest])[:, None]
    axes[2] = np.cross(axes[0], axes[1])
    return centre, axes


def _bonds(molecule: Molecule) -> tuple[tuple[int, int], ...]:
    radii = covalent_radii[list(molecule.numbers)] / ANGSTROM_PER_BOHR
    apart = np.linalg.norm(molecule.positions[:, None] - molecule.positions, axis=-1)
    near = np.triu(apart < BOND_FACTOR * (radii[:, None] + radii), 1)
    return tuple((int(a), int(b)) for a, b in np.argwhere(near))
