"""Several molecules at once: integrals filled up to one size, so that `jax.vmap` runs over them."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from qptlab.dft.compiling import jit
from qptlab.dft.integrals import Integrals, default_grid, integrals, shape_of
from qptlab.dft.ladder import largest, rung
from qptlab.dft.results import ScfResult
from qptlab.dft.scf import CONV_TOL, MAX_BUILDS, describe, scf_step
from qptlab.dft.schemes import Diis
from qptlab.errors import InputError
from qptlab.molecule import Molecule
from qptlab.theory import Theory, parse_theory

SCHEME = Diis()


def stack(molecules: Sequence[Molecule], theory: Theory) -> Integrals:
    """One `Integrals` with a leading axis over molecules, all made as long as the longest.

    Raises:
        InputError: as `integrals`, or closed and open shells together.
    """
    if not molecules:
        raise InputError("a batch needs at least one molecule; got none")
    if len({molecule.spin > 0 for molecule in molecules}) > 1:
        raise InputError("a batch needs closed or open shells only; got both")
    grids = [default_grid(molecule, theory) for molecule in molecules]
    pairs = list(zip(molecules, grids, strict=True))
    common = rung(largest(shape_of(molecule, theory, grid) for molecule, grid in pairs))
    members = [integrals(molecule, theory, grid, lambda _: common) for molecule, grid in pairs]
    return jax.tree.map(lambda *arrays: jnp.stack(arrays), *members)


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
    batch = stack(molecules, theory)
    density, state = batch.dm_guess, jax.vmap(SCHEME.init)(batch)
    results: list[ScfResult | None] = [None] * len(molecules)
    for builds in range(1, max_builds + 1):
        step = _steps(SCHEME, density, state, batch)
        error = np.asarray(jnp.maximum(step.commutator, step.dm_change))
        for i, molecule in enumerate(molecules):
            if results[i] is None and (error[i] < conv_tol or builds == max_builds):
                last, ints = jax.tree.map(lambda array, i=i: array[i], (step, batch))
                converged = bool(error[i] < conv_tol)
                results[i] = describe(molecule, theory, ints, last, builds, converged)
        if None not in results:
            break
        density, state = step.following, step.state
    return results


_steps = jit(jax.vmap(scf_step, (None, 0, 0, 0)))
