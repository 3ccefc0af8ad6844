"""Molecules that can fail: distorted, turned, charged, heavy."""

import numpy as np
from scipy.spatial.transform import Rotation

from qptlab.library import molecule
from qptlab.molecule import Molecule


def distorted(name: str, seed: int = 1, charge: int = 0, spin: int = 0) -> Molecule:
    """A library molecule without symmetry, in an odd orientation, away from the origin."""
    known = molecule(name, charge, spin)
    rng = np.random.default_rng(seed)
    positions = known.positions + 0.08 * rng.normal(size=known.positions.shape)
    turned = positions @ Rotation.random(rng=rng).as_matrix().T
    return known.with_positions(turned + np.array([0.3, -0.7, 1.1]))


def linear(*symbols: str, distance: float, charge: int = 0, spin: int = 0) -> Molecule:
    """Atoms in a row along x, `distance` bohr apart."""
    positions = [[i * distance, 0.0, 0.0] for i in range(len(symbols))]
    return Molecule(symbols, np.array(positions), charge, spin)
