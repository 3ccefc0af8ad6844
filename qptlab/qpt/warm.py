"""Compiling before anybody asks: the rungs of the ladder that molecules up to a size lie on.

Rungs depend on how many atoms of each element a molecule has and not on where they are, so all
that are possible can be counted: for H, C, N, O, F in def2-svp 78 up to 12 atoms.
"""

import functools
import itertools
from collections import Counter
from collections.abc import Iterator

import numpy as np

from qptlab.dft.grid import padded
from qptlab.dft.ladder import Shape, rung
from qptlab.dft.mol import pyscf_mol, shells_of
from qptlab.dft.size import size
from qptlab.errors import InputError
from qptlab.molecule import Molecule
from qptlab.qpt.networks.base import Network
from qptlab.theory import Theory

BONDS = {"H": 1, "C": 4, "N": 3, "O": 2, "F": 1}
"""That an atom usually has; elements that are not here have rungs of their own."""
MOST_ATOMS = 60
MOST_FLUORINE = 3
MORE_THAN_CARBONS = 2
"""Atoms of N, O and F that a molecule may have besides one for each carbon."""
_LINE = np.arange(MOST_ATOMS)[:, None] * [0.0, 0.0, 4.0]


def rungs(network: Network, up_to: int) -> dict[Shape, Molecule]:
    """The shapes of closed-shell molecules of usual bonds up to so many atoms, smallest first.

    Each with a molecule that has it, whose atoms stand in a row.

    Args:
        up_to: most atoms, 1 to `MOST_ATOMS`.

    Raises:
        InputError: another number of atoms, or a network that knows none of the elements of
            `BONDS`.
    """
    if not 1 <= up_to <= MOST_ATOMS:
        raise InputError(f"up to {up_to} atoms; expected 1 to {MOST_ATOMS}")
    elements = [symbol for symbol in BONDS if symbol in network.made_for]
    if not elements:
        raise InputError(
            f"a network for {' '.join(network.made_for)}; those that can be compiled for "
            f"beforehand know some of {' '.join(BONDS)}"
        )
    found: dict[Shape, Molecule] = {}
    for counts in _formulas(elements, up_to):
        row = _in_a_row(counts)
        found.setdefault(rung(_shape(row, network)), row)
    return dict(sorted(found.items(), key=lambda pair: pair[0].n_ao))


def _formulas(elements: list[str], up_to: int) -> Iterator[Counter]:
    """How many atoms of each element a molecule may have, its bonds being the usual ones."""
    heavy = [symbol for symbol in elements if symbol != "H"]
    ranges = [range(min(up_to, MOST_FLUORINE) + 1 if s == "F" else up_to + 1) for s in heavy]
    for numbers in itertools.product(*ranges):
        counts, atoms = Counter(dict(zip(heavy, numbers, strict=True))), sum(numbers)
        if atoms > up_to or atoms - counts["C"] > counts["C"] + MORE_THAN_CARBONS:
            continue
        # saturated: two more hydrogens than the bonds that make a chain leave over
        free = sum((BONDS[s] - 2) * n for s, n in counts.items()) + 2
        most = min(max(free, 0), up_to - atoms) if "H" in elements else 0
        for hydrogens in range(most, -1, -1):
            if (free - hydrogens) % 2 == 0 and atoms + hydrogens:
                yield counts + Counter(H=hydrogens)


def _in_a_row(counts: Counter) -> Molecule:
    symbols = tuple(counts.elements())
    return Molecule(symbols, _LINE[: len(symbols)])


def _shape(molecule: Molecule, network: Network) -> Shape:
    """`integrals.shape_of` without making a grid."""
    theory = network.theory
    told = size(molecule, theory)
    return Shape(
        n_ao=told.n_ao,
        n_occ=told.n_occ,
        n_aux=told.n_aux,
        n_point=padded(told.n_grid),
        n_shell=told.n_shell,
        n_atom=len(molecule.symbols),
        widest=max(_widest(symbol, theory) for symbol in set(molecule.symbols)),
    )


@functools.cache
def _widest(symbol: str, theory: Theory) -> int:
    return shells_of(pyscf_mol(Molecule((symbol, symbol), _LINE[:2]), theory)).widest
