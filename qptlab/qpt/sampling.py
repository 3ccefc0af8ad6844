"""Where training geometries come from. A sampler is a pure function of a seed and an index."""

import contextlib
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from scipy.spatial.transform import Rotation

from qptlab.molecule import Molecule

TRAIN, VALIDATION = "train", "validation"
_STREAM = {TRAIN: 0, VALIDATION: 1}


@runtime_checkable
class Sampler(Protocol):
    """Gives geometry number `index` of a split; the same arguments give the same geometry."""

    molecule: Molecule

    def __call__(self, split: str, seed: int, index: int) -> Molecule:
        """A geometry for "train" or "validation"; the two never share one."""


@dataclass(frozen=True)
class Wiggle:
    """Every atom moved by Gaussian noise of width `sigma` (bohr), then the molecule turned."""

    molecule: Molecule
    sigma: float = 0.05

    def __post_init__(self):
        if not np.isfinite(self.sigma) or self.sigma < 0:
            raise ValueError(f"sigma {self.sigma!r}; expected a number of bohr, 0 or more")

    def __call__(self, split: str, seed: int, index: int) -> Molecule:
        rng = np.random.default_rng([seed, _STREAM[split], index])
        for _ in range(100):
            noise = self.sigma * rng.normal(size=self.molecule.positions.shape)
            with contextlib.suppress(ValueError):  # atoms on top of each other: draw again
                return _turned(self.molecule.with_positions(self.molecule.positions + noise), rng)
        raise ValueError(f"sigma {self.sigma} bohr puts atoms of {self.molecule} on each other")


@dataclass(frozen=True)
class Frames:
    """Geometries of a trajectory, turned at random; the last fifth is kept for validation."""

    frames: tuple[Molecule, ...]

    def __post_init__(self):
        if len(self.frames) < 2:
            raise ValueError(
                f"{len(self.frames)} frame given; at least 2 are needed, "
                "one to train on and one to validate with"
            )
        kinds = {(frame.symbols, frame.charge, frame.spin) for frame in self.frames}
        if len(kinds) > 1:
            raise ValueError("frames of different molecules given; expected one molecule")

    @property
    def molecule(self) -> Molecule:
        """The first frame."""
        return self.frames[0]

    def __call__(self, split: str, seed: int, index: int) -> Molecule:
        rng = np.random.default_rng([seed, _STREAM[split], index])
        n_train = len(self.frames) - max(1, len(self.frames) // 5)
        if split == TRAIN:
            return _turned(self.frames[rng.integers(n_train)], rng)
        held_out = self.frames[n_train:]
        return _turned(held_out[index % len(held_out)], rng)


def wiggle(molecule: Molecule, sigma: float = 0.05) -> Wiggle:
    """Geometries around a molecule: Gaussian noise of `sigma` bohr on every atom, random turns.

    0.05 bohr is about what 300 K does to an O–H bond.

    >>> from qptlab import molecule, wiggle
    >>> wiggle(molecule("water"), sigma=0.05)("train", seed=0, index=3)
    Molecule(H2O, 3 atoms, 10 electrons, charge 0)
    """
    return Wiggle(molecule, sigma)


def _turned(molecule: Molecule, rng: np.random.Generator) -> Molecule:
    rotation = Rotation.random(rng=rng).as_matrix()
    return molecule.with_positions(molecule.positions @ rotation.T)
