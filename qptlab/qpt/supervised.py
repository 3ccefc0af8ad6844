"""Supervised losses: how far a network's own matrix F0 + ΔF is from the converged one, F*.

They are what others train with, and here for comparison. A step costs no energy, and every
geometry a converged calculation.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from qptlab.qpt.labels import Label

Scalar = Float[Array, ""]
Matrix = Float[Array, "ao ao"]


def hamiltonian_error(fock: Matrix, label: Label) -> Scalar:
    """Mean |F − F*| over all elements between atomic orbitals, hartree.

    Most of what it sees is between empty orbitals, where it changes no density.

    Source: Schütt et al., Nat. Commun. 10, 5024 (2019); Yu et al., ICML 2023 (QHNet).
    """
    return jnp.mean(jnp.abs(fock - label.fock))


def coupling_error(fock: Matrix, label: Label) -> Scalar:
    """2 Σ_ia F_ai²/(ε_a − ε_i) ≥ 0 in the label's own orbitals, hartree.

    Only what turns filled orbitals (i) into empty ones (a) counts: F*_ai = 0. To second order this
    is how far the energy that F leads to is above its minimum, F's response left out.

    Source: of comparing in the label's orbitals, Li et al., ICLR 2025 (wavefunction alignment).
    """
    n_occ = label.n_occ
    filled, empty = label.mo_coeff[:, :n_occ], label.mo_coeff[:, n_occ:]
    gap = label.mo_energy[n_occ:, None] - label.mo_energy[None, :n_occ]
    return 2 * jnp.sum((empty.T @ fock @ filled) ** 2 / gap)


SUPERVISED = {"hamiltonian": hamiltonian_error, "coupling": coupling_error}
