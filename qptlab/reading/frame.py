"""One frame as it was read, and the checks that every reader's atoms pass."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule
from qptlab.reading.said import Said
from qptlab.units import ANGSTROM_PER_BOHR

NEAREST, NEAREST_HYDROGEN, NEAREST_HYDROGENS = 0.58, 0.7, 0.7
"""Shares of the sum of covalent radii, of two heavy atoms and of a hydrogen and another, and
ångström of two hydrogens that other atoms hold: what is nearer is no molecule, stretched or
squeezed, but two in one place."""
BONDED = 1.3
"""Share of the sum of covalent radii up to which an atom holds a hydrogen."""
DUMMIES = {
    "x",
    "xx",
    "xe0",
    "du",
    "bq",
    "gh",
    "lp",
    "q",
    "*",
    "r",
    "r#",
    "a",
    "m",
    "nn",
    "z",
}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:(?:[eEdD]|\*\^)[+-]?\d+)?")
LATTICE_VECTORS = {"tv", "vec1", "vec2", "vec3"}


@dataclass(frozen=True, eq=False)
class Frame:
    """A molecule as its source has it.

    Attributes:
        comment: its comment line or title.
        info: what the comment says as key=value, by key.
    """

    molecule: Molecule
    comment: str = ""
    info: dict = field(default_factory=dict)


def made(
    symbols: Sequence[str],
    positions: np.ndarray,
    said: Said,
    charge: int | None = None,
    spin: int | None = None,
) -> Molecule:
    """The molecule of atoms that were read.

    Args:
        positions: (atom, 3), ångström, or bohr where `said` says so.
        charge, spin: instead of what the source says; 0 where neither says anything.

    Raises:
        InputError: a dummy or ghost atom, two molecules in one place, a spin that the electrons
            cannot have, or as `Molecule`.
    """
    for number, symbol in enumerate(symbols, start=1):
        refuse_dummy(number, symbol)
    scale = 1.0 if said.in_bohr else ANGSTROM_PER_BOHR
    molecule = Molecule(
        tuple(symbols),
        np.asarray(positions, dtype=float) / scale,
        (said.charge or 0) if charge is None else charge,
        (said.spin or 0) if spin is None else spin,
    )
    if spin is None and said.spin is not None:
        _check_spin(molecule)
    _check_apart(molecule)
    return molecule


def refuse_dummy(number: int, symbol: str) -> None:
    """Raise `InputError` for what stands for no atom, by name."""
    name = str(symbol).strip().lower()
    if name in LATTICE_VECTORS:
        raise InputError(
            f"periodic, by its row {number}, {quoted(symbol)}; only molecules are computed"
        )
    ghost = name.startswith(("@", "ghost", "bq-", "x-", "gh(")) or name.endswith(("-bq", ":", "_g"))
    if name in DUMMIES or name == "0" or ghost:
        raise InputError(
            f"atom {number} is {quoted(symbol)}, a dummy or ghost; only real atoms are computed"
        )


def real(word: str) -> float:
    """A number as Fortran and Mathematica write it too; not what only Python calls one.

    Raises:
        ValueError: no number.
    """
    if not _NUMBER.fullmatch(word):
        raise ValueError
    return float(re.sub(r"[dD]|\*\^", "e", word))


def _check_spin(molecule: Molecule) -> None:
    n, spin = molecule.n_electrons, molecule.spin
    if spin > n or (n - spin) % 2:
        raise InputError(
            f"{n} electrons in {molecule.formula} with charge {molecule.charge} cannot have the "
            f"spin {spin} (n_α − n_β) of the comment; write spin=N, the number of unpaired "
            "electrons, or multiplicity=N"
        )


def _check_apart(molecule: Molecule) -> None:
    """Raise `InputError` for two molecules in one place."""
    from scipy.spatial import cKDTree  # as in `qptlab.molecule`

    radii = covalent_radii[[atomic_numbers[symbol] for symbol in molecule.symbols]]
    light = np.array([symbol == "H" for symbol in molecule.symbols])
    tree = cKDTree(molecule.positions_angstrom)
    pairs = tree.query_pairs(BONDED * 2 * radii.max(), output_type="ndarray")
    if not len(pairs):
        return
    i, j = pairs.T
    apart = np.linalg.norm(tree.data[i] - tree.data[j], axis=1)
    sums = radii[i] + radii[j]
    hydrogens, with_hydrogen = light[i] & light[j], light[i] | light[j]
    held = np.zeros(len(light), bool)
    bonds = (apart < BONDED * sums) & ~hydrogens
    held[i[bonds]] = held[j[bonds]] = True
    nearest = np.where(with_hydrogen, NEAREST_HYDROGEN, NEAREST) * sums
    nearest = np.where(hydrogens, np.where(held[i] | held[j], NEAREST_HYDROGENS, 0.0), nearest)
    if (apart < nearest).any():
        k = np.argmin(apart - nearest)
        a, b = (f"{n + 1} ({molecule.symbols[n]})" for n in (i[k], j[k]))
        raise InputError(
            f"atoms {a} and {b} are {apart[k]:.3f} Å apart, nearer than any bond: two molecules in "
            f"one place? at least {nearest[k]:.2f} Å are allowed"
        )
