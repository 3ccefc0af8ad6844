"""The way to self-consistency: every iteration of an SCF in numbers, by one of four schemes."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qptlab.dft.compiling import jit
from qptlab.dft.density import Density, Filled, Matrix, canonical_orbitals, fill
from qptlab.dft.diis import Diis, commutator
from qptlab.dft.energy import TERMS
from qptlab.dft.integrals import Integrals
from qptlab.dft.scf import CONV_TOL, ScfStep, scf_step
from qptlab.dft.screening import screened

ITERATIONS = 12
NEW_SHARE = 0.4
"""Of the newest Fock matrix in the scheme "mixing"; 0.35 to 0.5 contract for every functional."""


@dataclass(frozen=True, eq=False)
class ScfPath:
    """The densities D_0, D_1, … that an SCF passes through; D_0 is where it starts.

    Attributes:
        scheme: one of `SCHEMES`.
        before: Fock matrices built to get D_0: none for a guess, one for a network.
        dm: (iteration, ao, ao), electrons.
        terms: (iteration, term), hartree; in the order of `TERMS`.
        commutator: (iteration,), largest element of F[D_k] D_k S − S D_k F[D_k], hartree.
        dm_change: (iteration,), largest element of D_k+1 − D_k, electrons.
        gap: (iteration,), HOMO–LUMO gap of F[D_k], hartree; NaN where no orbital is empty.
        weights: (iteration, iteration), rows sum to 1; w_kj of F[D_j] in the matrix whose lowest
            orbitals make D_k+1. "screened" lets Coulomb repulsion answer to that mixture first.
        converged: whether commutator and dm_change of the last density are both below the limit.
        message: how the path ended, in one sentence.
    """

    scheme: str
    before: int
    dm: Float[np.ndarray, "iteration ao ao"]
    terms: Float[np.ndarray, "iteration term"]
    commutator: Float[np.ndarray, " iteration"]
    dm_change: Float[np.ndarray, " iteration"]
    gap: Float[np.ndarray, " iteration"]
    weights: Float[np.ndarray, "iteration iteration"]
    converged: bool
    message: str

    def __len__(self) -> int:
        return len(self.dm)

    @property
    def energy(self) -> Float[np.ndarray, " iteration"]:
        """Total energy of each density, hartree."""
        return self.terms.sum(axis=1)

    @property
    def builds(self) -> np.ndarray:
        """(iteration,): Fock matrices built before each density was known.

        `ScfResult.fock_builds` counts one more: the one that shows its density to be converged.
        """
        return self.before + np.arange(len(self))

    def at(self, builds: int) -> int:
        """The index of the density known after so many Fock builds; the last one ever after.

        Raises:
            ValueError: fewer builds than the start took.
        """
        if builds < self.before:
            raise ValueError(
                f"no density after {builds} Fock builds; the first needs {self.before}"
            )
        return min(builds - self.before, len(self) - 1)

    def __repr__(self):
        return f"ScfPath({self.scheme}, {len(self)} densities, {self.message})"


def scf_path(
    integrals: Integrals,
    dm0: np.ndarray | Array | None = None,
    scheme: str = "diis",
    iterations: int = ITERATIONS,
    *,
    before: int = 0,
    conv_tol: float = CONV_TOL,
) -> ScfPath:
    """Iterate D_k → F[D_k] → mixture of F[D_0] … F[D_k] → D_k+1, and keep all that happens.

    It ends when commutator and dm_change are below `conv_tol` as in `scf`, after `iterations`
    iterations, or where numbers are no longer finite. A path that does not converge is no error.

    Args:
        dm0: (ao, ao), electrons; by default PySCF's minao guess.
        scheme: "diis"; "screened": DIIS and screening, as a network without an answer refines;
            "mixing": 0.4 of the newest Fock matrix, 0.6 of the last mixture; "plain": the newest
            alone, which diverges or goes around in circles for most functionals.
        before: Fock matrices already built to get `dm0`, one for a network's density.

    Raises:
        ValueError: an open shell, an unknown scheme, or a `dm0` of the wrong shape or not finite.
    """
    density = _checked_start(integrals, dm0, scheme, iterations)
    advance, memory, rows = SCHEMES[scheme], None, []
    converged = finite = False
    for _ in range(iterations + 1):
        step, following, shares, memory = advance(density, memory, integrals)
        change = float(jnp.max(jnp.abs(following.dm - step.dm)))
        row = _row(step, change, shares, integrals)
        if row is None:
            break
        rows.append(row)
        error = max(float(step.commutator), change)
        converged, finite = error < conv_tol, math.isfinite(change)
        if converged or not finite:
            break
        density = following
    if not rows:
        raise ValueError("the starting density has no finite energy; start from another (dm0)")
    return _collect(rows, scheme, before, converged, finite and row is not None)


def _checked_start(
    integrals: Integrals, dm0: np.ndarray | Array | None, scheme: str, iterations: int
) -> Matrix:
    if integrals.dm_guess.ndim != 2:
        raise ValueError(
            "the path of an SCF is shown for closed shells only; a molecule with unpaired "
            "electrons takes ql.scf"
        )
    if scheme not in SCHEMES:
        raise ValueError(f"unknown scheme {scheme!r}; known: {', '.join(SCHEMES)}")
    if iterations < 0:
        raise ValueError(f"iterations {iterations}; expected 0 or more")
    if dm0 is None:
        return integrals.dm_guess
    if np.shape(dm0) != integrals.dm_guess.shape:
        raise ValueError(f"dm0 of shape {np.shape(dm0)}; expected {integrals.dm_guess.shape}")
    if not np.isfinite(dm0).all():
        raise ValueError("dm0 has elements that are not finite")
    return jnp.asarray(dm0)


# -- the schemes: (density, memory, integrals) -> (step, following density, shares, memory) --------
# shares: {iteration: weight of its Fock matrix in the mixture}

_Advanced = tuple[ScfStep, Filled, dict[int, float], Any]


def _diis(density: Density, memory: Any, integrals: Integrals) -> _Advanced:
    history = Diis.empty(integrals.dm_guess.shape) if memory is None else memory
    step = scf_step(density, history, integrals)
    return step, step.following, _by_iteration(step.diis), step.diis


def _plain(density: Density, memory: Any, integrals: Integrals) -> _Advanced:
    """DIIS without a memory; it only counts the iterations."""
    count = 0 if memory is None else memory
    step = scf_step(density, Diis.empty(integrals.dm_guess.shape), integrals)
    return step, step.following, {count: 1.0}, count + 1


def _mixing(density: Density, memory: Any, integrals: Integrals) -> _Advanced:
    step, following, _, _ = _plain(density, None, integrals)
    if memory is None:
        return step, following, {0: 1.0}, (step.fock, {0: 1.0})
    fock, shares = memory
    fock = NEW_SHARE * step.fock + (1 - NEW_SHARE) * fock
    shares = {k: (1 - NEW_SHARE) * share for k, share in shares.items()} | {len(shares): NEW_SHARE}
    return step, _fill(fock, integrals), shares, (fock, shares)


def _screened(density: Density, memory: Any, integrals: Integrals) -> _Advanced:
    shape = integrals.dm_guess.shape
    history = Diis.empty((2, *shape), shape) if memory is None else memory
    step = _plain(density, None, integrals)[0]
    following, history = _screen(step.fock, step.dm, history, integrals)
    return step, following, _by_iteration(history), history


SCHEMES: dict[str, Callable[[Density, Any, Integrals], _Advanced]] = {
    "diis": _diis,
    "screened": _screened,
    "mixing": _mixing,
    "plain": _plain,
}


@jit
def _fill(fock: Matrix, integrals: Integrals) -> Filled:
    return fill(fock, integrals.overlap, integrals.occupation)


@jit
def _screen(fock: Matrix, dm: Matrix, history: Diis, integrals: Integrals) -> tuple[Filled, Diis]:
    # D and F mixed alike, as in the pipeline
    history = history.push(jnp.stack([fock, dm]), commutator(fock, dm, integrals.overlap))
    mixed = screened(*history.extrapolate(), integrals)
    return fill(mixed, integrals.overlap, integrals.occupation), history


@jit
def _weights(history: Diis) -> Float[Array, " depth"]:
    return history.weights()


def _by_iteration(history: Diis) -> dict[int, float]:
    """Weights by iteration, oldest first; the history itself overwrites its slots in turn."""
    weights, count = np.asarray(_weights(history)), int(history.count)
    depth = len(weights)
    return {k: float(weights[k % depth]) for k in range(max(0, count - depth), count)}


# -- the record ------------------------------------------------------------------------------------


def _row(step: ScfStep, change: float, shares: dict[int, float], integrals: Integrals) -> Any:
    """What is kept of an iteration; None where its numbers are not finite."""
    terms = np.array([float(getattr(step.energy, name)) for name in TERMS])
    error = float(step.commutator)
    if not (np.isfinite(terms).all() and math.isfinite(error)):
        return None
    mo_energy, n_occ = canonical_orbitals(step.fock, integrals.overlap)[0], integrals.n_occ
    gap = float(mo_energy[n_occ] - mo_energy[n_occ - 1]) if n_occ < len(mo_energy) else math.nan
    return np.asarray(step.dm), terms, error, change, gap, shares


def _collect(rows: list[Any], scheme: str, before: int, converged: bool, finite: bool) -> ScfPath:
    dm, terms, errors, changes, gaps, shares = zip(*rows, strict=True)
    weights = np.zeros((len(rows), len(rows)))
    for k, row in enumerate(shares):
        weights[k, list(row)] = list(row.values())
    builds = before + len(rows) - 1
    after = f"after {builds} Fock build{'' if builds == 1 else 's'}"
    if converged:
        message = f"converged {after}"
    elif finite:
        message = f"not converged {after}: the commutator is {errors[-1]:.2g} Ha"
    else:
        message = f"stopped {after}: the numbers are no longer finite"
    return ScfPath(
        scheme=scheme,
        before=before,
        dm=np.stack(dm),
        terms=np.stack(terms),
        commutator=np.array(errors),
        dm_change=np.array(changes),
        gap=np.array(gaps),
        weights=weights,
        converged=converged,
        message=message,
    )
