"""Using a network: one molecule in, a `Prediction` out."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Int

from qptlab.dft.compiling import in_background, jit
from qptlab.dft.density import canonical_orbitals
from qptlab.dft.forces import integrals_vjp
from qptlab.dft.integrals import Integrals, default_grid, integrals
from qptlab.dft.ladder import Shape, of_molecule, rung
from qptlab.dft.outlines import outline, shapes_of
from qptlab.dft.remarks import remarks
from qptlab.dft.results import ScfResult
from qptlab.errors import InputError, NotConverged, quoted
from qptlab.molecule import Molecule
from qptlab.qpt import pipeline
from qptlab.qpt.losses import Point, second_order_error
from qptlab.qpt.networks.base import Network
from qptlab.qpt.pipeline import MOST_REFINING, propose
from qptlab.qpt.prepared import Prepared, bare_first_build, outline_of_build
from qptlab.theory import Theory
from qptlab.types import Gradient, Scalar
from qptlab.units import MILLIHARTREE_PER_HARTREE

CONVERGED = 1e-5
"""Largest element of FDS − SDF (hartree) up to which a prediction counts as converged."""
REACH = 1.6e-3
"""ΔE₂ (hartree) up to which a molecule is within a network's reach: 1 kcal/mol.

It is one number for molecules of any size, because what energies are used for is their differences.
ΔE₂ is too large rather than too small, so an energy that is wrong by more is seldom let through.
"""
ENOUGH_REFINING = 3
"""Refining iterations after which a network within its reach is done; more are of no help."""
SMALL_GAP = 0.08
"""HOMO–LUMO gap (hartree) below which a density of lower energy may fill other orbitals."""


def within_reach(delta2: float) -> bool:
    """Whether a prediction with this ΔE₂ (hartree) is one to rely on; never where it is NaN."""
    return delta2 <= REACH


@dataclass(frozen=True, eq=False, repr=False)
class Prediction(ScfResult):
    """What a network predicts; fields as `ScfResult`, orbitals of F[D] included.

    Attributes:
        raw_fock: (ao, ao), hartree; screened F0 + ΔF, the matrix the network itself predicts.
        refine: number of refining iterations behind it.
        energies: (refine + 1,), hartree; with no, one, … refining iterations: they do not rise.
        commutator: largest element of FDS − SDF, hartree; zero for the exact density.
        delta2: ΔE₂, hartree: an estimate of the energy's error, often too large by a factor of 2.
        forces: (atom, 3), hartree/bohr; −dE/dR of the predicted energy, where asked for.
        seconds: wall time, integrals included.
    """

    raw_fock: np.ndarray
    refine: int
    energies: np.ndarray
    commutator: float
    delta2: float
    forces: np.ndarray | None
    seconds: float


def predict(
    model: Network,
    molecule: Molecule,
    refine: int = 0,
    forces: bool = False,
    prepared: Prepared | None = None,
) -> Prediction:
    """Predict energy, density and orbitals with `refine` refining iterations.

    Args:
        forces: also compute the exact gradient of the predicted energy with respect to the
            nuclei, backpropagated through refining iterations, network, first Fock build and
            guess; nothing is assumed to be converged.
        prepared: `prepare(molecule, model.theory)`, for a molecule that is predicted repeatedly.

    Raises:
        InputError: an element the network was not made for, or as `integrals`.
        NotConverged: the numbers are not finite.
    """
    started = time.perf_counter()
    refine, theory = _checked(refine), model.theory
    model.check(molecule)
    if prepared is None:
        ints = integrals(molecule, theory, fit=_rung_compiled_meanwhile(model))
        prepared = bare_first_build(ints)
    bare = replace(prepared, plain_energy=None)  # so that all have the same program
    delta_fock, end, delta2 = _predict(model, bare, np.int32(refine))
    energy = jax.device_get(end.energy)  # on the host, where to add terms up compiles nothing
    energies = np.asarray(end.energies)[: refine + 1]
    delta2, commutator = float(delta2), float(end.commutator)
    _require_finite(molecule, theory, [energy.total, commutator, delta2])
    ints = prepared.integrals
    dm, fock, start, delta_fock, overlap = (
        of_molecule(matrix, ints.shells)
        for matrix in (end.dm, end.fock, prepared.start, delta_fock, ints.overlap)
    )
    (mo_energy, mo_coeff), n_occ = canonical_orbitals(fock, overlap), ints.n_occ
    aufbau = fills_lowest(dm, mo_coeff[:, :n_occ], overlap)
    message = _message(molecule, theory, energies, commutator, delta2)
    doubts = _doubts(mo_energy[n_occ - 1 : n_occ + 1], aufbau)
    return Prediction(
        molecule=molecule,
        theory=theory,
        energy=energy,
        dm=dm,
        fock=fock,
        mo_energy=mo_energy,
        mo_coeff=mo_coeff,
        n_occ=n_occ,
        fock_builds=refine + 1,
        converged=commutator < CONVERGED and aufbau,
        message=message + doubts + remarks(molecule, theory, overlap),
        raw_fock=start + delta_fock,
        refine=refine,
        energies=energies,
        commutator=commutator,
        delta2=delta2,
        forces=_forces(model, molecule, ints, refine) if forces else None,
        seconds=time.perf_counter() - started,
    )


def _require_finite(molecule: Molecule, theory: Theory, numbers: list[float]) -> None:
    if not np.isfinite(numbers).all():
        raise NotConverged(
            f"no prediction for {molecule.formula}, {theory}: its numbers are not finite; "
            "check the geometry and charge, or use ql.scf(molecule, theory)"
        )


def compile_ahead(model: Network, shape: Shape) -> None:
    """Compile all that predicting molecules of a shape takes, whatever the weights, but forces."""
    for compile_one in _programs(model, shape):
        compile_one()


def _programs(model: Network, shape: Shape) -> list[Callable[[], None]]:
    """What compiles each program."""
    ints, built = _outlines(shape, model.theory)
    given = shapes_of(model), built, np.int32(0)
    return [partial(bare_first_build.ahead, ints), partial(_predict.ahead, *given)]


@lru_cache(maxsize=128)
def _outlines(shape: Shape, theory: Theory) -> tuple[Integrals, Prepared]:
    ints = outline(shape, theory)
    return ints, outline_of_build(ints)


def _rung_compiled_meanwhile(model: Network) -> Callable[[Shape], Shape]:
    """`rung`, which also compiles for it, in threads, while integrals are computed."""

    def fit(own: Shape) -> Shape:
        shape = rung(own)
        for compile_one in _programs(model, shape):
            in_background(compile_one)
        return shape

    return fit


def _forces(model: Network, molecule: Molecule, ints: Integrals, refine: int) -> Gradient:
    """−dE/dR of the predicted energy."""
    theory = model.theory
    slope = _slope(ints, model, refine)
    return -integrals_vjp(slope, molecule, theory, default_grid(molecule, theory))


def _checked(refine: int) -> int:
    if int(refine) != refine or not 0 <= refine <= MOST_REFINING:
        raise InputError(
            f"refine {quoted(refine)}; expected a whole number from 0 to {MOST_REFINING}"
        )
    return int(refine)


def fills_lowest(dm: np.ndarray, occupied: np.ndarray, overlap: np.ndarray) -> bool:
    """Whether D fills each of these orbitals of F[D], the lowest, at least by half.

    Args:
        dm: D, (ao, ao), electrons. occupied: (ao, occ).
    """
    half = occupied.T @ overlap
    return bool((np.einsum("ia,ab,ib->i", half, dm, half) > 1).all())


def _message(
    molecule: Molecule, theory: Theory, energies: np.ndarray, commutator: float, delta2: float
) -> str:
    builds = len(energies)
    message = (
        f"{molecule.formula}, {theory}: {energies[-1]:.6f} Ha predicted with {builds} "
        f"Fock build{'s' if builds > 1 else ''} (commutator {commutator:.1e} Ha)."
    )
    if not within_reach(delta2):
        message += (
            f" Outside this network's reach: its own estimate of the error, ΔE₂, is "
            f"{MILLIHARTREE_PER_HARTREE * delta2:.1f} mHa, more than "
            f"{MILLIHARTREE_PER_HARTREE * REACH:.1f}; {_what_helps(energies)}."
        )
    return message


def _what_helps(energies: np.ndarray) -> str:
    """What to do about an energy that is too far off, after so many refining iterations."""
    stuck = len(energies) > 1 and not energies[-1] < energies[-2]
    if stuck or len(energies) > ENOUGH_REFINING:
        return "converge it by ql.scf(molecule, theory, dm0=prediction.dm)"
    return "refine further"


def _doubts(frontier: np.ndarray, aufbau: bool) -> str:
    """What ΔE₂ cannot see: that other orbitals could be filled; empty where that is no question.

    Args:
        frontier: HOMO's and LUMO's energy, hartree; the HOMO's alone where no orbital is empty.
    """
    gap = np.ptp(frontier) if len(frontier) > 1 else math.inf
    if aufbau and gap >= SMALL_GAP:
        return ""
    if aufbau:
        what = f"The HOMO–LUMO gap is small, {gap:.3f} Ha"
    else:
        what = "The density fills orbitals that are not the lowest of its own Fock matrix"
    return (
        f" {what}: filling others may give a lower energy, which ΔE₂ cannot see; check it by "
        "PySCF's stability analysis (qptlab.reference.pyscf_mean_field)."
    )


@jit
def _predict(model: Network, prepared: Prepared, iterations: Int[Array, ""]):
    # any number of iterations is the same program
    proposal = propose(model, prepared)
    end = pipeline.refine(proposal, prepared, iterations)
    point = Point(end.energy.total, end.dm, end.fock)
    return proposal.delta_fock, end, second_order_error(point, prepared)


@jit
@eqx.filter_grad
def _slope(ints: Integrals, model: Network, iterations: int) -> Scalar:
    """dE/dX of the predicted energy for every array X of the integrals."""
    prepared = bare_first_build(ints)
    proposal = propose(model, prepared, iterations)
    return pipeline.refine(proposal, prepared, iterations).energy.total
