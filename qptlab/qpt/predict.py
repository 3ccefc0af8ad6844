"""Using a network: one molecule in, a `Prediction` out."""

import time
from dataclasses import dataclass

import equinox as eqx
import numpy as np

from qptlab.dft.density import orbitals
from qptlab.dft.integrals import integrals
from qptlab.dft.results import ScfResult
from qptlab.molecule import Molecule
from qptlab.qpt.block_qpt import BlockQPT
from qptlab.qpt.pipeline import refine as run_refine
from qptlab.qpt.sample import sample

MOST_REFINING = 100
CONVERGED = 1e-5
"""Largest element of FDS − SDF (hartree) up to which a prediction counts as converged."""


@dataclass(frozen=True, eq=False, repr=False)
class Prediction(ScfResult):
    """What a network predicts; fields as `ScfResult`, orbitals of F[D] included.

    Attributes:
        raw_fock: (ao, ao), hartree; F0 + ΔF, the matrix the network itself predicts.
        refine: number of refining iterations behind it.
        commutator: largest element of FDS − SDF, hartree; zero for the exact density.
        seconds: wall time, integrals included.
    """

    raw_fock: np.ndarray
    refine: int
    commutator: float
    seconds: float


def predict(model: BlockQPT, molecule: Molecule, refine: int = 0) -> Prediction:
    """Predict energy, density and orbitals with `refine` refining iterations.

    Raises:
        ValueError: an element the network was not made for, or as `integrals`.
    """
    started = time.perf_counter()
    if int(refine) != refine or not 0 <= refine <= MOST_REFINING:
        raise ValueError(f"refine {refine!r}; expected a whole number from 0 to {MOST_REFINING}")
    model.check_elements(molecule)
    prepared = sample(integrals(molecule, model.theory))
    delta_fock, end = _predict(model, prepared, int(refine))
    overlap = prepared.integrals.overlap
    mo_energy, mo_coeff = map(np.asarray, orbitals(end.fock, overlap))
    commutator, builds = float(end.commutator), int(refine) + 1
    message = (
        f"{molecule.formula}, {model.theory}: {float(end.energy.total):.6f} Ha predicted with "
        f"{builds} Fock build{'s' if builds > 1 else ''} (commutator {commutator:.1e} Ha)."
    )
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
        message=message,
        raw_fock=np.asarray(prepared.fock + delta_fock),
        refine=int(refine),
        commutator=commutator,
        seconds=time.perf_counter() - started,
    )


@eqx.filter_jit
def _predict(model, prepared, iterations):
    delta_fock = model(prepared)
    return delta_fock, run_refine(delta_fock, prepared, iterations)
