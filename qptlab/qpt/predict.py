"""Using a network: one molecule in, a `Prediction` out."""

import time
from dataclasses import dataclass

import equinox as eqx
import numpy as np

from qptlab.dft.compiling import jit
from qptlab.dft.density import canonical_orbitals
from qptlab.dft.forces import integrals_vjp
from qptlab.dft.integrals import Integrals, default_grid
from qptlab.dft.results import ScfResult
from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule
from qptlab.qpt import pipeline
from qptlab.qpt.losses import Point, second_order_error
from qptlab.qpt.networks.base import Network
from qptlab.qpt.pipeline import Trajectory, propose
from qptlab.qpt.prepared import Prepared, first_build, prepare
from qptlab.theory import Theory
from qptlab.types import Scalar
from qptlab.units import MILLIHARTREE_PER_HARTREE

MOST_REFINING = 100
CONVERGED = 1e-5
"""Largest element of FDS − SDF (hartree) up to which a prediction counts as converged."""
REACH = 1.6e-3
"""ΔE₂ (hartree) up to which a molecule is within a network's reach: 1 kcal/mol.

It is one number for molecules of any size, because what energies are used for is their differences.
ΔE₂ is too large rather than too small, so an energy that is wrong by more is seldom let through.
"""


def within_reach(delta2: float) -> bool:
    """Whether a prediction with this ΔE₂ (hartree) is one to rely on; never where it is NaN."""
    return delta2 <= REACH


@dataclass(frozen=True, eq=False, repr=False)
class Prediction(ScfResult):
    """What a network predicts; fields as `ScfResult`, orbitals of F[D] included.

    Attributes:
        raw_fock: (ao, ao), hartree; screened F0 + ΔF, the matrix the network itself predicts.
        refine: number of refining iterations behind it.
        commutator: largest element of FDS − SDF, hartree; zero for the exact density.
        delta2: ΔE₂, hartree: an estimate of the energy's error, often too large by a factor of 2.
        forces: (atom, 3), hartree/bohr; −dE/dR of the predicted energy, where asked for.
        seconds: wall time, integrals included.
    """

    raw_fock: np.ndarray
    refine: int
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
    """
    started = time.perf_counter()
    if int(refine) != refine or not 0 <= refine <= MOST_REFINING:
        raise InputError(
            f"refine {quoted(refine)}; expected a whole number from 0 to {MOST_REFINING}"
        )
    model.check(molecule)
    prepared = prepare(molecule, model.theory) if prepared is None else prepared
    refine = int(refine)
    delta_fock, end, delta2 = _predict(model, prepared, refine)
    slope = None
    if forces:
        by_integrals = _slope(prepared.integrals, model, refine)
        grid = default_grid(molecule, model.theory)
        slope = integrals_vjp(by_integrals, molecule, model.theory, grid)
    mo_energy, mo_coeff = canonical_orbitals(end.fock, prepared.integrals.overlap)
    commutator, builds = float(end.commutator), refine + 1
    return Prediction(
        molecule=molecule,
        theory=model.theory,
        energy=end.energy,
        dm=np.asarray(end.dm),
        fock=np.asarray(end.fock),
        mo_energy=mo_energy,
        mo_coeff=mo_coeff,
        n_occ=prepared.integrals.n_occ,
        fock_builds=builds,
        converged=commutator < CONVERGED,
        message=_message(molecule, model.theory, end, builds, float(delta2)),
        raw_fock=np.asarray(prepared.start + delta_fock),
        refine=refine,
        commutator=commutator,
        delta2=float(delta2),
        forces=None if slope is None else -slope,
        seconds=time.perf_counter() - started,
    )


def _message(
    molecule: Molecule, theory: Theory, end: Trajectory, builds: int, delta2: float
) -> str:
    message = (
        f"{molecule.formula}, {theory}: {float(end.energy.total):.6f} Ha predicted with {builds} "
        f"Fock build{'s' if builds > 1 else ''} (commutator {float(end.commutator):.1e} Ha)."
    )
    if not within_reach(delta2):
        message += (
            f" Outside this network's reach: its own estimate of the error, ΔE₂, is "
            f"{MILLIHARTREE_PER_HARTREE * delta2:.1f} mHa, more than "
            f"{MILLIHARTREE_PER_HARTREE * REACH:.1f}; refine further."
        )
    return message


@jit
def _predict(model, prepared, iterations):
    proposal = propose(model, prepared, iterations)
    end = pipeline.refine(proposal, prepared, iterations)
    point = Point(end.energy.total, end.dm, end.fock)
    return proposal.delta_fock, end, second_order_error(point, prepared)


@jit
@eqx.filter_grad
def _slope(ints: Integrals, model: Network, iterations: int) -> Scalar:
    """dE/dX of the predicted energy for every array X of the integrals."""
    prepared = first_build(ints)
    proposal = propose(model, prepared, iterations)
    return pipeline.refine(proposal, prepared, iterations).energy.total
