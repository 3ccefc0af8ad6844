"""Labels: converged Fock matrices, and the supervised losses that compare a network with them.

They are what others train with, and here for comparison: how far a network's own matrix F0 + ΔF is
from the converged one, F*. A step costs no energy, and every geometry a converged calculation.
"""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qptlab.dft.density import canonical_orbitals
from qptlab.errors import InputError
from qptlab.molecule import Molecule
from qptlab.qpt.prepared import NetworkInputs
from qptlab.theory import Theory
from qptlab.types import Matrix, Scalar

LabelSource = Callable[[Molecule, Theory], np.ndarray]
"""(molecule, theory) → converged Fock matrix, (ao, ao), hartree."""


class Label(eqx.Module):
    """A converged Fock matrix and its orbitals' energies, in hartree, with the orbitals."""

    fock: Matrix
    mo_energy: Float[Array, " mo"]
    mo_coeff: Float[Array, "ao mo"]
    n_occ: int = eqx.field(static=True)


def label(fock: np.ndarray, inputs: NetworkInputs) -> Label:
    """The label that a Fock matrix makes for a geometry.

    Raises:
        InputError: a matrix of another shape than the overlap's, or with elements not finite.
    """
    fock, overlap = jnp.asarray(fock, dtype=float), inputs.matrices.overlap
    if fock.shape != overlap.shape or not jnp.isfinite(fock).all():
        raise InputError(
            f"a label is a finite {overlap.shape[0]} × {overlap.shape[1]} Fock matrix here; "
            f"labels= gave one of shape {fock.shape}"
        )
    mo_energy, mo_coeff = canonical_orbitals(fock, overlap)
    return Label(fock, jnp.asarray(mo_energy), jnp.asarray(mo_coeff), inputs.n_occ)


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
