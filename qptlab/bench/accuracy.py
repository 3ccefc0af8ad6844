"""The bench `accuracy`: every network that ships, against PySCF on its frozen test geometries."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qptlab.bench.accuracy_goals import TRAINING_GOALS, goals
from qptlab.bench.accuracy_table import tables
from qptlab.bench.compile_time import compile_seconds
from qptlab.bench.options import Options
from qptlab.bench.progress import say
from qptlab.bench.row import Compared
from qptlab.molecule import Molecule
from qptlab.qpt.networks.base import Network
from qptlab.qpt.predict import predict
from qptlab.qpt.runs.models import about_model, load
from qptlab.qpt.runs.shipped import FrozenFrame, frozen_frames, shipped_model
from qptlab.qpt.sampling.base import turned
from qptlab.reference import Evaluation, evaluate
from qptlab.reference.scf_cost import predicted_cost

__all__ = ["rows", "summary", "tables"]

REFINE = 3
SEED = 0
"""Of the orientations."""
TOLERANCE = "1e-09"
"""PySCF's `conv_tol`, hartree, to which Fock builds are counted."""


@dataclass(frozen=True, kw_only=True)
class AccuracyRow(Compared):
    """One network; seconds are those of PySCF's SCF, from the prediction and from minao."""

    parameters: int  # weights
    geometries: int
    trajectories: int  # that the geometries are of
    temperature_k: list[float]  # kelvin, of the trajectories
    figures: dict[str, float]  # see `figures`
    refine_0: dict  # what `qptlab evaluate` prints, by refining iterations
    refine_3: dict
    about: dict  # how it was trained, as far as its file says
    training_goal: str | None  # how long that may take, in words


def rows(options: Options) -> Iterator[AccuracyRow]:
    """One for each network."""
    for case in options.cases:
        yield _row(case, options.threads)


def summary(rows: list[AccuracyRow]) -> dict:
    """The goals of all of them."""
    return {"goals": [goal for row in rows for goal in goals(row.case, row.figures)]}


def _row(case: str, threads: int) -> AccuracyRow:
    """What one network predicts without refining and with."""
    path, frames = shipped_model(case), frozen_frames(case)
    model, molecules = load(path), turned_molecules(frames)
    say(f"{case}: {model!r}, {len(frames)} geometries")
    compiling = compile_seconds(lambda: predict(model, molecules[0], REFINE))
    without, refined = (
        evaluate(model, molecules, refine, say, ("minao",)) for refine in (0, REFINE)
    )
    between = {refine: _builds(model, molecules, refine) for refine in range(1, REFINE)}
    start = without.scf_speedup[TOLERANCE]
    ours_s, peer_s = start["predicted"]["seconds"], start["minao"]["seconds"]
    return AccuracyRow(
        case=case,
        theory=str(model.theory),
        parameters=model.n_parameters,
        geometries=len(frames),
        trajectories=len({frame.trajectory for frame in frames}),
        temperature_k=sorted({frame.temperature_k for frame in frames}),
        figures=figures(without, refined, between),
        refine_0=without.to_json(),
        refine_3=refined.to_json(),
        about=about_model(path),
        training_goal=TRAINING_GOALS.get(case),
        ours_s=ours_s,
        peer_s=peer_s,
        ratio=ours_s / peer_s,
        threads=threads,
        compile_s=compiling,
    )


def _builds(model: Network, molecules: list[Molecule], refine: int) -> float:
    """Mean number of Fock builds of PySCF from the prediction, whose own are counted."""
    counts = []
    for molecule in molecules:
        made = predict(model, molecule, refine)
        given = molecule, model.theory, made.dm, made.fock_builds, made.seconds
        counts.append(predicted_cost(*given)[float(TOLERANCE)]["fock_builds"])
    return float(np.mean(counts))


def figures(
    without: Evaluation, refined: Evaluation, between: dict[int, float]
) -> dict[str, float]:
    """What the table shows: errors in hartree, numbers of Fock builds, and shares.

    The number in a name is that of refining iterations. `builds_0` to `builds_3` are those of
    PySCF from the prediction, whose own are counted; `share_of_minao` is the fewest of them, of
    `builds_minao`.

    Args:
        between: the builds from predictions with 1, 2, … refining iterations.
    """
    found = {f"builds_{refine}": count for refine, count in between.items()}
    for k, made in ((0, without), (REFINE, refined)):
        found |= {
            f"energy_{k}": made.energy_mae_ha,
            f"delta2_{k}": made.delta2_ha,
            f"fock_{k}": made.fock_mae_ha,
            f"mo_energy_{k}": made.mo_energy_mae_ha,
            f"psi_similarity_{k}": made.psi_similarity,
            f"wrong_occupation_{k}": made.wrong_occupation_share,
            f"plain_{k}": made.baselines["plain"][k],
            f"diis_{k}": made.baselines["diis"][k],
            f"share_of_diis_{k}": made.energy_mae_ha / made.baselines["diis"][k],
            f"median_{k}": made.medians_ha["network"],
            f"median_share_of_diis_{k}": made.medians_ha["network"] / made.medians_ha["diis"],
            f"worse_than_diis_{k}": len(made.worse_than_diis),
            f"builds_{k}": made.scf_speedup[TOLERANCE]["predicted"]["fock_builds"],
        }
    minao = without.scf_speedup[TOLERANCE]["minao"]["fock_builds"]
    fewest = min(found[f"builds_{refine}"] for refine in range(REFINE + 1))
    return found | {"builds_minao": minao, "share_of_minao": fewest / minao}


def turned_molecules(frames: list[FrozenFrame]) -> list[Molecule]:
    """The geometries in random orientations, the same ones each time."""
    rng = np.random.default_rng(SEED)
    return [turned(frame.molecule, rng) for frame in frames]
