"""What the rows of the bench `cost` come to: seconds to an error, tables, and a picture."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from matplotlib.figure import Figure

from qptlab.bench.crossing import Points, front, leads, seconds_to
from qptlab.bench.row import Row
from qptlab.bench.table import Cell, Table, goal, goals_table, micro, table
from qptlab.lab.plots.cost import cost_figure
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
LEAD = "from_s", "to_s", "label_free"
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
        return f"{self.loss}, {self.labels} labels" if self.labels else "label-free"

    @property
    def errors(self) -> dict[str, float]:
        """{measure: hartree}."""
        return {measure: getattr(self, measure) for measure in MEASURES}

    def progress(self) -> str:
        errors = ", ".join(map(micro, self.errors.values()))
        return f"  {self.who}: {self.total_s:.1f} s, {self.steps} steps; {errors} µHa"


def summary(rows: list[CostRow]) -> dict:
    """Comparisons by case and measure, and the goal for each."""
    found = []
    for (case, theory), here in _by_case(rows).items():
        for measure in MEASURES:
            curves = {
                loss: [(row.total_s, row.errors[measure]) for row in here if row.loss == loss]
                for loss in LOSSES
            }
            found.append({"case": case, "theory": theory, "measure": measure, **_compare(curves)})
    return {"comparisons": found, "goals": [_goal(x, rival) for x in found for rival in SUPERVISED]}


def tables(report: dict) -> Iterator[Table]:
    """For each case the trainings, and what they come to; then the goals."""
    for (case, theory), here in _by_case(_rows(report)).items():
        comparisons = report["summary"]["comparisons"]
        found = [x for x in comparisons if (x["case"], x["theory"]) == (case, theory)]
        yield _trainings(f"{case}, {theory}", here)
        yield _seconds(f"{case}, {theory}", found)
        yield _leads(f"{case}, {theory}", found)
    yield goals_table(report)


def figure(report: dict) -> Figure:
    """Errors against seconds: a row of panels for each case, a panel for each measure."""
    panels: dict[str, dict[str, Points]] = {}
    for row in _rows(report):
        for measure, words in MEASURES.items():
            curves = panels.setdefault(f"{row.case}, {row.theory}: {words}", {})
            curves.setdefault(row.who, []).append((row.total_s, row.errors[measure]))
    return cost_figure(panels, columns=len(MEASURES))


def _rows(report: dict) -> list[CostRow]:
    return [CostRow(**row) for row in report["rows"]]


def _by_case(rows: list[CostRow]) -> dict[tuple[str, str], list[CostRow]]:
    """{(case, theory): its trainings}."""
    found: dict[tuple[str, str], list[CostRow]] = {}
    for row in rows:
        found.setdefault((row.case, row.theory), []).append(row)
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
            rival: [dict(zip(LEAD, lead, strict=True)) for lead in leads(ours, curves[rival])]
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
    found = {"error_ha": error, "rival_s": rival_s, "label_free_s": None, "ratio": None}
    if reached := seconds_to(ours, error):
        found |= {"label_free_s": reached[0], "ratio": reached[0] / rival_s}
    return found


def _goal(comparison: dict, rival: str) -> dict:
    """Where the rival's error was never reached, nothing is measured and the goal is missed."""
    ratio = comparison["rivals_best"][rival]["ratio"]
    what = f"{comparison['case']}, {comparison['theory']}, {MEASURES[comparison['measure']]}"
    aim = goal(f"{what}: label-free / {rival}, seconds to its best", GOAL, ratio)
    return aim | {"met": bool(aim["met"])}


def _trainings(case: str, rows: list[CostRow]) -> Table:
    times = {"labels": "label_s", "compile": "compile_s", "train": "train_s", "all": "total_s"}
    header = ["contestant", *(f"{name} / s" for name in times), "steps", *MEASURES.values()]
    lines = [
        [
            row.who,
            *(f"{getattr(row, name):.1f}" for name in times.values()),
            str(row.steps),
            *map(micro, row.errors.values()),
        ]
        for row in rows
    ]
    caption = "mean absolute errors against PySCF, µHa"
    return Table(f"{case}: trainings", header, lines, caption, no_wrap=True)


def _seconds(case: str, comparisons: list[dict]) -> Table:
    columns: dict[str, Cell] = {
        "error of": "{measure}",
        "to / µHa": lambda line: f"{line['error_ha'] * MICROHARTREE_PER_HARTREE:g}",
        "label-free": lambda line: _bound(line[LABEL_FREE]),
        **{rival: lambda line, rival=rival: _bound(line[rival]) for rival in SUPERVISED},
        "ratio": _ratio,
    }
    lines = [
        line | {"measure": MEASURES[of["measure"]]}
        for of in comparisons
        for line in of["seconds_to"]
    ]
    caption = "≤: the shortest training was good enough; ratio: label-free / faster rival"
    return table(f"{case}: seconds to an error, all included", columns, lines, caption=caption)


def _leads(case: str, comparisons: list[dict]) -> Table:
    lines = [
        [MEASURES[of["measure"]], rival, ", ".join(_lead(rival, x) for x in of["leads"][rival])]
        for of in comparisons
        for rival in SUPERVISED
    ]
    title = f"{case}: who has the smaller error, from second to second"
    return Table(title, ("error of", "against", "seconds"), lines, text_columns=3)


def _lead(rival: str, lead: dict) -> str:
    who = "label-free" if lead["label_free"] else rival
    return f"{who} {lead['from_s']:.0f}–{lead['to_s']:.0f}"


def _ratio(line: dict) -> str:
    ours, *rivals = (line[loss]["seconds"] if line[loss] else math.inf for loss in LOSSES)
    return f"{ours / min(rivals):.2f}" if ours + min(rivals) < math.inf else "–"


def _bound(reached: dict | None) -> str:
    if reached is None:
        return "never"
    return f"{'≤ ' if reached['at_most'] else ''}{reached['seconds']:.0f}"
