"""Dihedral scans: the angle goes round, and nothing else changes."""

import numpy as np
import pytest
from geometries import distorted, linear

from qptlab.dft.surface import ase_atoms
from qptlab.library import molecule
from qptlab.molecule import Molecule
from qptlab.qpt.sampling import dihedral_scan


def bonded(mol: Molecule, atom: int) -> list[int]:
    """Neighbours within 3 bohr: any bond of these molecules."""
    distances = np.linalg.norm(mol.positions - mol.positions[atom], axis=1)
    return [i for i, distance in enumerate(distances) if 0 < distance < 3.0]


def chain(mol: Molecule, j: int, k: int) -> tuple[int, int, int, int]:
    return (
        next(i for i in bonded(mol, j) if i != k),
        j,
        k,
        next(i for i in bonded(mol, k) if i != j),
    )


@pytest.mark.parametrize("ends", ["C O", "O C"])
def test_a_methanol_hydrogen_goes_round(ends):
    mol = distorted("methanol", charge=2)
    four = chain(mol, *(mol.symbols.index(symbol) for symbol in ends.split()))
    scan = dihedral_scan(mol, four, steps=9)
    angles = np.array([ase_atoms(m).get_dihedral(*four) for m in scan])
    np.testing.assert_allclose((angles - angles[0]) % 360, 40.0 * np.arange(9), atol=1e-8)
    assert scan[0] == mol and all(m.charge == 2 for m in scan)
    # only the hydrogen at the oxygen moves, on its circle
    moved = np.abs(scan[4].positions - mol.positions).max(axis=1) > 1e-8
    oxygen, hydrogen = mol.symbols.index("O"), int(np.flatnonzero(moved)[0])
    assert moved.sum() == 1 and mol.symbols[hydrogen] == "H"
    for m in scan:
        length, before = (
            np.linalg.norm(x.positions[hydrogen] - x.positions[oxygen]) for x in (m, mol)
        )
        assert length == pytest.approx(before, abs=1e-10)


@pytest.mark.parametrize(
    "mol, four, message",
    [
        (molecule("benzene"), None, "is part of a ring and cannot be turned"),
        (molecule("water"), (0, 1, 2, 3), "expected four different indices from 0 to 2"),
        (molecule("ethane"), (0, 1, 0, 1), "expected four different indices from 0 to 7"),
        (molecule("ethane"), (0, 1), r"four_atoms \(0, 1\); expected four"),
        (molecule("hydrogen-peroxide"), (0, 2, 1, 3), "are not bonded; expected a chain"),
        (linear("H", "C", "C", "H", distance=2.1), (0, 1, 2, 3), "are in a line"),
    ],
    ids=["ring", "outside", "twice", "two", "not bonded", "straight"],
)
def test_what_cannot_be_turned_is_refused(mol, four, message):
    if four is None:
        four = chain(mol, 0, next(i for i in bonded(mol, 0) if mol.symbols[i] == "C"))
    with pytest.raises(ValueError, match=message):
        dihedral_scan(mol, four)
    with pytest.raises(ValueError, match="steps 0; expected"):
        dihedral_scan(mol, four, steps=0)
