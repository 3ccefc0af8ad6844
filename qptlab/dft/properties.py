"""How a molecule answers an electric field: dipole moment and polarizability."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qptlab.dft.compiling import jit
from qptlab.dft.implicit import self_consistent
from qptlab.dft.integrals import Integrals, dipole_integrals, integrals
from qptlab.dft.ladder import filled_up, rung
from qptlab.dft.results import ScfResult
from qptlab.errors import NotConverged
from qptlab.molecule import Molecule
from qptlab.theory import Theory
from qptlab.types import Vector


def dipole(molecule: Molecule, theory: Theory, dm: np.ndarray) -> Vector:
    """(3,): dipole moment in atomic units, about the origin of the coordinates as in PySCF."""
    by_electrons, by_nuclei = dipole_integrals(molecule, theory)
    total = np.asarray(dm) if np.ndim(dm) == 2 else np.sum(dm, axis=0)
    return by_nuclei - np.einsum("xij,ji->x", by_electrons, total)


def polarizability(result: ScfResult) -> Float[np.ndarray, "3 3"]:
    """α_xy = dμ_x/dE_y, (3, 3) in bohr³: how the dipole moment answers an electric field.

    The density's response is that of the converged equations (`self_consistent`), so no field
    needs to be applied.

    Raises:
        NotConverged: a result that is not converged.

    >>> import qptlab as ql
    >>> alpha = ql.polarizability(ql.scf(ql.molecule("water"), "hf/sto-3g"))
    >>> bool(abs(alpha - alpha.T).max() < 1e-8)
    True
    """
    if not result.converged:
        raise NotConverged(f"no polarizability without a converged density: {result.message}")
    ints = integrals(result.molecule, result.theory, fit=rung)
    moments = dipole_integrals(result.molecule, result.theory)[0]
    dm, moments = (filled_up(matrices, len(ints.overlap)) for matrices in (result.dm, moments))
    return np.asarray(_polarizability(dm, ints, moments))


@jit
def _polarizability(dm, ints: Integrals, by_electrons: Float[Array, "3 ao ao"]) -> Array:
    def dipole_in_field(field: Float[Array, "3"]) -> Float[Array, "3"]:
        response = self_consistent(dm, in_field(ints, field, by_electrons))
        return -jnp.einsum("xij,...ij->x", by_electrons, response)

    return jax.jacfwd(dipole_in_field)(jnp.zeros(3))


def in_field(
    ints: Integrals,
    field: Float[Array, "3"],
    by_electrons: Float[Array, "3 ao ao"],
    by_nuclei: Float[Array, "3"] | None = None,
) -> Integrals:
    """The integrals in a uniform electric field, E(r) = −μ·field added to the energy.

    Args:
        field: (3,), atomic units.
        by_electrons, by_nuclei: of `dipole_integrals`; without the second, the nuclei do not
            feel the field.
    """
    h_core = ints.h_core + jnp.einsum("x,xij->ij", field, by_electrons)
    e_nuc = ints.e_nuc if by_nuclei is None else ints.e_nuc - field @ by_nuclei
    return replace(ints, h_core=h_core, e_nuc=e_nuc)
