"""What a result says about its own accuracy: the cases in which a converged energy is far off."""

import re

import numpy as np

from qptlab.dft import xc
from qptlab.dft.basis_sets import core_potential
from qptlab.molecule import Molecule
from qptlab.theory import Theory
from qptlab.types import HostMatrix

SMALLEST_OVERLAP = 1e-6
"""Eigenvalue of S below which PySCF drops orbitals; we keep them: H6 differs by 1e-5 to 2e-4 Ha."""
HEAVIEST_WITHOUT_RELATIVITY = 36
LIGHTEST_RECONTRACTED = 21
"""Scandium, from which on relativistic contractions put the 1s electrons 1 hartree off or more."""
LARGEST_FOR_COARSE_TAU = 10
_RELATIVISTIC = re.compile(r"ano(rcc)?|.*dk(h|3)?|sarcdkh")


def remarks(molecule: Molecule, theory: Theory, overlap: HostMatrix) -> str:
    """Sentences on what limits the accuracy of an energy, each after a blank; usually none."""
    found = [_grid(molecule, theory), _heavy(molecule, theory), _dependent(overlap)]
    return "".join(f" {sentence}" for sentence in found if sentence)


def _grid(molecule: Molecule, theory: Theory) -> str:
    """Measured against level 6: level 0 errs by 0.2 to 37 mHa per atom; level 1 by 0.1, but τ."""
    needs = xc.functional(theory.xc).needs
    if needs == "none":
        return ""
    if theory.grid == 0:
        return "Grid level 0 is millihartrees per atom off; use 1 or finer."
    if needs == "tau" and theory.grid == 1 and max(molecule.numbers) > LARGEST_FOR_COARSE_TAU:
        return f"{theory.xc} beyond neon is a millihartree off on grid level 1; use 2 or finer."
    return ""


def _heavy(molecule: Molecule, theory: Theory) -> str:
    """Elements whose inner electrons would need a relativistic Hamiltonian."""
    bare = {
        element: number
        for element, number in zip(molecule.symbols, molecule.numbers, strict=True)
        if not core_potential(theory.basis, element)
    }
    heavy = [e for e, number in bare.items() if number > HEAVIEST_WITHOUT_RELATIVITY]
    if heavy:
        return (
            f"All electrons of {', '.join(heavy)} are here, without relativity, which moves bonds "
            "and levels; a basis set with a core potential takes it in."
        )
    other = [e for e, number in bare.items() if number >= LIGHTEST_RECONTRACTED]
    if other and _RELATIVISTIC.fullmatch(re.sub(r"[-_\s]|@.*", "", theory.basis.lower())):
        return (
            f"{theory.basis} is contracted for a relativistic Hamiltonian: without it the total "
            f"energy of {', '.join(other)} is a hartree or more too high; use cc-pvdz or def2-svp."
        )
    return ""


def _dependent(overlap: HostMatrix) -> str:
    """Basis functions that nearly repeat each other."""
    smallest = np.linalg.eigvalsh(overlap)[0]
    if smallest > SMALLEST_OVERLAP:
        return ""
    return (
        f"Basis functions nearly repeat each other (smallest eigenvalue of S {smallest:.1e}): "
        "the energy is unsure by 1e-5 hartree or more; use a basis without diffuse functions."
    )
