"""One geometry after its first Fock build: all that does not depend on a network's weights.

Computed once and used for many training steps. A network sees `NetworkInputs`; to turn what it says
into an energy takes the rest of `Prepared`, grid and electron repulsion, which fill the memory.
"""

from dataclasses import fields, replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from qptlab.dft.compiling import jit
from qptlab.dft.density import fill
from qptlab.dft.energy import energy, energy_and_fock
from qptlab.dft.integrals import Integrals, integrals
from qptlab.dft.ladder import rung
from qptlab.dft.screening import repulsion, screened
from qptlab.dft.shells import Shells
from qptlab.molecule import Molecule
from qptlab.qpt.xc_response import anticommutator
from qptlab.theory import Theory
from qptlab.types import Matrix, Occupation, Scalar, Stacked


def _is(formula: str) -> Any:
    """A field, with what it is."""
    return eqx.field(metadata={"formula": formula})


class KnownMatrices(eqx.Module):
    """The building blocks of ΔF, (ao, ao) each and symmetric.

    D is the starting density, J and Vxc are its own, F is `start` and dD = D(F) − D.
    """

    overlap: Matrix = _is("S")
    h_core: Matrix = _is("h")
    coulomb: Matrix = _is("J")
    vxc: Matrix = _is("Vxc")
    coulomb_change: Matrix = _is("J[dD]")
    dm: Matrix = _is("D")
    dm_change: Matrix = _is("dD")
    dm_lowered: Matrix = _is("S D S")
    dm_change_lowered: Matrix = _is("S dD S")
    fock_dm: Matrix = _is("F D S + S D F")
    fock_dm_change: Matrix = _is("F dD S + S dD F")
    fock_fock: Matrix = _is("F S⁻¹ F")

    @property
    def stacked(self) -> Stacked:
        """(matrix, ao, ao), in the order of `MATRICES`."""
        return jnp.stack([getattr(self, name) for name in MATRICES])


MATRICES = {field.name: field.metadata["formula"] for field in fields(KnownMatrices)}
"""{field of `KnownMatrices`: what it is}."""


class NetworkInputs(eqx.Module):
    """All that a network sees of a geometry.

    Attributes:
        matrices: what the first Fock build leaves behind.
        fock: F0 = F[D0] of the starting density D0, (ao, ao), hartree.
        start: F0 screened, (ao, ao), hartree: a network adds its ΔF to this.
        occupation: (occ,), ones for the filled orbitals.
        positions: (atom, 3), bohr.
        shells: of the atomic orbitals.
    """

    matrices: KnownMatrices
    fock: Matrix
    start: Matrix
    occupation: Occupation
    positions: Float[Array, "atom 3"]
    shells: Shells

    @property
    def n_electrons(self) -> Scalar:
        """Number of electrons."""
        return 2 * jnp.sum(self.occupation)


class Prepared(NetworkInputs):
    """A geometry with what turns a network's ΔF into an energy.

    Attributes:
        integrals: of this geometry.
        plain_energy: energy of D(start), hartree: where a network that predicts nothing stands.
            Only losses look at it; None from `bare_first_build`.
    """

    integrals: Integrals
    plain_energy: Scalar | None = None

    @property
    def inputs(self) -> NetworkInputs:
        """What the network sees, without grid and electron repulsion."""
        return NetworkInputs(*(getattr(self, field.name) for field in fields(NetworkInputs)))


def first_build(ints: Integrals) -> Prepared:
    """The first Fock build of the pipeline, and the matrices it leaves."""
    return _with_plain_energy(bare_first_build(ints))


@jit
def bare_first_build(ints: Integrals) -> Prepared:
    """The same without `plain_energy`, which no prediction needs."""
    dm, overlap, h_core = ints.dm_guess, ints.overlap, ints.h_core
    _, fock = energy_and_fock(dm, ints)
    coulomb = repulsion(dm, ints)
    start = screened(fock, dm, ints)
    change = fill(start, overlap, ints.occupation).dm - dm
    matrices = KnownMatrices(
        overlap=overlap,
        h_core=h_core,
        coulomb=coulomb,
        vxc=fock - h_core - coulomb,
        coulomb_change=start - fock,
        dm=dm,
        dm_change=change,
        dm_lowered=overlap @ dm @ overlap,
        dm_change_lowered=overlap @ change @ overlap,
        fock_dm=anticommutator(start, dm, overlap),
        fock_dm_change=anticommutator(start, change, overlap),
        fock_fock=start @ jnp.linalg.solve(overlap, start),
    )
    return Prepared(
        matrices=matrices,
        fock=fock,
        start=start,
        occupation=ints.occupation,
        positions=ints.positions,
        shells=ints.shells,
        integrals=ints,
    )


@jit
def _with_plain_energy(prepared: Prepared) -> Prepared:
    ints = prepared.integrals
    plain = energy(fill(prepared.start, ints.overlap, ints.occupation), ints).total
    return replace(prepared, plain_energy=plain)


def compile_first_build(outline: Integrals) -> None:
    """Compile what `first_build` takes, for an `outline`."""
    bare_first_build.ahead(outline)
    _with_plain_energy.ahead(outline_of_build(outline))


def outline_of_build(outline: Integrals, plain_energy: bool = False) -> Prepared:
    """What `bare_first_build` gives for an `outline`, or `first_build`: shapes, no arrays."""

    def same_shapes(ints: Integrals) -> Prepared:
        matrix = ints.overlap
        matrices = KnownMatrices(*len(MATRICES) * [matrix])
        inputs = matrices, matrix, matrix, ints.occupation, ints.positions, ints.shells
        return Prepared(*inputs, ints, ints.e_nuc if plain_energy else None)

    return jax.eval_shape(same_shapes, outline)


def prepare(molecule: Molecule, theory: str | Theory) -> Prepared:
    """A molecule after its first Fock build at a level of theory; errors as `integrals`.

    Arrays have room for larger molecules, see `qptlab.dft.ladder`: `first_build` of the molecule's
    `integrals` gives those that have not.
    """
    return first_build(integrals(molecule, theory, fit=rung))
