"""Nuclear derivatives of the overlap, the core Hamiltonian and the repulsion of the nuclei.

libcint differentiates an orbital with respect to the electron, ⟨∇μ|…|ν⟩; moving the orbital's
nucleus is the opposite, hence the minus signs.
"""

import numpy as np
from jaxtyping import Float

from qptlab.dft.nuclear.atoms import atom_of_orbital, sum_by_atom
from qptlab.types import Gradient, HostMatrix


def overlap_vjp(mol, bar: HostMatrix) -> Gradient:
    """Σ bar_μν dS_μν/dR for `int1e_ovlp`; `bar` need not be symmetric."""
    return _orbitals_move(mol, mol.intor("int1e_ipovlp"), bar)


def h_core_vjp(mol, bar: HostMatrix) -> Gradient:
    """Σ bar_μν dh_μν/dR of kinetic energy, nuclear attraction and core potentials.

    Both the orbitals and the nuclei that attract them move. The latter follows from the former:
    moving everything together changes nothing.
    """
    has_core_potential = len(mol._ecpbas) > 0
    moved = mol.intor("int1e_ipkin") + mol.intor("int1e_ipnuc")
    if has_core_potential:
        moved += mol.intor("ECPscalar_ipnuc")
    gradient = _orbitals_move(mol, moved, bar)
    both = bar + bar.T
    with_core_potential = set(mol._ecpbas[:, 0]) if has_core_potential else set()
    for atom, charge in enumerate(mol.atom_charges()):
        with mol.with_rinv_at_nucleus(atom):
            attraction = -charge * mol.intor("int1e_iprinv")
            if atom in with_core_potential:
                attraction += mol.intor("ECPscalar_iprinv")
        gradient[atom] += attraction.reshape(3, -1) @ both.ravel()
    return gradient


def nuclear_repulsion_gradient(mol) -> Gradient:
    """dE_nuc/dR, hartree/bohr."""
    charge, position = mol.atom_charges(), mol.atom_coords()
    apart = position[:, None] - position
    distance = np.linalg.norm(apart, axis=-1)
    np.fill_diagonal(distance, np.inf)
    return -np.einsum("a,b,abx->ax", charge, charge, apart / distance[..., None] ** 3)


def _orbitals_move(mol, moved: Float[np.ndarray, "3 ao ao"], bar: HostMatrix) -> Gradient:
    """Σ bar_μν d⟨μ|o|ν⟩/dR at a fixed operator, from `moved` = ⟨∇μ|o|ν⟩."""
    per_orbital = -np.einsum("xij,ij->xi", moved, bar + bar.T)
    return sum_by_atom(per_orbital, atom_of_orbital(mol), mol.natm)
