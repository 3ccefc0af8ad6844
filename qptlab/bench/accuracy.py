"""The bench `accuracy`: every network that ships, against PySCF on its frozen test geometries."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from qptlab.bench.options import Options, say
from qptlab.bench.race import compile_seconds
from qptlab.bench.row import Compared
from qptlab.bench.table import Table, goal
from qptlab.molecule import Molecule
from qptlab.qpt.networks.base import Network
from qptlab.qpt.predict import predict
from qptlab.qpt.runs.models import about_model, load
from qptlab.qpt.runs.shipped import FrozenFrame, frozen_frames, shipped_model
from qptlab.qpt.sampling.base import turned
from qptlab.reference import Evaluation, evaluate
from qptlab.reference.scf_cost import predicted_cost
from qptlab.units import MICROHARTREE_PER_HARTREE

REFINE = 3
SEED = 0
"""Of the orientations."""
TOLERANCE = "1e-09"
"""PySCF's `conv_tol`, hartree, to which Fock builds are counted."""

GOALS_MICROHARTREE = {
    "water": {"energy_0": 5, "energy_3": 0.01, "fock_3": 1, "mo_energy_3": 5},
    "ethanol": {"energy_0": 20, "energy_3": 0.1, "fock_3": 4, "mo_energy_3": 20},
    "malondialdehyde": {"energy_0": 50, "energy_3": 0.2, "fock_3": 4, "mo_energy_3": 40},
    "uracil": {"energy_0": 100, "energy_3": 0.2, "fock_3": 4, "mo_energy_3": 40},
}
"""Mean absolute errors, b3lyp5/def2-svp; the number is that of refining iterations."""
TRAINING_GOALS = {
    "water": "5 min",
    "ethanol": "60 min",
    "malondialdehyde": "2 h",
    "uracil": "6 h, or 30 min on one H200",
}
"""On two CPU cores unless said otherwise."""
SHARES_OF_ONE = {"share_of_diis_0": 0.1, "share_of_diis_3": 0.1, "share_of_minao": 0.6}
OF_GENERAL = {"median_share_of_diis_3": 0.1, "worse_than_diis_3": 0, "share_of_minao": 0.63}
"""Of DIIS's energy error at equal Fock builds, and of minao's builds to 1e-9 Ha in PySCF; of the
general network, molecules on which DIIS is better."""


@dataclass(frozen=True, kw_only=True)
class AccuracyRow(Compared):
    """One network; seconds are those of PySCF's SCF, from the prediction and from minao."""

    parameters: int  # weights
    geometries: int
    trajectories: int  # that the geometries are of
    temperature_k: list[float]  # kelvin, of the trajectories
    figures: dict[str, float]  # see `_figures`
    refine_0: dict  # what `qptlab evaluate` prints, by refining iterations
    refine_3: dict
    about: dict  # how it was trained, as far as its file says
    training_goal: str | None  # how long that may take, in words


def rows(options: Options) -> Iterator[AccuracyRow]:
    """One for each network: what it predicts without refining and with."""
    for case in options.cases:
        path, frames = shipped_model(case), frozen_frames(case)
        model, molecules = load(path), turned_molecules(frames)
        say(f"{case}: {model!r}, {len(frames)} geometries")
        compiling = compile_seconds(partial(predict, model, molecules[0], REFINE))
        without, refined = (
            evaluate(model, molecules, refine, say, ("minao",)) for refine in (0, REFINE)
        )
        between = {refine: _builds(model, molecules, refine) for refine in range(1, REFINE)}
        start = without.scf_speedup[TOLERANCE]
        ours_s, peer_s = start["predicted"]["seconds"], start["minao"]["seconds"]
        yield AccuracyRow(
            **options.known(case, model.theory),
            parameters=model.n_parameters,
            geometries=len(frames),
            trajectories=len({frame.trajectory for frame in frames}),
            temperature_k=sorted({frame.temperature_k for frame in frames}),
            figures=_figures(without, refined, between),
            refine_0=without.to_json(),
            refine_3=refined.to_json(),
            about=about_model(path),
            training_goal=TRAINING_GOALS.get(case),
            ours_s=ours_s,
            peer_s=peer_s,
            ratio=ours_s / peer_s,
            compile_s=compiling,
        )


def summary(rows: list[AccuracyRow]) -> dict:
    return {"goals": [aim for row in rows for aim in goals(row.case, row.figures)]}


def tables(report: dict) -> Iterator[Table | str]:
    """Quantities down and networks across, to be pasted; then what trained each network."""
    rows = report["rows"]
    columns = [_column(row, report["summary"]["goals"]) for row in rows]
    lines = [[label, *(column[label] for column in columns)] for label in columns[0]]
    yield Table(TITLE, ["", *(row["case"] for row in rows)], lines, markdown=True)
    for row in rows:
        yield f"- {row['case']}: {_told(row['about'], 'command', '`{}`')}"


def goals(case: str, figures: dict[str, float]) -> list[dict]:
    """The goals of one network, each with its case and what was measured, hartree or shares."""
    limits = {
        name: limit / MICROHARTREE_PER_HARTREE
        for name, limit in GOALS_MICROHARTREE.get(case, {}).items()
    }
    limits |= OF_GENERAL if case == "general" else SHARES_OF_ONE
    return [{"case": case, **goal(name, limit, figures[name])} for name, limit in limits.items()]


def turned_molecules(frames: list[FrozenFrame]) -> list[Molecule]:
    """The geometries in random orientations, the same ones each time."""
    rng = np.random.default_rng(SEED)
    return [turned(frame.molecule, rng) for frame in frames]


def _builds(model: Network, molecules: list[Molecule], refine: int) -> float:
    """Mean number of Fock builds of PySCF from the prediction, whose own are counted."""
    counts = []
    for molecule in molecules:
        made = predict(model, molecule, refine)
        given = molecule, model.theory, made.dm, made.fock_builds, made.seconds
        counts.append(predicted_cost(*given)[float(TOLERANCE)]["fock_builds"])
    return float(np.mean(counts))


def _figures(
    without: Evaluation, refined: Evaluation, between: dict[int, float]
) -> dict[str, float]:
    """What the table shows: errors in hartree, numbers of Fock builds, and shares.

    The number in a name is that of refining iterations. `builds_0` to `builds_3`, those with 1 and
    2 given as `between`, are PySCF's from the prediction, whose own are counted; `share_of_minao`
    is the fewest of them, of `builds_minao`.
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


def _micro(value_ha: float) -> str:
    """Three digits, without a power of ten where the number is large."""
    return f"{float(f'{value_ha * MICROHARTREE_PER_HARTREE:.3g}'):,.9g}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _nines(share: float) -> str:
    return f"{100 * share:.5f} %"


_count, _whole = "{:.1f}".format, "{:.0f}".format
TITLE = (
    "Mean absolute errors against PySCF, of frozen test geometries in random orientations; "
    "in brackets the goal."
)
LINES = {
    "energy, no refining / µHa": (_micro, "energy", 0),
    "energy, 3 refining / µHa": (_micro, "energy", 3),
    "Fock matrix F[D], 3 refining / µHa": (_micro, "fock", 3),
    "orbital energies, 3 refining / µHa": (_micro, "mo_energy", 3),
    "ΔE₂, its estimate, 0 / 3 refining / µHa": (_micro, "delta2", 0, 3),
    "energy without a network, 0 / 3 refining / µHa": (_micro, "plain", 0, 3),
    "energy of DIIS from minao, as many Fock builds / µHa": (_micro, "diis", 0, 3),
    "share of DIIS's error, 0 / 3 refining": (_percent, "share_of_diis", 0, 3),
    "median energy error, 0 / 3 refining / µHa": (_micro, "median", 0, 3),
    "its share of DIIS's median": (_percent, "median_share_of_diis", 0, 3),
    "geometries where DIIS is better, 0 / 3 refining": (_whole, "worse_than_diis", 0, 3),
    "ψ similarity, 0 / 3 refining": (_nines, "psi_similarity", 0, 3),
    "wrong occupations, 0 / 3 refining": (_percent, "wrong_occupation", 0, 3),
    "PySCF to 1e-9 Ha from minao, Fock builds": (_count, "builds_minao"),
    "from 0 / 1 / 2 / 3 refining, theirs counted": (_count, "builds", 0, 1, 2, 3),
    "the fewest, as a share of minao's": (_percent, "share_of_minao"),
}
"""{what is shown: (how a figure is written, its name, with how many refining iterations)}."""


def _column(row: dict, goals: list[dict]) -> dict[str, str]:
    """What one network has in each line."""
    about, limit = row["about"], row["training_goal"]
    judged = {aim["goal"]: aim for aim in goals if aim["case"] == row["case"]}
    seconds = _told(about, "seconds", "{} s")
    return {
        "theory": row["theory"],
        "test geometries, of trajectories": f"{row['geometries']}, {row['trajectories']}",
        "temperature / K": ", ".join(f"{kelvin:g}" for kelvin in row["temperature_k"]),
        **{label: _cell(row["figures"], judged, *line) for label, line in LINES.items()},
        "weights": f"{row['parameters']:,}",
        "training time": seconds if limit is None else f"{seconds} ({limit})",
        "trained on": _told(about, "machine"),
        "seed": _told(about, "seed"),
    }


def _cell(
    figures: dict[str, float], judged: dict[str, dict], write: Callable, name: str, *refines: int
) -> str:
    words = []
    for each in [f"{name}_{refine}" for refine in refines] or [name]:
        word = write(figures[each])
        if aim := judged.get(each):
            word += f" ({write(aim['at_most'])}{'' if aim['met'] else ', missed'})"
        words.append(word)
    return " / ".join(words)


def _told(about: dict, name: str, form: str = "{}") -> str:
    """What is known of how a network was trained, or a dash."""
    return form.format(about[name]) if name in about else "–"
