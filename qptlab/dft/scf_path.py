"""The way to self-consistency: every iteration of an SCF in numbers, by one of four schemes."""

import math
from dataclasses import dataclass
from itertools import islice

import numpy as np
from jaxtyping import Array, Float

from qptlab.dft.density import canonical_orbitals
from qptlab.dft.energy import TERMS
from qptlab.dft.integrals import Integrals
from qptlab.dft.ladder import of_molecule
from qptlab.dft.scf import CONV_TOL, ScfStep, scf_iterations, starting_density
from qptlab.dft.schemes import named_scheme
from qptlab.errors import InputError

ITERATIONS = 12


@dataclass(frozen=True, eq=False)
class ScfPath:
    """The densities D_0, D_1, … that an SCF passes through; D_0 is where it starts.

    Attributes:
        scheme: its name in `qptlab.dft.schemes.SCHEMES`.
        before: Fock matrices built to get D_0: none for a guess, one for a network.
        dm: (iteration, ao, ao), electrons.
        terms: (iteration, term), hartree; in the order of `TERMS`.
        commutator: (iteration,), largest element of F[D_k] D_k S − S D_k F[D_k], hartree.
        dm_change: (iteration,), largest element of D_k+1 − D_k, electrons.
        gap: (iteration,), HOMO–LUMO gap of F[D_k], hartree; NaN where no orbital is empty.
        weights: (iteration, iteration), rows sum to 1; w_kj of F[D_j] in the matrix whose lowest
            orbitals make D_k+1. "screened" lets Coulomb repulsion respond to that mixture first.
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
            InputError: fewer builds than the start took.
        """
        if builds < self.before:
            raise InputError(
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
        scheme: "diis"; "screened": DIIS and screening, as a network without a response refines;
            "mixing": 0.4 of the newest Fock matrix, 0.6 of the last mixture; "plain": the newest
            alone, which diverges or goes around in circles for most functionals.
        before: Fock matrices already built to get `dm0`, one for a network's density.

    Raises:
        InputError: an open shell, an unknown scheme, or a `dm0` of the wrong shape or not finite.
    """
    if integrals.dm_guess.ndim != 2:
        raise InputError(
            "the path of an SCF is shown for closed shells only; a molecule with unpaired "
            "electrons takes ql.scf"
        )
    if iterations < 0:
        raise InputError(f"iterations {iterations}; expected 0 or more")
    start, kind = starting_density(integrals, dm0), named_scheme(scheme)
    points, shares = [], []
    converged = finite = False
    for step in islice(scf_iterations(integrals, start, kind), iterations + 1):
        point = _point(step, integrals)
        finite = point is not None and math.isfinite(point["dm_change"])
        if point is None:
            break
        points.append(point)
        shares.append(kind.shares(step.state))
        converged = step.error < conv_tol
        if converged or not finite:
            break
    if not points:
        raise InputError("the starting density has no finite energy; start from another (dm0)")
    weights = np.zeros((len(points), len(points)))
    for row, share in zip(weights, shares, strict=True):
        row[list(share)] = list(share.values())
    return ScfPath(
        scheme=scheme,
        before=before,
        weights=weights,
        converged=converged,
        message=_message(before + len(points) - 1, converged, finite, points[-1]["commutator"]),
        **{name: np.stack([point[name] for point in points]) for name in points[0]},
    )


def _point(step: ScfStep, integrals: Integrals) -> dict[str, float | np.ndarray] | None:
    """What a path keeps of an iteration; None where its numbers are not finite."""
    terms = np.array([float(getattr(step.energy, name)) for name in TERMS])
    error = float(step.commutator)
    if not (np.isfinite(terms).all() and math.isfinite(error)):
        return None
    dm, *pencil = (
        of_molecule(matrix, integrals.shells)
        for matrix in (step.dm, step.built.fock, integrals.overlap)
    )
    mo_energy, n_occ = canonical_orbitals(*pencil)[0], integrals.n_occ
    return {
        "dm": dm,
        "terms": terms,
        "commutator": error,
        "dm_change": float(step.dm_change),
        "gap": mo_energy[n_occ] - mo_energy[n_occ - 1] if n_occ < len(mo_energy) else math.nan,
    }


def _message(builds: int, converged: bool, finite: bool, commutator: float) -> str:
    after = f"after {builds} Fock build{'' if builds == 1 else 's'}"
    if converged:
        return f"converged {after}"
    if finite:
        return f"not converged {after}: the commutator is {commutator:.2g} Ha"
    return f"stopped {after}: the numbers are no longer finite"
