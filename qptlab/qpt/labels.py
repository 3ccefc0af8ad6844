"""Labels: converged Fock matrices, which supervised training is given and ours does without."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qptlab.dft.density import canonical_orbitals
from qptlab.dft.integrals import Integrals
from qptlab.molecule import Molecule
from qptlab.theory import Theory

LabelSource = Callable[[Molecule, Theory], np.ndarray]
"""(molecule, theory) → converged Fock matrix, (ao, ao), hartree."""


class Label(eqx.Module):
    """A converged Fock matrix with its orbitals.

    Attributes:
        fock: (ao, ao), hartree.
        mo_energy, mo_coeff: (mo,) in hartree and (ao, mo), of `fock`.
        n_occ: number of filled orbitals.
    """

    fock: Float[Array, "ao ao"]
    mo_energy: Float[Array, " mo"]
    mo_coeff: Float[Array, "ao mo"]
    n_occ: int = eqx.field(static=True)


def label(fock: np.ndarray, integrals: Integrals) -> Label:
    """The label that a Fock matrix makes for a geometry.

    Raises:
        ValueError: a matrix of another shape than the overlap's, or with elements not finite.
    """
    fock, overlap = jnp.asarray(fock, dtype=float), integrals.overlap
    if fock.shape != overlap.shape or not jnp.isfinite(fock).all():
        raise ValueError(
            f"a label is a finite {overlap.shape[0]} × {overlap.shape[1]} Fock matrix here; "
            f"labels= gave one of shape {fock.shape}"
        )
    mo_energy, mo_coeff = canonical_orbitals(fock, overlap)
    return Label(fock, jnp.asarray(mo_energy), jnp.asarray(mo_coeff), integrals.n_occ)
