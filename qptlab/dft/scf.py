"""The self-consistent field: the density that belongs to its own Fock matrix."""

import math
from collections.abc import Callable, Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from qptlab.dft.compiling import jit
from qptlab.dft.density import CLOSED_GAP, Density, Filled, canonical_orbitals, fill
from qptlab.dft.diis import DiisHistory, commutator
from qptlab.dft.energy import TERMS, Energy
from qptlab.dft.integrals import Integrals, integrals
from qptlab.dft.ladder import Shape, filled_up, of_molecule, rung
from qptlab.dft.outlines import outline
from qptlab.dft.remarks import remarks
from qptlab.dft.results import ScfResult
from qptlab.dft.schemes import Build, Diis, Scheme, State, build
from qptlab.errors import InputError
from qptlab.molecule import Molecule
from qptlab.theory import Theory, parse_theory
from qptlab.types import Matrices, Scalar

CONV_TOL = 1e-8
MAX_BUILDS = 60


class ScfStep(eqx.Module):
    """One iteration: the density it started from, and the one it leads to.

    Attributes:
        built: the density, its energy and its Fock matrix.
        following: the density of the next iteration.
        commutator, dm_change: largest element of FDS − SDF (hartree) and of the change of D.
        state: of the scheme, this iteration included.
    """

    built: Build
    following: Filled
    commutator: Scalar
    dm_change: Scalar
    state: eqx.Module

    @property
    def dm(self) -> Matrices:
        """D, electrons."""
        return self.built.dm

    @property
    def energy(self) -> Energy:
        """E[D], hartree, on the host: to add its terms up compiles nothing."""
        return jax.device_get(self.built.energy)

    @property
    def error(self) -> float:
        """The larger of commutator and dm_change: what has to become small."""
        return max(float(self.commutator), float(self.dm_change))


def scf_step(scheme: Scheme[State], density: Density, state: State, ints: Integrals) -> ScfStep:
    """Build F[D], let the scheme make the next Fock matrix of it, and fill its lowest orbitals."""
    # Two programs: only the first is compiled again for a density that is given as a matrix.
    return _advance(scheme, _build(density, ints), state, ints)


_build = jit(build)


@jit
def _advance(scheme: Scheme[State], built: Build, state: State, ints: Integrals) -> ScfStep:
    error = commutator(built.fock, built.dm, ints.overlap)
    fock, state = scheme.step(built, state, ints)
    following = fill(fock, ints.overlap, ints.occupation)
    change = jnp.max(jnp.abs(following.dm - built.dm))
    return ScfStep(built, following, jnp.max(jnp.abs(error)), change, state)


def compile_ahead(shape: Shape, theory: Theory) -> None:
    """Compile all that converging closed shells of a shape takes, by DIIS from the guess."""
    ints, scheme = outline(shape, theory), Diis()

    def known() -> tuple[Filled, Build, DiisHistory]:
        matrix, number = jnp.zeros((shape.n_ao, shape.n_ao)), jnp.zeros(())
        built = Build(matrix, Energy(*len(TERMS) * [number]), matrix)
        return Filled(jnp.zeros((shape.n_ao, shape.n_occ))), built, scheme.init(ints)

    filled, built, state = jax.eval_shape(known)
    for density in (ints.dm_guess, filled):
        _build.ahead(density, ints)
    _advance.ahead(scheme, built, state, ints)


def scf_iterations(
    integrals: Integrals, dm0: Matrices | None = None, scheme: Scheme | None = None
) -> Iterator[ScfStep]:
    """Endless iterations from `dm0` (the minao guess by default); DIIS by default."""
    scheme = Diis() if scheme is None else scheme
    density = integrals.dm_guess if dm0 is None else dm0
    state = scheme.init(integrals)
    while True:
        step = scf_step(scheme, density, state, integrals)
        yield step
        density, state = step.following, step.state


def scf(
    molecule: Molecule,
    theory: str | Theory,
    *,
    dm0: np.ndarray | None = None,
    conv_tol: float = CONV_TOL,
    max_builds: int = MAX_BUILDS,
    progress: Callable[[str], None] = lambda line: None,
) -> ScfResult:
    """Converge the Kohn–Sham equations; unrestricted where the molecule has unpaired electrons.

    Converged means that neither the commutator FDS − SDF (hartree) nor the change of the density
    matrix (electrons) has an element above `conv_tol`: for H2 the commutator alone is zero at once.

    Args:
        theory: for example "pbe/def2-svp".
        dm0: (ao, ao) or (2, ao, ao) starting density; PySCF's minao guess by default.
        max_builds: Fock matrices to build before giving up.
        progress: called with a line about each Fock build.

    Raises:
        InputError: as `integrals`, or `dm0` of the wrong shape.

    >>> from qptlab import molecule, scf
    >>> scf(molecule("water"), "lda/sto-3g").converged
    True
    """
    theory = parse_theory(theory)
    ints = integrals(molecule, theory, fit=rung)
    start = starting_density(ints, dm0)
    for builds, step in enumerate(scf_iterations(ints, start), start=1):
        converged = step.error < conv_tol
        progress(
            f"build {builds}: {float(step.energy.total):.8f} Ha, "
            f"commutator {float(step.commutator):.1e} Ha"
        )
        if converged or builds >= max_builds or not math.isfinite(step.error):
            break
    return describe(molecule, theory, ints, step, builds, converged)


def starting_density(ints: Integrals, dm0: np.ndarray | None) -> Matrices:
    """`dm0`, if it is a density of these integrals; the minao guess where there is none.

    Raises:
        InputError: another shape, or elements that are not finite.
    """
    if dm0 is None:
        return ints.dm_guess
    expected = of_molecule(ints.dm_guess, ints.shells).shape
    if np.shape(dm0) != expected:
        raise InputError(f"dm0 of shape {np.shape(dm0)}; expected {expected}")
    if not np.isfinite(dm0).all():
        raise InputError("dm0 has elements that are not finite")
    return filled_up(dm0, len(ints.overlap))


def describe(
    molecule: Molecule, theory: Theory, ints: Integrals, step: ScfStep, builds: int, converged: bool
) -> ScfResult:
    """The result that a last iteration leaves, with its sentence."""
    dm, fock, overlap = (
        of_molecule(matrix, ints.shells) for matrix in (step.dm, step.built.fock, ints.overlap)
    )
    mo_energy, mo_coeff = canonical_orbitals(fock, overlap)
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
        message += f" ⟨S²⟩ = {_spin_square(mo_coeff, n_occ, overlap):.4f}."
    levels = zip(mo_energy, n_occ, strict=True) if molecule.spin else [(mo_energy, n_occ)]
    if any(0 < n < len(level) and level[n] - level[n - 1] < CLOSED_GAP for level, n in levels):
        message += (
            " The HOMO–LUMO gap is closed: which orbitals are occupied, and so the density, "
            "is not unique; try another spin or charge."
        )
    message += remarks(molecule, theory, overlap)
    return ScfResult(
        molecule=molecule,
        theory=theory,
        energy=step.energy,
        dm=dm,
        fock=fock,
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
