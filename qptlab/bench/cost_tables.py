"""The bench `cost` as tables and as a picture."""

import math
from collections.abc import Iterator

from matplotlib.figure import Figure

from qptlab.bench.cost_summary import LOSSES, MEASURES, SUPERVISED, CostRow, panels
from qptlab.bench.goals import goals_table
from qptlab.bench.table import Cell, Table, table
from qptlab.units import MICROHARTREE_PER_HARTREE


def tables(report: dict) -> Iterator[Table]:
    """For each case the trainings, and what they come to; then the goals."""
    rows, comparisons = _rows(report), report["summary"]["comparisons"]
    for case, theory in dict.fromkeys((row.case, row.theory) for row in rows):
        here = f"{case}, {theory}"
        yield _trainings(here, [row for row in rows if (row.case, row.theory) == (case, theory)])
        found = [x for x in comparisons if (x["case"], x["theory"]) == (case, theory)]
        yield _seconds(here, found)
        yield _leads(here, found)
    yield goals_table(report)


def figure(report: dict) -> Figure:
    """Errors against seconds, one row of panels for each case."""
    from qptlab.lab.plots.cost import cost_figure

    return cost_figure(panels(_rows(report)), columns=len(MEASURES))


def _rows(report: dict) -> list[CostRow]:
    return [CostRow(**row) for row in report["rows"]]


def _trainings(case: str, rows: list[CostRow]) -> Table:
    times = {"labels": "label_s", "compile": "compile_s", "train": "train_s", "all": "total_s"}
    header = ["contestant", *(f"{name} / s" for name in times), "steps", *MEASURES.values()]
    lines = [
        [
            row.who,
            *(f"{getattr(row, name):.1f}" for name in times.values()),
            str(row.steps),
            *(f"{error * MICROHARTREE_PER_HARTREE:.3g}" for error in row.errors.values()),
        ]
        for row in rows
    ]
    caption = "mean absolute errors against PySCF, µHa"
    return Table(f"{case}: trainings", header, lines, caption, no_wrap=True)


def _seconds(case: str, comparisons: list[dict]) -> Table:
    columns: dict[str, Cell] = {
        "error of": "{measure}",
        "to / µHa": lambda line: f"{line['error_ha'] * MICROHARTREE_PER_HARTREE:g}",
        "label-free": lambda line: _bound(line[LOSSES[0]]),
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
