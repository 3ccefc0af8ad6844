"""Gaussian noise around one geometry."""

from dataclasses import dataclass

import numpy as np

from qptlab.errors import InputError
from qptlab.molecule import Molecule
from qptlab.qpt.sampling.base import (
    displaced,
    generator,
    molecule_from_json,
    molecule_json,
    saved_as,
)


@saved_as("wiggle")
@dataclass(frozen=True)
class Wiggle:
    """Every atom moved by Gaussian noise of width `sigma` (bohr), then the molecule turned."""

    molecule: Molecule
    sigma: float = 0.05

    def __post_init__(self):
        if not np.isfinite(self.sigma) or self.sigma < 0:
            raise InputError(f"sigma {self.sigma!r}; expected a number of bohr, 0 or more")

    def __call__(self, split: str, seed: int, index: int) -> Molecule:
        rng = generator(split, seed, index)
        shape = self.molecule.positions.shape
        return displaced(
            self.molecule,
            lambda: self.sigma * rng.normal(size=shape),
            rng,
            f"sigma {self.sigma} bohr",
        )

    def to_json(self) -> dict:
        """See `SavedSampler`."""
        return {"sigma": self.sigma, "molecule": molecule_json(self.molecule)}

    @classmethod
    def from_json(cls, record: dict) -> "Wiggle":
        """See `SavedSampler`."""
        return cls(molecule_from_json(record["molecule"]), record["sigma"])


def wiggle(molecule: Molecule, sigma: float = 0.05) -> Wiggle:
    """Geometries around a molecule: Gaussian noise of `sigma` bohr on every atom, random turns.

    0.05 bohr is about what 300 K does to an O–H bond.

    >>> from qptlab import molecule, wiggle
    >>> wiggle(molecule("water"), sigma=0.05)("train", seed=0, index=3)
    Molecule(H2O, 3 atoms, 10 electrons, charge 0)
    """
    return Wiggle(molecule, sigma)
