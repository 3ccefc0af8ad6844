"""The plane of a molecule, and densities on it: what a flat picture of a molecule is drawn on."""

from dataclasses import dataclass

import numpy as np
from ase.data import covalent_radii

from qptlab.dft import ao_values
from qptlab.molecule import Molecule
from qptlab.theory import Theory
from qptlab.units import ANGSTROM_PER_BOHR

MARGIN = 3.0
"""Room left around the outermost nuclei, bohr."""
POINTS_ACROSS = 110
"""Along the longer side; interpolation makes it smooth."""
BOND_FACTOR = 1.25
"""Atoms nearer than this many times the sum of their covalent radii are joined by a line."""


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
