"""Files of other programs: .pdb, by ASE's reader, and Gaussian's input, .gjf or .com."""

import io
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from qptlab.errors import InputError, quoted
from qptlab.molecule import element
from qptlab.reading.comments import said_in
from qptlab.reading.frame import Frame, made, real, refuse_dummy
from qptlab.reading.said import Said, with_atoms

if TYPE_CHECKING:
    from ase import Atoms

ATOM_RECORDS = ("ATOM  ", "HETATM")
NO_CELL = 1.0
"""Å; the edge of the cell that files of molecules have where the format asks for one."""


def pdb_frames(text: str, charge: int | None, spin: int | None) -> Iterator[Frame]:
    """Every model of a .pdb text; the charge is the sum of columns 79 and 80.

    Raises:
        InputError: a crystal, disorder (occupancies, alternate locations), atoms without an
            element or three coordinates, or a structure without hydrogens.
    """
    from ase.io.proteindatabank import read_proteindatabank

    rows = [line.ljust(80) for line in text.splitlines() if line.startswith(ATOM_RECORDS)]
    if not rows:
        raise InputError("no ATOM or HETATM record; expected a .pdb file")
    for line in text.splitlines():
        if line.startswith("CRYST1") and any(abs(edge) > NO_CELL for edge in _edges(line)):
            raise InputError(
                f"periodic, by its line {quoted(line.strip())}; only molecules are computed"
            )
    for row in rows:
        if row[16] != " ":
            raise InputError(f"disordered: {quoted(row.strip())} is an alternate location")
        if row[54:60].strip() and row[54:60].strip() not in (
            "1.00",
            "1.0",
            "1",
            "0.00",
            "0.0",
            "0",
        ):
            raise InputError(f"disordered: {quoted(row.strip())} has an occupancy below 1")
        try:
            refuse_dummy(int(row[6:11]), row[76:78])
            element(row[76:78])
        except ValueError:
            raise InputError(
                f"{quoted(row.strip())} names no element in columns 77 and 78"
            ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            models = read_proteindatabank(io.StringIO(text), index=slice(None))
        except (ValueError, IndexError, KeyError) as error:
            raise InputError(f"not a .pdb file that ASE can read: {error}") from None
    charges = [_pdb_charge(row) for row in rows]
    at = 0
    for number, atoms in enumerate(models, start=1):
        here, at = slice(at, at + len(atoms)), at + len(atoms)
        symbols = list(atoms.symbols)
        if "H" not in symbols and "C" in symbols and any(r.startswith("ATOM") for r in rows[here]):
            raise InputError("a structure without hydrogens; add them")
        try:
            said = Said(sum(charges[here]) if any(charges[here]) else None)
            yield Frame(made(symbols, atoms.positions, said, charge, spin))
        except InputError as error:
            raise InputError(f"{f'model {number}: ' if len(models) > 1 else ''}{error}") from None


def gaussian_frames(text: str, charge: int | None, spin: int | None) -> Iterator[Frame]:
    """The molecule of a Gaussian input with Cartesian coordinates.

    Raises:
        InputError: several jobs, layers, fragments, a Z-matrix, periodic boundaries, ghosts, or
            lines that are not as the format asks.
    """
    lines = [line.partition("!")[0].rstrip() for line in text.splitlines()]
    if any(line.strip().lower() == "--link1--" for line in lines):
        raise InputError("several jobs in one Gaussian input; expected one")
    sections = "\n".join(line for line in lines if not line.startswith("%")).strip().split("\n\n")
    if len(sections) < 3 or not sections[0].startswith("#"):
        raise InputError(
            "a Gaussian input has a route (#), a title and a molecule, parted by lines"
        )
    route, title, (state, *rows) = sections[0].lower(), sections[1], sections[2].split("\n")
    numbers = re.fullmatch(r"\s*([+-]?\d+)[\s,]+(\d+)\s*", state)
    if not numbers or int(numbers[2]) < 1:
        raise InputError(f"expected charge and multiplicity; got {quoted(state)}")
    if not rows:
        raise InputError("no atoms; geometries of a checkpoint file are not read")
    in_bohr = re.search(r"units?\s*=\s*\(?[^)\s]*(?:au|bohr)", route) is not None
    symbols, positions = zip(
        *(_gaussian_atom(row, i) for i, row in enumerate(rows, 1)), strict=True
    )
    said = Said(int(numbers[1]), int(numbers[2]) - 1, in_bohr)
    yield Frame(made(symbols, np.array(positions), said, charge, spin), title)


def from_ase(atoms: "Atoms", charge: int | None = None, spin: int | None = None) -> Frame:
    """The molecule of an `ase.Atoms`: charge and spin of `info`, or of initial charges and moments.

    Raises:
        InputError: periodic boundaries, ghosts, words in `info` that are not understood.
    """
    if np.any(atoms.pbc):
        raise InputError(f"periodic: pbc is {atoms.pbc.tolist()}; only molecules are computed")
    single = (str, int, float, np.integer, np.floating)
    words = " ".join(f"{key}={v}" for key, v in atoms.info.items() if isinstance(v, single))
    said = with_atoms(said_in(words, charge, spin), atoms.arrays, charge, spin)
    return Frame(
        made(list(atoms.symbols), atoms.positions, said, charge, spin), words, dict(atoms.info)
    )


def _gaussian_atom(row: str, number: int) -> tuple[str, list[float]]:
    label, *words = row.replace(",", " ").split() or [""]
    refuse_dummy(number, label)
    if len(words) == 4 and re.fullmatch(r"0|-\d+", words[0]):  # which atoms an optimisation moves
        words = words[1:]
    try:
        if "fragment" in label.lower():
            raise ValueError
        symbol = element(re.match(r"\d+|[A-Za-z]{1,2}", label)[0])
        position = [real(word) for word in words]
        if len(position) != 3:
            raise ValueError
    except (ValueError, TypeError):
        raise InputError(
            f"atom {number}: expected an element and three Cartesian coordinates; "
            f"got {quoted(row.strip())}"
        ) from None
    return symbol, position


def _edges(line: str) -> list[float]:
    try:
        return [float(word) for word in (line[6:15], line[15:24], line[24:33])]
    except ValueError:
        return [np.inf]


def _pdb_charge(row: str) -> int:
    written = row[78:80].strip()
    if not written:
        return 0
    if not re.fullmatch(r"\d[+-]|[+-]\d", written):
        raise InputError(f"charge is not understood from {quoted(row.strip())}")
    return int(written[::-1] if written[0].isdigit() else written)
