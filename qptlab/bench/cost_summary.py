"""What the rows of the bench `cost` come to: seconds to given errors, and who leads when."""

from dataclasses import dataclass

from qptlab.bench.crossing import Points, front, leads, seconds_to
from qptlab.bench.goals import goal
from qptlab.bench.row import Row
from qptlab.units import MICROHARTREE_PER_HARTREE

MEASURES = {
    "energy_mae_ha": "energy, no refining",
    "fock_mae_ha": "F[D], no refining",
    "refined_energy_mae_ha": "energy, 3 refining",
}
"""Columns of a row, and what they are the mean absolute errors of, hartree."""
LABEL_FREE = "energy"
SUPERVISED = "hamiltonian", "coupling"
LOSSES = LABEL_FREE, *SUPERVISED
THRESHOLDS = 1e-3, 1e-4, 1e-5, 1e-6
GOAL = 1 / 25
"""Of the rival's cost, at its own error: the paper's 31 h of 786 h."""


@dataclass(frozen=True, kw_only=True)
class CostRow(Row):
    """One training."""

    loss: str  # one of `LOSSES`
    labels: int  # Fock matrices that it learns from
    lr: float  # learning rate at the start
    label_s: float  # of computing the labels
    train_s: float
    total_s: float  # both and compiling
    steps: int  # weight updates
    energy_mae_ha: float  # see `MEASURES`, as for the next
    fock_mae_ha: float
    refined_energy_mae_ha: float

    @property
    def who(self) -> str:
        """The contestant."""
        return f"{self.loss}, {self.labels} labels" if self.labels else "label-free"

    @property
    def errors(self) -> dict[str, float]:
        """{measure: hartree}."""
        return {measure: getattr(self, measure) for measure in MEASURES}

    def progress(self) -> str:
        """What was spent and reached."""
        errors = ", ".join(f"{x * MICROHARTREE_PER_HARTREE:.3g}" for x in self.errors.values())
        return f"  {self.who}: {self.total_s:.1f} s, {self.steps} steps; {errors} µHa"


def summary(rows: list[CostRow]) -> dict:
    """Comparisons by case and measure, and the goal for each."""
    found = []
    for case, theory in dict.fromkeys((row.case, row.theory) for row in rows):
        here = [row for row in rows if (row.case, row.theory) == (case, theory)]
        for measure in MEASURES:
            curves = {
                loss: [(row.total_s, row.errors[measure]) for row in here if row.loss == loss]
                for loss in LOSSES
            }
            found.append({"case": case, "theory": theory, "measure": measure, **_compare(curves)})
    return {"comparisons": found, "goals": [_goal(x, rival) for x in found for rival in SUPERVISED]}


def panels(rows: list[CostRow]) -> dict[str, dict[str, Points]]:
    """{title: {who: [(seconds, error)]}}: one panel for each case and measure, to be drawn."""
    found: dict[str, dict[str, Points]] = {}
    for row in rows:
        for measure, words in MEASURES.items():
            curves = found.setdefault(f"{row.case}, {row.theory}: {words}", {})
            curves.setdefault(row.who, []).append((row.total_s, row.errors[measure]))
    return found


def _compare(curves: dict[str, Points]) -> dict:
    """Seconds to the thresholds and to the best of each rival, and stretches of a lead."""
    ours = curves[LABEL_FREE]
    return {
        "seconds_to": [
            {"error_ha": error} | {loss: _reached(curves[loss], error) for loss in LOSSES}
            for error in THRESHOLDS
        ],
        "rivals_best": {rival: _at_the_best(ours, curves[rival]) for rival in SUPERVISED},
        "leads": {
            rival: [
                {"from_s": begin, "to_s": end, "label_free": ahead}
                for begin, end, ahead in leads(ours, curves[rival])
            ]
            for rival in SUPERVISED
        },
    }


def _reached(points: Points, error: float) -> dict | None:
    """Seconds to an error, and whether they are an upper bound."""
    found = seconds_to(points, error)
    return None if found is None else dict(zip(("seconds", "at_most"), found, strict=True))


def _at_the_best(ours: Points, rivals: Points) -> dict:
    """What the smallest error of a rival cost it, and what the same error costs without labels."""
    rival_s, error = front(rivals)[-1]
    reached = seconds_to(ours, error)
    label_free_s = None if reached is None else reached[0]
    return {
        "error_ha": error,
        "rival_s": rival_s,
        "label_free_s": label_free_s,
        "ratio": None if label_free_s is None else label_free_s / rival_s,
    }


def _goal(comparison: dict, rival: str) -> dict:
    """Where the rival's error was never reached, nothing is measured and the goal is missed."""
    ratio = comparison["rivals_best"][rival]["ratio"]
    what = f"{comparison['case']}, {comparison['theory']}, {MEASURES[comparison['measure']]}"
    aim = goal(f"{what}: label-free / {rival}, seconds to its best", GOAL, ratio)
    return aim | {"met": bool(aim["met"])}
