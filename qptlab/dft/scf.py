"""The self-consistent field: the density that belongs to its own Fock matrix."""

from collections.abc import Iterator

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qptlab.dft.density import CLOSED_GAP, density_from_fock, orbitals
from qptlab.dft.diis import Diis, commutator
from qptlab.dft.energy import Energy, energy_and_fock
from qptlab.dft.integrals import Integrals, integrals
from qptlab.dft.results import ScfResult
from qptlab.molecule import Molecule
from qptlab.theory import Theory
from qptlab.theory import theory as parse_theory

Matrix = Float[Array, "ao ao"]


class ScfStep(eqx.Module):
    """One iteration: the density it started from, and the one it leads to.

    Attributes:
        energy, fock: of `dm`.
        dm, dm_next: (ao, ao), electrons.
        commutator, dm_change: largest element of FDS − SDF and of dm_next − dm.
        diis: history, this iteration included.
    """

    energy: Energy
    fock: Matrix
    dm: Matrix
    dm_next: Matrix
    commutator: Float[Array, ""]
    dm_change: Float[Array, ""]
    diis: Diis


@eqx.filter_jit
def scf_step(dm: Matrix, diis: Diis, integrals: Integrals) -> ScfStep:
    """Build F[D], mix it with the earlier ones by DIIS, and fill the lowest orbitals."""
    terms, fock = energy_and_fock(dm, integrals)
    error = commutator(fock, dm, integrals.overlap)
    diis = diis.push(fock, error)
    dm_next = density_from_fock(diis.extrapolate(), integrals.overlap, integrals.n_occ)
    return ScfStep(
        energy=terms,
        fock=fock,
        dm=dm,
        dm_next=dm_next,
        commutator=jnp.max(jnp.abs(error)),
        dm_change=jnp.max(jnp.abs(dm_next - dm)),
        diis=diis,
    )


def scf_iterations(integrals: Integrals, dm0: Matrix | None = None) -> Iterator[ScfStep]:
    """Endless DIIS iterations from `dm0` (the minao guess by default)."""
    dm = integrals.dm_guess if dm0 is None else dm0
    diis = Diis.empty(integrals.n_ao)
    while True:
        step = scf_step(dm, diis, integrals)
        yield step
        dm, diis = step.dm_next, step.diis


def scf(
    molecule: Molecule,
    theory: str | Theory,
    *,
    dm0: np.ndarray | None = None,
    conv_tol: float = 1e-8,
    max_builds: int = 60,
) -> ScfResult:
    """Converge the Kohn–Sham equations of a closed-shell molecule.

    Converged means that neither the commutator FDS − SDF (hartree) nor the change of the density
    matrix (electrons) has an element above `conv_tol`: for H2 the commutator alone is zero at once.

    Args:
        theory: for example "pbe/def2-svp".
        dm0: (ao, ao) starting density; PySCF's minao guess by default.
        max_builds: Fock matrices to build before giving up.

    Raises:
        ValueError: as `integrals`, or `dm0` of the wrong shape.

    >>> from qptlab import molecule, scf
    >>> scf(molecule("water"), "lda/sto-3g").converged
    True
    """
    theory = parse_theory(theory)
    ints = integrals(molecule, theory)
    if dm0 is not None and np.shape(dm0) != ints.overlap.shape:
        raise ValueError(f"dm0 of shape {np.shape(dm0)}; expected {ints.overlap.shape}")
    start = ints.dm_guess if dm0 is None else jnp.asarray(dm0)
    for builds, step in enumerate(scf_iterations(ints, start), start=1):
        converged = bool(jnp.maximum(step.commutator, step.dm_change) < conv_tol)
        if converged or builds >= max_builds or not jnp.isfinite(step.commutator):
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
    mo_energy, mo_coeff = map(np.asarray, orbitals(step.fock, ints.overlap))
    total = float(step.energy.total)
    if converged:
        message = f"{molecule.formula}, {theory}: {total:.8f} Ha after {builds} Fock builds."
    else:
        message = (
            f"{molecule.formula}, {theory}: not converged after {builds} Fock builds "
            f"({total:.6f} Ha, commutator {float(step.commutator):.1e}); "
            "check the geometry, or start from another density (dm0)."
        )
    gap_closed = ints.n_occ < len(mo_energy) and (
        mo_energy[ints.n_occ] - mo_energy[ints.n_occ - 1] < CLOSED_GAP
    )
    if gap_closed:
        message += " The HOMO–LUMO gap is closed: the closed-shell density is not unique."
    return ScfResult(
        molecule=molecule,
        theory=theory,
        energy=step.energy,
        dm=np.asarray(step.dm),
        fock=np.asarray(step.fock),
        mo_energy=mo_energy,
        mo_coeff=mo_coeff,
        n_occ=ints.n_occ,
        fock_builds=builds,
        converged=converged,
        message=message,
    )
