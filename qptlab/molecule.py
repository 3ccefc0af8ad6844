"""Molecules: what every calculation starts from, checked at the door."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase.data import atomic_numbers, chemical_symbols

from qptlab.errors import InputError, quoted
from qptlab.units import ANGSTROM_PER_BOHR

Source = str | os.PathLike
CLOSEST_ATOMS = 0.3
"""Atoms nearer than this (bohr) are a mistake in the input, not a molecule."""


@dataclass(frozen=True, eq=False)
class Molecule:
    """Atoms at fixed positions, with a total charge and spin.

    Args:
        symbols: element symbols, one per atom.
        positions: (atom, 3), bohr.
        charge: total charge in units of the elementary charge.
        spin: unpaired electrons, n_α − n_β as in PySCF; above 0, every calculation is unrestricted.

    Raises:
        InputError: an unknown element, positions of the wrong shape or not finite, two atoms on
            top of each other, or a charge or spin that no molecule of so many electrons has.

    >>> Molecule(("H", "F"), [[0, 0, 0], [0, 0, 1.73]])
    Molecule(FH, 2 atoms, 10 electrons, charge 0)
    """

    symbols: tuple[str, ...]
    positions: np.ndarray
    charge: int = 0
    spin: int = 0

    def __post_init__(self):
        symbols = tuple(element(symbol) for symbol in self.symbols)
        positions = np.array(self.positions, dtype=float) + 0.0  # −0.0 is 0.0: hashes agree
        if not symbols:
            raise InputError("a molecule needs at least one atom; got none")
        if positions.shape != (len(symbols), 3):
            raise InputError(
                f"positions of shape {positions.shape} for {len(symbols)} atoms; "
                f"expected ({len(symbols)}, 3), in bohr"
            )
        if not np.isfinite(positions).all():
            raise InputError(f"positions must be finite numbers; got {positions.tolist()}")
        charge, spin = _whole(self.charge), _whole(self.spin)
        if charge is None:
            raise InputError(f"charge must be a whole number; got {quoted(self.charge)}")
        if spin is None or spin < 0:
            raise InputError(
                "spin, the number of unpaired electrons, must be a whole number, 0 or more; "
                f"got {quoted(self.spin)}"
            )
        electrons = sum(atomic_numbers[symbol] for symbol in symbols)
        if charge > electrons:
            raise InputError(f"charge {charge} for {electrons} electrons; at most {electrons}")
        _check_distances(symbols, positions)
        positions.flags.writeable = False
        checked = {"symbols": symbols, "positions": positions, "charge": charge, "spin": spin}
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def numbers(self) -> tuple[int, ...]:
        """Atomic numbers, one per atom."""
        return tuple(atomic_numbers[symbol] for symbol in self.symbols)

    @property
    def n_electrons(self) -> int:
        """Number of electrons, those of the cores included."""
        return sum(self.numbers) - self.charge

    @property
    def formula(self) -> str:
        """Chemical formula in Hill order, for example C2H6O."""
        counts = Counter(self.symbols)
        carbon_first = [s for s in ("C", "H") if s in counts] if "C" in counts else []
        order = carbon_first + sorted(set(counts) - set(carbon_first))
        return "".join(s + (str(counts[s]) if counts[s] > 1 else "") for s in order)

    @property
    def positions_angstrom(self) -> np.ndarray:
        """(atom, 3), ångström."""
        return self.positions * ANGSTROM_PER_BOHR

    def with_positions(self, positions: np.ndarray) -> "Molecule":
        """The same atoms elsewhere; positions (atom, 3) in bohr."""
        return replace(self, positions=positions)

    def __eq__(self, other):
        if not isinstance(other, Molecule):
            return NotImplemented
        return (
            self.symbols == other.symbols
            and (self.charge, self.spin) == (other.charge, other.spin)
            and np.array_equal(self.positions, other.positions)
        )

    def __hash__(self):
        return hash((self.symbols, self.charge, self.spin, self.positions.tobytes()))

    def __repr__(self):
        spin = f", spin {self.spin}" if self.spin else ""
        return (
            f"Molecule({self.formula}, {len(self.symbols)} atoms, "
            f"{self.n_electrons} electrons, charge {self.charge}{spin})"
        )


def to_xyz(molecule: Molecule, comment: str = "") -> str:
    """The molecule as one .xyz frame (ångström)."""
    rows = [
        f"{symbol:<2s} {x:18.12f} {y:18.12f} {z:18.12f}"
        for symbol, (x, y, z) in zip(molecule.symbols, molecule.positions_angstrom, strict=True)
    ]
    return "\n".join([str(len(rows)), " ".join(comment.splitlines()), *rows]) + "\n"


def _whole(number: object) -> int | None:
    """The whole number that this is, or None."""
    try:
        return int(number) if int(number) == number else None
    except (TypeError, ValueError, OverflowError):  # text, nan, inf
        return None


def element(symbol: str) -> str:
    """The element's symbol, from one in any case or an atomic number.

    Raises:
        InputError: no such element.
    """
    written = str(symbol).strip()
    if written.isdigit() and 0 < int(written) < len(chemical_symbols):
        return chemical_symbols[int(written)]
    if atomic_numbers.get(written.capitalize(), 0) < 1:
        raise InputError(f"unknown element {quoted(symbol)}; give a symbol such as H, C or Cl")
    return written.capitalize()


def _check_distances(symbols: Sequence[str], positions: np.ndarray) -> None:
    if len(symbols) < 2:
        return
    from scipy.spatial import cKDTree  # takes a while, and not every process has a molecule

    # a tree, because all pairs of a large molecule would not fit in memory
    distances, neighbours = cKDTree(positions).query(positions, k=2)
    i = int(distances[:, 1].argmin())
    if distances[i, 1] < CLOSEST_ATOMS:
        i, j = sorted((i, int(next(n for n in neighbours[i] if n != i))))
        raise InputError(
            f"atoms {i + 1} ({symbols[i]}) and {j + 1} ({symbols[j]}) are "
            f"{np.linalg.norm(positions[i] - positions[j]) * ANGSTROM_PER_BOHR:.3f} Å apart; "
            f"at least {CLOSEST_ATOMS * ANGSTROM_PER_BOHR:.2f} Å are allowed"
        )
