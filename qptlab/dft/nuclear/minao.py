"""Nuclear derivative of the `minao` starting density."""

import numpy as np
import scipy.linalg
from jaxtyping import Float

from qptlab.dft.minao import minimal_atoms
from qptlab.dft.nuclear.atoms import atom_of_orbital, sum_by_atom
from qptlab.dft.nuclear.one_electron import overlap_vjp


def minao_vjp(mol, bar: Float[np.ndarray, "ao ao"]) -> Float[np.ndarray, "atom 3"]:
    """Σ bar_μν dD_μν/dR of the density D that `minao_guess` returns.

    D = C n Cᵀ with C = S⁻¹ X, where X is the overlap with the minimal atoms.

    Raises:
        InputError: an element without a minimal basis.
    """
    from pyscf import gto

    minimal, occupation = minimal_atoms(mol)
    factor = scipy.linalg.cho_factor(mol.intor_symmetric("int1e_ovlp"))
    coeff = scipy.linalg.cho_solve(factor, gto.intor_cross("int1e_ovlp", mol, minimal))
    coeff_bar = (bar + bar.T) @ (coeff * occupation)
    cross_bar = scipy.linalg.cho_solve(factor, coeff_bar)
    # two orbitals of one overlap: moving both together changes nothing
    moved = gto.intor_cross("int1e_ipovlp", mol, minimal) * cross_bar
    return (
        overlap_vjp(mol, -cross_bar @ coeff.T)
        - sum_by_atom(moved.sum(2), atom_of_orbital(mol), mol.natm)
        + sum_by_atom(moved.sum(1), atom_of_orbital(minimal), mol.natm)
    )
