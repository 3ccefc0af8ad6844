"""What the networks that ship are to reach, b3lyp5/def2-svp, and whether they do."""

from qptlab.bench.goals import goal
from qptlab.units import MICROHARTREE_PER_HARTREE

GOALS_MICROHARTREE = {
    "water": {"energy_0": 5, "energy_3": 0.01, "fock_3": 1, "mo_energy_3": 5},
    "ethanol": {"energy_0": 20, "energy_3": 0.1, "fock_3": 4, "mo_energy_3": 20},
    "malondialdehyde": {"energy_0": 50, "energy_3": 0.2, "fock_3": 4, "mo_energy_3": 40},
    "uracil": {"energy_0": 100, "energy_3": 0.2, "fock_3": 4, "mo_energy_3": 40},
}
"""Mean absolute errors; the number is that of refining iterations."""
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


def goals(case: str, figures: dict[str, float]) -> list[dict]:
    """The goals of one network, each with its case and what was measured, hartree or shares."""
    limits = {
        name: limit / MICROHARTREE_PER_HARTREE
        for name, limit in GOALS_MICROHARTREE.get(case, {}).items()
    }
    limits |= OF_GENERAL if case == "general" else SHARES_OF_ONE
    return [{"case": case, **goal(name, limit, figures[name])} for name, limit in limits.items()]
