"""Several molecules at once: integrals filled up to one size, so that `jax.vmap` runs over them."""

from collections.abc import Sequence
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from qptlab.dft.compiling import jit
from qptlab.dft.integrals import Integrals, integrals
from qptlab.dft.results import ScfResult
from qptlab.dft.scf import CONV_TOL, MAX_BUILDS, ScfStep, describe, scf_step
from qptlab.dft.schemes import Build, Diis
from qptlab.errors import InputError
from qptlab.molecule import Molecule
from qptlab.theory import Theory, parse_theory

SCHEME = Diis()
EMPTY_LEVEL = 100.0
"""Energy (hartree) of the orbitals that fill a matrix up: far above every occupied one."""


def stack(members: Sequence[Integrals]) -> Integrals:
    """One `Integrals` with a leading axis over the members, smaller ones filled up.

    Orbitals that are filled in have no overlap or interaction with any other, lie at
    `EMPTY_LEVEL` and stay empty; points have no weight; auxiliary functions have no charge.
    Energies are unchanged, matrices have the member's numbers in their first rows and columns.

    Raises:
        InputError: members of different functionals, or closed and open shells together.
    """
    if not members:
        raise InputError("a batch needs at least one molecule; got none")
    kinds = {jax.tree.structure(replace(m, shells=None)) for m in members}
    if len(kinds) != 1 or len({m.dm_guess.ndim for m in members}) != 1:
        raise InputError(
            "a batch needs one functional, one way to treat Coulomb integrals, and closed or open "
            "shells only"
        )
    shells = members[0].shells if len({m.shells for m in members}) == 1 else None
    members = [replace(member, shells=shells) for member in members]
    n_ao = max(member.n_ao for member in members)
    return jax.tree.map(_stack_arrays, *[_with_empty_orbitals(m, n_ao) for m in members])


def scf_batch(
    molecules: Sequence[Molecule],
    theory: str | Theory,
    *,
    conv_tol: float = CONV_TOL,
    max_builds: int = MAX_BUILDS,
) -> list[ScfResult]:
    """`scf` of several molecules at once, in one compiled program; for accelerators above all.

    `conv_tol` and `max_builds` as there.

    Raises:
        InputError: as `scf`, or molecules that cannot be stacked.

    >>> from qptlab import molecule
    >>> pair = [molecule("water"), molecule("hydrogen-fluoride")]
    >>> [result.converged for result in scf_batch(pair, "lda/sto-3g")]
    [True, True]
    """
    theory = parse_theory(theory)
    members = [integrals(molecule, theory) for molecule in molecules]
    batch = stack(members)
    density, state = batch.dm_guess, jax.vmap(SCHEME.init)(batch)
    results: list[ScfResult | None] = [None] * len(members)
    for builds in range(1, max_builds + 1):
        step = _steps(SCHEME, density, state, batch)
        error = np.asarray(jnp.maximum(step.commutator, step.dm_change))
        for i, member in enumerate(members):
            if results[i] is None and (error[i] < conv_tol or builds == max_builds):
                last = _member(step, i, member)
                converged = bool(error[i] < conv_tol)
                results[i] = describe(molecules[i], theory, member, last, builds, converged)
        if None not in results:
            break
        density, state = step.following, step.state
    return results


_steps = jit(jax.vmap(scf_step, (None, 0, 0, 0)))


def _stack_arrays(*arrays: Array) -> Array:
    """Arrays of one rank, filled up with zeros at their ends to the largest, and stacked."""
    shape = np.max([a.shape for a in arrays], axis=0)
    stacked = np.zeros((len(arrays), *shape.astype(int)))
    for i, array in enumerate(arrays):
        stacked[(i, *map(slice, array.shape))] = array
    return jnp.asarray(stacked)


def _with_empty_orbitals(member: Integrals, n_ao: int) -> Integrals:
    missing = n_ao - member.n_ao
    extra = jnp.diag(jnp.pad(jnp.zeros(member.n_ao), (0, missing), constant_values=1.0))
    overlap = jnp.pad(member.overlap, (0, missing)) + extra
    h_core = jnp.pad(member.h_core, (0, missing)) + EMPTY_LEVEL * extra
    return eqx.tree_at(lambda i: (i.overlap, i.h_core), member, (overlap, h_core))


def _member(step: ScfStep, index: int, member: Integrals) -> ScfStep:
    """One member's step, energy, density and Fock matrix without what filled them up."""
    n_ao = member.n_ao
    one = jax.tree.map(lambda array: array[index], step)
    fock, dm = (matrix[..., :n_ao, :n_ao] for matrix in (one.built.fock, one.built.dm))
    return replace(one, built=Build(dm, one.energy, fock))
