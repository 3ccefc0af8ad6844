"""All that a network sees of a geometry, computed once and used for many training steps."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from qptlab.dft.compiling import jit
from qptlab.dft.density import fill
from qptlab.dft.energy import energy, energy_and_fock
from qptlab.dft.integrals import Integrals
from qptlab.dft.integrals import integrals as compute_integrals
from qptlab.dft.screening import repulsion, screened
from qptlab.molecule import Molecule
from qptlab.qpt.labels import Label
from qptlab.theory import Theory

MATRICES = (
    "S",
    "h",
    "J",
    "Vxc",
    "J[dD]",
    "D",
    "dD",
    "S D S",
    "S dD S",
    "F D S + S D F",
    "F dD S + S dD F",
    "F S⁻¹ F",
)
"""What `Prepared.matrices` holds: D is the starting density, J and Vxc are its own, F is `start`
and dD = D(F) − D."""


class Prepared(eqx.Module):
    """One geometry after the first Fock build: nothing here depends on network weights.

    Attributes:
        integrals: of this geometry.
        dm, fock: (ao, ao); the starting density D0 and F0 = F[D0].
        start: (ao, ao), hartree; F0 screened, to which a network adds its ΔF.
        matrices: (matrix, ao, ao), symmetric; the building blocks of ΔF, named in `MATRICES`.
        plain_energy: energy of D(start), hartree: where a network that predicts nothing stands.
        label: the answer, for supervised losses only.
    """

    integrals: Integrals
    dm: Float[Array, "ao ao"]
    fock: Float[Array, "ao ao"]
    start: Float[Array, "ao ao"]
    matrices: Float[Array, "matrix ao ao"]
    plain_energy: Float[Array, ""]
    label: Label | None = None


@jit
def first_build(integrals: Integrals) -> Prepared:
    """The first Fock build of the pipeline, and the matrices it leaves."""
    dm, overlap, h_core = integrals.dm_guess, integrals.overlap, integrals.h_core
    _, fock = energy_and_fock(dm, integrals)
    coulomb = repulsion(dm, integrals)
    start = screened(fock, dm, integrals)
    plain = fill(start, overlap, integrals.occupation)
    change = plain.dm - dm

    def anticommute(density):
        product = start @ density @ overlap
        return product + product.T

    matrices = [
        overlap,
        h_core,
        coulomb,
        fock - h_core - coulomb,
        start - fock,
        dm,
        change,
        overlap @ dm @ overlap,
        overlap @ change @ overlap,
        anticommute(dm),
        anticommute(change),
        start @ jnp.linalg.solve(overlap, start),
    ]
    return Prepared(
        integrals=integrals,
        dm=dm,
        fock=fock,
        start=start,
        matrices=jnp.stack(matrices),
        plain_energy=energy(plain, integrals).total,
    )


def prepare(molecule: Molecule, theory: Theory) -> Prepared:
    """The prepared of a molecule at a level of theory; errors as `integrals`."""
    return first_build(compute_integrals(molecule, theory))


def without_energy(prepared: Prepared) -> Prepared:
    """The same without grid and electron repulsion, which fill the memory: no energy needed."""

    def parts(s: Prepared):
        ints = s.integrals
        return [ints.coulomb, ints.exchange, ints.grid_ao, ints.grid_weights]

    return eqx.tree_at(parts, prepared, replace_fn=lambda part: None)
