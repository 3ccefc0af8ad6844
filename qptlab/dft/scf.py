"""The self-consistent field: the density that belongs to its own Fock matrix."""

import math
from collections.abc import Iterator

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qptlab.dft.compiling import jit
from qptlab.dft.density import (
    CLOSED_GAP,
    Density,
    Filled,
    Matrices,
    Matrix,
    Occupation,
    canonical_orbitals,
    fill,
)
from qptlab.dft.diis import Diis, commutator
from qptlab.dft.energy import Energy, energy_and_fock
from qptlab.dft.integrals import Integrals, integrals
from qptlab.dft.results import ScfResult
from qptlab.molecule import Molecule
from qptlab.theory import Theory, parse_theory

CONV_TOL = 1e-8
MAX_BUILDS = 60


class ScfStep(eqx.Module):
    """One iteration: the density it started from, and the one it leads to.

    Attributes:
        dm: (ao, ao), or (2, ao, ao) for open shells; electrons.
        energy, fock: of `dm`.
        following: the density of the next iteration.
        commutator, dm_change: largest element of FDS − SDF and of the change of dm.
        diis: history, this iteration included.
    """

    energy: Energy
    fock: Matrices
    dm: Matrices
    following: Filled
    commutator: Float[Array, ""]
    dm_change: Float[Array, ""]
    diis: Diis


def scf_step(density: Density, diis: Diis, integrals: Integrals) -> ScfStep:
    """Build F[D], mix it with the earlier ones by DIIS, and fill the lowest orbitals."""
    # Two programs: only the first is compiled again for a density that is given as a matrix.
    dm, terms, fock = _build(density, integrals)
    return _mix(dm, terms, fock, diis, integrals.overlap, integrals.occupation)


@jit
def _build(density: Density, integrals: Integrals) -> tuple[Matrices, Energy, Matrices]:
    dm = density.dm if isinstance(density, Filled) else density
    return dm, *energy_and_fock(density, integrals)


@jit
def _mix(
    dm: Matrices, terms: Energy, fock: Matrices, diis: Diis, overlap: Matrix, occupation: Occupation
) -> ScfStep:
    error = commutator(fock, dm, overlap)
    diis = diis.push(fock, error)
    following = fill(diis.extrapolate(), overlap, occupation)
    return ScfStep(
        energy=terms,
        fock=fock,
        dm=dm,
        following=following,
        commutator=jnp.max(jnp.abs(error)),
        dm_change=jnp.max(jnp.abs(following.dm - dm)),
        diis=diis,
    )


def scf_iterations(integrals: Integrals, dm0: Matrices | None = None) -> Iterator[ScfStep]:
    """Endless DIIS iterations from `dm0` (the minao guess by default)."""
    density = integrals.dm_guess if dm0 is None else dm0
    diis = Diis.empty(density.shape)
    while True:
        step = scf_step(density, diis, integrals)
        yield step
        density, diis = step.following, step.diis


def scf(
    molecule: Molecule,
    theory: str | Theory,
    *,
    dm0: np.ndarray | None = None,
    conv_tol: float = CONV_TOL,
    max_builds: int = MAX_BUILDS,
) -> ScfResult:
    """Converge the Kohn–Sham equations; unrestricted where the molecule has unpaired electrons.

    Converged means that neither the commutator FDS − SDF (hartree) nor the change of the density
    matrix (electrons) has an element above `conv_tol`: for H2 the commutator alone is zero at once.

    Args:
        theory: for example "pbe/def2-svp".
        dm0: (ao, ao) or (2, ao, ao) starting density; PySCF's minao guess by default.
        max_builds: Fock matrices to build before giving up.

    Raises:
        ValueError: as `integrals`, or `dm0` of the wrong shape.

    >>> from qptlab import molecule, scf
    >>> scf(molecule("water"), "lda/sto-3g").converged
    True
    """
    theory = parse_theory(theory)
    ints = integrals(molecule, theory)
    if dm0 is not None and np.shape(dm0) != ints.dm_guess.shape:
        raise ValueError(f"dm0 of shape {np.shape(dm0)}; expected {ints.dm_guess.shape}")
    start = ints.dm_guess if dm0 is None else jnp.asarray(dm0)
    for builds, step in enumerate(scf_iterations(ints, start), start=1):
        error = max(float(step.commutator), float(step.dm_change))
        converged = error < conv_tol
        if converged or builds >= max_builds or not math.isfinite(error):
            break
    return describe(molecule, theory, ints, step, builds, converged)


def describe(
    molecule: Molecule,
    theory: Theory,
    ints: Integrals,
    step: ScfStep,
    builds: int,
    converged: bool,
) -> ScfResult:
    """The result that a last iteration leaves, with its sentence."""
    mo_energy, mo_coeff = canonical_orbitals(step.fock, ints.overlap)
    n_occ = np.asarray(ints.occupation).sum(axis=-1).astype(int)
    total = float(step.energy.total)
    if converged:
        message = f"{molecule.formula}, {theory}: {total:.8f} Ha after {builds} Fock builds."
    else:
        message = (
            f"{molecule.formula}, {theory}: not converged after {builds} Fock builds "
            f"({total:.6f} Ha, commutator {float(step.commutator):.1e}); check the geometry, "
            "charge and spin, or start from another density (dm0)."
        )
    if molecule.spin:
        message += f" ⟨S²⟩ = {_spin_square(mo_coeff, n_occ, np.asarray(ints.overlap)):.4f}."
    levels = zip(mo_energy, n_occ, strict=True) if molecule.spin else [(mo_energy, n_occ)]
    if any(0 < n < len(level) and level[n] - level[n - 1] < CLOSED_GAP for level, n in levels):
        message += (
            " The HOMO–LUMO gap is closed: which orbitals are occupied, and so the density, "
            "is not unique; try another spin or charge."
        )
    return ScfResult(
        molecule=molecule,
        theory=theory,
        energy=step.energy,
        dm=np.asarray(step.dm),
        fock=np.asarray(step.fock),
        mo_energy=mo_energy,
        mo_coeff=mo_coeff,
        n_occ=tuple(n_occ.tolist()) if molecule.spin else int(n_occ),
        fock_builds=builds,
        converged=converged,
        message=message,
    )


def _spin_square(mo_coeff: np.ndarray, n_occ: np.ndarray, overlap: np.ndarray) -> float:
    """⟨S²⟩ of the determinant. Source: Szabo, Ostlund, Modern Quantum Chemistry, eq. 2.271."""
    alpha, beta = (coeff[:, :n] for coeff, n in zip(mo_coeff, n_occ, strict=True))
    z = (n_occ[0] - n_occ[1]) / 2
    return float(z * (z + 1) + n_occ[1] - np.sum((alpha.T @ overlap @ beta) ** 2))
