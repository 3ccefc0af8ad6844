"""Turning one part of a molecule about a bond."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from ase.neighborlist import natural_cutoffs, neighbor_list
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from qptlab.dft.surface import ase_atoms, from_ase
from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule

BOND_STRETCH = 1.2
"""Atoms nearer than this times the sum of their covalent radii are bonded."""
STRAIGHT_DEGREES = 5.0
"""Three atoms that are so nearly in a line have no dihedral angle."""


def dihedral_scan(molecule: Molecule, four_atoms: Sequence[int], steps: int = 12) -> list[Molecule]:
    """The molecule with one dihedral angle turned once around, in equal steps.

    The smaller part of the molecule turns about the bond of the two middle atoms; bond lengths
    and angles stay. The first geometry is the one given.

    Args:
        four_atoms: indices of atoms in a chain, from 0.
        steps: number of geometries; 12 are 30° apart.

    Raises:
        InputError: indices that are not those of a chain of bonded atoms, a middle bond that is
            part of a ring, three atoms in a line, or parts that run into each other.

    >>> import qptlab as ql
    >>> scan = ql.dihedral_scan(ql.molecule("hydrogen-peroxide"), (2, 0, 1, 3), steps=4)
    >>> len(scan)
    4
    """
    if int(steps) != steps or steps < 1:
        raise InputError(f"steps {quoted(steps)}; expected a whole number, 1 or more")
    chain, atoms = [int(index) for index in four_atoms], ase_atoms(molecule)
    if len(chain) != 4 or len(set(chain)) != 4 or not all(0 <= i < len(atoms) for i in chain):
        raise InputError(
            f"four_atoms {tuple(four_atoms)}; expected four different indices from 0 to "
            f"{len(atoms) - 1}"
        )
    bonds = np.zeros((len(atoms), len(atoms)), dtype=bool)
    bonds[neighbor_list("ij", atoms, natural_cutoffs(atoms, mult=BOND_STRETCH))] = True
    for a, b in pairwise(chain):
        if not bonds[a, b]:
            raise InputError(f"{_named(molecule, a, b)} are not bonded; expected a chain of four")
    for a, b, c in (chain[:3], chain[1:]):
        if abs(180 - atoms.get_angle(a, b, c)) < STRAIGHT_DEGREES:
            raise InputError(
                f"{_named(molecule, a, b, c)} are in a line, so there is no dihedral angle"
            )
    _, j, k, last = chain
    bonds[j, k] = bonds[k, j] = False
    _, part = connected_components(coo_array(bonds), directed=False)
    if part[j] == part[k]:
        raise InputError(
            f"the bond of {_named(molecule, j, k)} is part of a ring and cannot be turned"
        )
    moving = np.flatnonzero(part == part[last])
    if 2 * len(moving) > len(atoms):  # the same angle, seen from its other end
        chain, moving = chain[::-1], np.flatnonzero(part != part[last])
    start = atoms.get_dihedral(*chain)
    geometries = [molecule]
    for step in range(1, int(steps)):
        turned = atoms.copy()
        turned.set_dihedral(*chain, start + 360 * step / steps, indices=moving)
        geometries.append(from_ase(turned, molecule))
    return geometries


def _named(molecule: Molecule, *indices: int) -> str:
    names = [f"{index} ({molecule.symbols[index]})" for index in indices]
    return f"atoms {', '.join(names[:-1])} and {names[-1]}"
