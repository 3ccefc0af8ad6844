"""How good a network is, against PySCF and beside the baselines it has to beat."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields

import jax
import numpy as np

from qptlab.dft import ScfResult, dipole, overlap_matrix
from qptlab.errors import NotConverged
from qptlab.molecule import Molecule
from qptlab.qpt.networks.base import Network
from qptlab.qpt.predict import Prediction, predict, within_reach
from qptlab.qpt.prepared import prepare
from qptlab.qpt.training.validation import baseline_energies
from qptlab.reference.pyscf_runs import pyscf_scf
from qptlab.reference.scf_cost import GUESSES, scf_costs
from qptlab.units import MICROHARTREE_PER_HARTREE

SAME_LEVEL = 1e-4
"""Orbital energies closer than this (hartree) count as one level when orbitals are compared."""


@dataclass(frozen=True, repr=False)
class Evaluation:
    """Errors of a network over some geometries; means of absolute differences from PySCF.

    Attributes:
        refine: number of refining iterations; the density D has cost `refine + 1` Fock builds.
        energy_mae_ha: of E[D], hartree.
        fock_mae_ha, mo_energy_mae_ha, occupied_mo_energy_mae_ha: of F[D], one build more, hartree.
        raw_fock_mae_ha: of F0 + ΔF, what the network itself predicts.
        psi_similarity: mean over occupied levels of |c_predᵀ S c_ref| with the orbitals of F[D],
            1 for identical ones; inside a degenerate level, the mean singular value.
        wrong_occupation_share: share of geometries in which D fills an orbital that should be
            empty: an occupied orbital of the reference is less than half full in D.
        dipole_mae_au: of the dipole vector's components.
        baselines: energy errors in hartree of the pipeline without a network ("plain") and of
            DIIS ("diis"), by refining iterations, at equal Fock builds.
        delta2_ha: mean of ΔE₂, the estimate of the energy error that needs no reference.
        scf_speedup: {tolerance: {guess: {"fock_builds", "seconds"}}} of PySCF from each of its
            guesses and from the prediction, whose own builds and time are counted.
        frames: the same figures of each geometry, with its formula and charge, and whether ΔE₂
            says that it is within the network's reach.
    """

    geometries: int
    refine: int
    energy_mae_ha: float
    fock_mae_ha: float
    raw_fock_mae_ha: float
    mo_energy_mae_ha: float
    occupied_mo_energy_mae_ha: float
    psi_similarity: float
    wrong_occupation_share: float
    dipole_mae_au: float
    baselines: dict[str, dict[int, float]]
    delta2_ha: float
    scf_speedup: dict[str, dict[str, dict[str, float]]]
    frames: tuple[dict, ...]

    @property
    def medians(self) -> dict:
        """The median over the geometries of whatever this holds the mean of, by the same names."""
        names = [field.name for field in fields(self) if field.name in self.frames[0]]
        rows = [{name: frame[name] for name in names} for frame in self.frames]
        return jax.tree.map(lambda *values: float(np.median(values)), *rows)

    def __repr__(self) -> str:
        mean, median = (
            f"{MICROHARTREE_PER_HARTREE * error:.3g}"
            for error in (self.energy_mae_ha, self.medians["energy_mae_ha"])
        )
        out_of_reach = sum(not frame["within_reach"] for frame in self.frames)
        return (
            f"Evaluation({self.geometries} geometries, {self.refine} refining iterations: mean "
            f"energy error {mean} µHa, median {median}; {out_of_reach} out of reach)"
        )

    @property
    def medians_ha(self) -> dict[str, float]:
        """Median energy errors over the geometries: of "network", and of "diis" at equal builds."""
        return {
            "network": float(np.median([frame["energy_mae_ha"] for frame in self.frames])),
            "diis": float(np.median([self._diis(frame) for frame in self.frames])),
        }

    @property
    def worse_than_diis(self) -> tuple[int, ...]:
        """Numbers of the geometries, from 0, at which DIIS is better at equal Fock builds."""
        pairs = ((frame["energy_mae_ha"], self._diis(frame)) for frame in self.frames)
        return tuple(i for i, (network, diis) in enumerate(pairs) if network > diis)

    def to_json(self) -> dict:
        """For `--json`."""
        summary = {"medians_ha": self.medians_ha, "worse_than_diis": self.worse_than_diis}
        return asdict(self) | summary

    def _diis(self, frame: dict) -> float:
        return frame["baselines"]["diis"][self.refine]


def evaluate(
    model: Network,
    molecules: list[Molecule],
    refine: int = 0,
    progress: Callable[[str], None] = lambda line: None,
    guesses: tuple[str, ...] = GUESSES,
) -> Evaluation:
    """Compare predictions with PySCF's converged calculation, geometry by geometry.

    Args:
        refine: number of refining iterations.
        progress: called with a line about each geometry that is done.
        guesses: starting densities of PySCF's whose cost is set beside; the fewer, the sooner done.

    Raises:
        InputError: as `predict`.
        NotConverged: PySCF does not converge.
    """
    rows, compiled = [], set()
    for molecule in molecules:
        kind = (molecule.symbols, molecule.charge)
        if kind not in compiled:
            predict(model, molecule, refine)  # compiles: the seconds below are without
            compiled.add(kind)
        rows.append(_evaluate_one(model, molecule, refine, tuple(guesses)))
        progress(f"{len(rows)} of {len(molecules)} geometries")

    means = jax.tree.map(lambda *values: float(np.mean(values)), *rows)
    frames = tuple(
        {"formula": molecule.formula, "charge": molecule.charge}
        | {"within_reach": within_reach(row["delta2_ha"])}
        | row
        for molecule, row in zip(molecules, rows, strict=True)
    )
    return Evaluation(geometries=len(rows), refine=refine, **means, frames=frames)


def _evaluate_one(
    model: Network, molecule: Molecule, refine: int, guesses: tuple[str, ...]
) -> dict:
    prediction, theory = predict(model, molecule, refine), model.theory
    judge = pyscf_scf(molecule, theory)
    if not judge.converged:
        raise NotConverged(f"no reference: {judge.message}")
    return {
        **_errors(prediction, judge),
        "baselines": {
            name: dict(enumerate(np.abs(energies - judge.energy.total).tolist()))
            for name, energies in baseline_energies(prepare(molecule, theory), refine).items()
        },
        "scf_speedup": scf_costs(
            molecule, theory, prediction.dm, prediction.fock_builds, prediction.seconds, guesses
        ),
    }


def _errors(prediction: Prediction, judge: ScfResult) -> dict[str, float]:
    def mean_abs(ours, theirs):
        return float(np.mean(np.abs(np.asarray(ours) - np.asarray(theirs))))

    occupied = slice(0, judge.n_occ)
    molecule, theory = judge.molecule, judge.theory
    overlap = overlap_matrix(molecule, theory)
    between = prediction.mo_coeff[:, occupied].T @ overlap @ judge.mo_coeff[:, occupied]
    filled = overlap @ judge.mo_coeff[:, occupied]
    # eigenvalues: occupation, 0 to 2, of the reference's occupied space
    wrong = np.linalg.eigvalsh(filled.T @ prediction.dm @ filled).min() < 1
    return {
        "energy_mae_ha": mean_abs(prediction.energy.total, judge.energy.total),
        "fock_mae_ha": mean_abs(prediction.fock, judge.fock),
        "raw_fock_mae_ha": mean_abs(prediction.raw_fock, judge.fock),
        "mo_energy_mae_ha": mean_abs(prediction.mo_energy, judge.mo_energy),
        "occupied_mo_energy_mae_ha": mean_abs(
            prediction.mo_energy[occupied], judge.mo_energy[occupied]
        ),
        "delta2_ha": prediction.delta2,
        "psi_similarity": _similarity(between, judge.mo_energy[occupied]),
        "wrong_occupation_share": float(wrong),
        "dipole_mae_au": mean_abs(
            dipole(molecule, theory, prediction.dm), dipole(molecule, theory, judge.dm)
        ),
    }


def _similarity(between: np.ndarray, mo_energy: np.ndarray) -> float:
    """Mean singular value of C_predᵀ S C_ref, level by level."""
    starts = np.flatnonzero(np.diff(mo_energy, prepend=-np.inf) > SAME_LEVEL)
    levels = np.split(np.arange(len(mo_energy)), starts[1:])
    values = [np.linalg.svd(between[np.ix_(lv, lv)], compute_uv=False) for lv in levels]
    return float(np.mean(np.concatenate(values)))
