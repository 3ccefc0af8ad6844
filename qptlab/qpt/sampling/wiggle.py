"""Gaussian noise around one geometry."""

from dataclasses import dataclass

import numpy as np

from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule
from qptlab.qpt.sampling.base import displaced, generator, saved_as


@saved_as("wiggle")
@dataclass(frozen=True)
class Wiggle:
    """Geometries around a molecule: Gaussian noise of `sigma` bohr on every atom, random turns.

    0.05 bohr is about what 300 K does to an O–H bond.

    Raises:
        InputError: a `sigma` below zero or not finite.

    >>> from qptlab import molecule, wiggle
    >>> wiggle(molecule("water"), sigma=0.05)("train", seed=0, index=3)
    Molecule(H2O, 3 atoms, 10 electrons, charge 0)
    """

    molecule: Molecule
    sigma: float = 0.05

    def __post_init__(self):
        if not np.isfinite(self.sigma) or self.sigma < 0:
            raise InputError(f"sigma {quoted(self.sigma)}; expected a number of bohr, 0 or more")

    def __call__(self, split: str, seed: int, index: int) -> Molecule:
        rng = generator(split, seed, index)
        shape, what = self.molecule.positions.shape, f"sigma {self.sigma} bohr"
        return displaced(self.molecule, lambda: self.sigma * rng.normal(size=shape), rng, what)


wiggle = Wiggle
"""As one writes it: `ql.wiggle(molecule, sigma)`."""
