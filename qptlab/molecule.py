"""Molecules: what every calculation starts from, checked at the door."""

import functools
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers, chemical_symbols

from qptlab.errors import InputError, MissingFile
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
            top of each other, or a charge or spin that no molecule has.

    >>> Molecule(("H", "F"), [[0, 0, 0], [0, 0, 1.73]])
    Molecule(FH, 2 atoms, 10 electrons, charge 0)
    """

    symbols: tuple[str, ...]
    positions: np.ndarray
    charge: int = 0
    spin: int = 0

    def __post_init__(self):
        symbols = tuple(_element(symbol) for symbol in self.symbols)
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
            raise InputError(f"charge must be a whole number; got {self.charge!r}")
        if spin is None or spin < 0:
            raise InputError(
                "spin, the number of unpaired electrons, must be a whole number, 0 or more; "
                f"got {self.spin!r}"
            )
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


def molecule(name: str, charge: int = 0, spin: int | None = None) -> Molecule:
    """A molecule of the library, by name or formula.

    Args:
        name: for example "water", "ethanol" or "N2"; upper and lower case are the same.
        charge: total charge.
        spin: unpaired electrons; by default those of the neutral molecule's ground state, 2 for
            oxygen.

    Raises:
        InputError: no molecule of that name.

    >>> molecule("water")
    Molecule(H2O, 3 atoms, 10 electrons, charge 0)
    """
    found = next((mol for names, mol in _library() if _key(name) in names), None)
    if found is None:
        raise InputError(f"unknown molecule {name!r}; known: {', '.join(library_names())}")
    return Molecule(found.symbols, found.positions, charge, found.spin if spin is None else spin)


def library_names() -> list[str]:
    """Names that `molecule` knows, smallest molecule first."""
    return [names[0] for names, _ in _library()]


def from_xyz(source: Source, charge: int | None = None, spin: int = 0) -> Molecule:
    """The molecule of an .xyz file or text (ångström); the first frame of several.

    The charge is by default that of `charge=…` in the frame's comment line, else 0.

    Raises:
        InputError: a line that is not as the format asks, with its number.
        MissingFile: no such file.

    >>> from_xyz('''2
    ... hydrogen fluoride
    ... H 0 0 0
    ... F 0 0 0.917''')
    Molecule(FH, 2 atoms, 10 electrons, charge 0)
    """
    return frames_from_xyz(source, charge, spin)[0]


def frames_from_xyz(source: Source, charge: int | None = None, spin: int = 0) -> list[Molecule]:
    """Every frame of an .xyz file or text (ångström), in order; otherwise as `from_xyz`."""
    return [mol for _, mol in commented_frames_from_xyz(source, charge, spin)]


def commented_frames_from_xyz(
    source: Source, charge: int | None = None, spin: int = 0
) -> list[tuple[str, Molecule]]:
    """Every frame with its comment line; otherwise as `frames_from_xyz`."""
    if isinstance(source, str) and "\n" in source:
        text, name = source, "xyz text"
    else:
        path = Path(source)
        name = str(path)
        if path.is_dir():
            raise InputError(f"{path} is a folder; expected an .xyz file")
        if not path.is_file():
            raise MissingFile(f"no such file: {path}")
        # comments come in every encoding, and nothing else may hold odd characters
        text = path.read_text(encoding="utf-8-sig", errors="replace")
        if "\0" in text:
            raise InputError(f"{name}: not a text file, so not an .xyz file")
    return _parse_xyz(text, name, charge, spin)


def to_xyz(molecule: Molecule, comment: str = "") -> str:
    """The molecule as one .xyz frame (ångström)."""
    rows = [
        f"{symbol:<2s} {x:18.12f} {y:18.12f} {z:18.12f}"
        for symbol, (x, y, z) in zip(molecule.symbols, molecule.positions_angstrom, strict=True)
    ]
    return "\n".join([str(len(rows)), comment.replace("\n", " "), *rows]) + "\n"


def _parse_xyz(text: str, name: str, charge: int | None, spin: int) -> list[tuple[str, Molecule]]:
    lines = text.rstrip().splitlines()
    if not lines:
        raise InputError(f"{name}: empty; an .xyz file starts with the number of atoms")
    frames, at = [], 0
    while at < len(lines):
        first = lines[at].strip()
        if frames and not first:  # some programs part frames by an empty line
            at += 1
            continue
        count = int(first) if first.isdecimal() else 0
        if count < 1:
            raise InputError(f"{name}, line {at + 1}: expected the number of atoms; got {first!r}")
        body = lines[at + 2 : at + 2 + count]
        if len(body) < count:
            raise InputError(f"{name}: {count} atoms announced, {len(body)} found")
        rows = [_parse_atom(row, f"{name}, line {at + 3 + i}") for i, row in enumerate(body)]
        symbols = tuple(symbol for symbol, _ in rows)
        positions = np.array([xyz for _, xyz in rows]) / ANGSTROM_PER_BOHR
        comment = lines[at + 1]
        try:
            noted = re.search(r"(?<!\S)charge=(\S+)", comment) if charge is None else None
            own = float(noted[1]) if noted else charge or 0
            frames.append((comment, Molecule(symbols, positions, own, spin)))
        except ValueError as error:
            raise InputError(f"{name}: {error}") from None
        at += 2 + count
    return frames


def _parse_atom(row: str, where: str) -> tuple[str, list[float]]:
    words = row.split()
    try:
        symbol = _element(words[0])
        xyz = [float(word) for word in words[1:4]]
        if len(xyz) < 3 or not np.isfinite(xyz).all():
            raise ValueError
    except (ValueError, IndexError):
        raise InputError(
            f"{where}: expected an element and three numbers in ångström; got {row.strip()!r}"
        ) from None
    return symbol, xyz


def _whole(number: object) -> int | None:
    """The whole number that this is, or None."""
    try:
        return int(number) if int(number) == number else None
    except (TypeError, ValueError, OverflowError):  # text, nan, inf
        return None


def _element(symbol: str) -> str:
    written = str(symbol).strip()
    if written.isdigit() and 0 < int(written) < len(chemical_symbols):
        return chemical_symbols[int(written)]
    if atomic_numbers.get(written.capitalize(), 0) < 1:
        raise InputError(f"unknown element {symbol!r}; give a symbol such as H, C or Cl")
    return written.capitalize()


def _check_distances(symbols: Sequence[str], positions: np.ndarray) -> None:
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    distances[np.diag_indices_from(distances)] = np.inf
    i, j = np.unravel_index(distances.argmin(), distances.shape)
    if distances[i, j] < CLOSEST_ATOMS:
        raise InputError(
            f"atoms {i + 1} ({symbols[i]}) and {j + 1} ({symbols[j]}) are "
            f"{distances[i, j] * ANGSTROM_PER_BOHR:.3f} Å apart; "
            f"at least {CLOSEST_ATOMS * ANGSTROM_PER_BOHR:.2f} Å are allowed"
        )


def _key(name: str) -> str:
    return str(name).strip().lower().replace(" ", "-").replace("_", "-")


@functools.cache
def _library() -> list[tuple[list[str], Molecule]]:
    """Molecules with their names and formula, which stand before the first bar of a comment line.

    Their unpaired electrons, where there are any, stand between bars: `| spin 2 |`.
    """
    found = []
    text = resources.files("qptlab").joinpath("library.xyz").read_text()
    for comment, mol in _parse_xyz(text, "library.xyz", None, 0):
        names = [_key(word) for word in comment.partition("|")[0].split()]
        spin = re.search(r"\| spin (\d+) \|", comment)
        found.append((names, replace(mol, spin=int(spin[1]) if spin else 0)))
    return found
