"""Labels: converged Fock matrices, and the supervised losses that compare a network with them.

They are what others train with, and here for comparison: how far a network's own matrix F0 + ΔF is
from the converged one, F*. A step costs no energy, and every geometry a converged calculation.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from qptlab.dft.density import canonical_orbitals, occupied_empty
from qptlab.dft.ladder import EMPTY_LEVEL, filled_up, of_molecule
from qptlab.errors import InputError
from qptlab.molecule import Molecule
from qptlab.qpt.prepared import NetworkInputs
from qptlab.theory import Theory
from qptlab.types import Matrix, Scalar

LabelSource = Callable[[Molecule, Theory], np.ndarray]
"""(molecule, theory) → converged Fock matrix, (ao, ao), hartree."""


class Label(eqx.Module):
    """A converged Fock matrix and its orbitals' energies, in hartree, with the orbitals.

    Attributes:
        occupation: (occ,), ones for the filled orbitals. n_ao: number of orbitals of the molecule.
    """

    fock: Matrix
    mo_energy: Float[Array, " mo"]
    mo_coeff: Float[Array, "ao mo"]
    occupation: Float[Array, " occ"]
    n_ao: Int[Array, ""]


def label(fock: np.ndarray, inputs: NetworkInputs) -> Label:
    """The label that a Fock matrix makes for a geometry.

    Raises:
        InputError: a matrix of another shape than the overlap's, or with elements not finite.
    """
    fock, overlap = np.asarray(fock, dtype=float), inputs.matrices.overlap
    n, own = len(overlap), of_molecule(overlap, inputs.shells)
    if fock.shape != own.shape or not np.isfinite(fock).all():
        raise InputError(
            f"a label is a finite {len(own)} × {len(own)} Fock matrix here; "
            f"labels= gave one of shape {fock.shape}"
        )
    mo_energy, mo_coeff = canonical_orbitals(fock, own)
    longer = np.pad(mo_energy, (0, n - len(own)), constant_values=EMPTY_LEVEL)
    return Label(
        fock=filled_up(fock, n, EMPTY_LEVEL),
        mo_energy=jax.device_put(longer),
        mo_coeff=filled_up(mo_coeff, n),
        occupation=inputs.occupation,
        n_ao=jax.device_put(np.int32(len(own))),
    )


def hamiltonian_error(fock: Matrix, label: Label) -> Scalar:
    """Mean |F − F*| over all elements between atomic orbitals, hartree.

    Most of what it sees is between empty orbitals, where it changes no density.

    Source: Schütt et al., Nat. Commun. 10, 5024 (2019); Yu et al., ICML 2023 (QHNet).
    """
    return jnp.sum(jnp.abs(fock - label.fock)) / label.n_ao**2


def coupling_error(fock: Matrix, label: Label) -> Scalar:
    """2 Σ_ia F_ai²/(ε_a − ε_i) ≥ 0 in the label's own orbitals, hartree.

    Only what turns filled orbitals (i) into empty ones (a) counts: F*_ai = 0. To second order this
    is how far the energy that F leads to is above its minimum, F's response left out.

    Source: of comparing in the label's orbitals, Li et al., ICLR 2025 (wavefunction alignment).
    """
    pairs, n_occ = occupied_empty(label.occupation, len(fock)), len(label.occupation)
    gap = jnp.where(pairs, label.mo_energy[:, None] - label.mo_energy[None, :n_occ], 1.0)
    coupling = label.mo_coeff.T @ fock @ label.mo_coeff[:, :n_occ]
    return 2 * jnp.sum(jnp.where(pairs, coupling**2 / gap, 0.0))
