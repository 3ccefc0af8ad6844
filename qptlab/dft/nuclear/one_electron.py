"""Nuclear derivatives of the one-electron matrices, the guess and the repulsion of the nuclei.

libcint differentiates an orbital with respect to the electron, ⟨∇μ|…|ν⟩; moving the orbital's
nucleus is the opposite, hence the minus signs.
"""

import numpy as np
import scipy.linalg
from jaxtyping import Float
from pyscf import gto

from qptlab.dft.minao import minimal_atoms
from qptlab.types import Gradient, HostMatrix


def sum_by_atom(
    mol, vectors: Float[np.ndarray, "3 item"], atom: np.ndarray | None = None
) -> Gradient:
    """(atom, 3): the sum of the vectors of each atom.

    Args:
        atom: (item,), whose they are; by default there is one for each orbital of `mol`.
    """
    if atom is None:
        slices = mol.aoslice_by_atom()
        atom = np.repeat(np.arange(mol.natm), slices[:, 3] - slices[:, 2])
    return np.stack([np.bincount(atom, weights=row, minlength=mol.natm) for row in vectors], axis=1)


def overlap_vjp(mol, bar: HostMatrix) -> Gradient:
    """Σ bar_μν dS_μν/dR for `int1e_ovlp`; `bar` need not be symmetric."""
    return _orbitals_move(mol, mol.intor("int1e_ipovlp"), bar)


def h_core_vjp(mol, bar: HostMatrix) -> Gradient:
    """Σ bar_μν dh_μν/dR of kinetic energy, nuclear attraction and core potentials.

    Both the orbitals and the nuclei that attract them move. The latter follows from the former:
    moving everything together changes nothing.
    """
    with_core_potential = {shell[0] for shell in mol._ecpbas}
    moved = mol.intor("int1e_ipkin") + mol.intor("int1e_ipnuc")
    if with_core_potential:
        moved += mol.intor("ECPscalar_ipnuc")
    gradient = _orbitals_move(mol, moved, bar)
    both = bar + bar.T
    for atom, charge in enumerate(mol.atom_charges()):
        with mol.with_rinv_at_nucleus(atom):
            attraction = -charge * mol.intor("int1e_iprinv")
            if atom in with_core_potential:
                attraction += mol.intor("ECPscalar_iprinv")
        gradient[atom] += attraction.reshape(3, -1) @ both.ravel()
    return gradient


def minao_vjp(mol, bar: HostMatrix) -> Gradient:
    """Σ bar_μν dD_μν/dR of the density D that `minao_guess` returns.

    D = C n Cᵀ with C = S⁻¹ X, where X is the overlap with the minimal atoms.

    Raises:
        InputError: an element without a minimal basis.
    """
    minimal, occupation = minimal_atoms(mol)
    factor = scipy.linalg.cho_factor(mol.intor_symmetric("int1e_ovlp"))
    coeff = scipy.linalg.cho_solve(factor, gto.intor_cross("int1e_ovlp", mol, minimal))
    coeff_bar = (bar + bar.T) @ (coeff * occupation)
    cross_bar = scipy.linalg.cho_solve(factor, coeff_bar)
    # two orbitals of one overlap: moving both together changes nothing
    moved = gto.intor_cross("int1e_ipovlp", mol, minimal) * cross_bar
    gradient = sum_by_atom(minimal, moved.sum(1)) - sum_by_atom(mol, moved.sum(2))
    return gradient + overlap_vjp(mol, -cross_bar @ coeff.T)


def nuclear_repulsion_gradient(mol) -> Gradient:
    """dE_nuc/dR, hartree/bohr."""
    charge, position = mol.atom_charges(), mol.atom_coords()
    apart = position[:, None] - position
    distance = np.linalg.norm(apart, axis=-1)
    np.fill_diagonal(distance, np.inf)
    return -np.einsum("a,b,abx->ax", charge, charge, apart / distance[..., None] ** 3)


def _orbitals_move(mol, moved: Float[np.ndarray, "3 ao ao"], bar: HostMatrix) -> Gradient:
    """Σ bar_μν d⟨μ|o|ν⟩/dR at a fixed operator, from `moved` = ⟨∇μ|o|ν⟩."""
    return sum_by_atom(mol, -np.einsum("xij,ij->xi", moved, bar + bar.T))
