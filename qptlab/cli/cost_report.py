"""The bench `cost` as tables and as a picture."""

import argparse
import math
import os
from collections.abc import Iterator
from pathlib import Path

from rich.table import Table

from qptlab.bench.cost_summary import LOSSES, MEASURES, SUPERVISED, panels, who
from qptlab.units import MICROHARTREE_PER_HARTREE


def cost_tables(report: dict) -> Iterator[Table]:
    """For each case the trainings, and what they come to."""
    rows, comparisons = report["rows"], report["summary"]["comparisons"]
    for here in dict.fromkeys(map(_case, rows)):
        yield _trainings(here, [row for row in rows if _case(row) == here])
        found = [comparison for comparison in comparisons if _case(comparison) == here]
        yield _seconds(here, found)
        yield _leads(here, found)


def figure_file(args: argparse.Namespace) -> Path:
    """The file of --figure, if it can be drawn there; asked before an hour is spent.

    Raises:
        ValueError: another bench, a kind of picture that cannot be drawn, or no such folder.
    """
    from matplotlib.figure import Figure

    path = Path(args.figure)
    if args.name != "cost":
        raise ValueError(f"--figure belongs to the bench cost; got {args.name}")
    kinds = Figure().canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in kinds:
        raise ValueError(f"{path} is no picture; its name may end in .{', .'.join(sorted(kinds))}")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise ValueError(f"{path} cannot be written")
    return path


def draw_cost(report: dict, path: Path) -> None:
    """Draw errors against seconds, one row of panels for each case."""
    from qptlab.lab.cost_plot import cost_figure

    cost_figure(panels(report["rows"]), columns=len(MEASURES)).savefig(path)


def _case(record: dict) -> str:
    return f"{record['case']}, {record['theory']}"


def _trainings(case: str, rows: list[dict]) -> Table:
    table = Table(title=f"{case}: trainings", caption="mean absolute errors against PySCF, µHa")
    table.add_column("contestant", no_wrap=True)
    for name in ("labels / s", "compile / s", "train / s", "all / s", "steps", *MEASURES.values()):
        table.add_column(name, justify="right")
    for row in rows:
        times = (f"{row[name]:.1f}" for name in ("label_s", "compile_s", "train_s", "total_s"))
        errors = (f"{row[name] * MICROHARTREE_PER_HARTREE:.3g}" for name in MEASURES)
        table.add_row(who(row), *times, str(row["steps"]), *errors)
    return table


def _seconds(case: str, comparisons: list[dict]) -> Table:
    table = Table(
        title=f"{case}: seconds to an error, all included",
        caption="≤: the shortest training was good enough; ratio: label-free / faster rival",
    )
    table.add_column("error of")
    for name in ("to / µHa", "label-free", *SUPERVISED, "ratio"):
        table.add_column(name, justify="right")
    for of in comparisons:
        for line in of["seconds_to"]:
            seconds = [line[loss]["seconds"] if line[loss] else math.inf for loss in LOSSES]
            ours, rival = seconds[0], min(seconds[1:])
            table.add_row(
                MEASURES[of["measure"]],
                f"{line['error_ha'] * MICROHARTREE_PER_HARTREE:g}",
                *(_bound(line[loss]) for loss in LOSSES),
                f"{ours / rival:.2f}" if ours + rival < math.inf else "–",
            )
    return table


def _leads(case: str, comparisons: list[dict]) -> Table:
    table = Table(title=f"{case}: who has the smaller error, from second to second")
    for name in ("error of", "against", "seconds"):
        table.add_column(name)
    for of in comparisons:
        for rival in SUPERVISED:
            words = [
                f"{'label-free' if lead['label_free'] else rival} "
                f"{lead['from_s']:.0f}–{lead['to_s']:.0f}"
                for lead in of["leads"][rival]
            ]
            table.add_row(MEASURES[of["measure"]], rival, ", ".join(words))
    return table


def _bound(reached: dict | None) -> str:
    if reached is None:
        return "never"
    return f"{'≤ ' if reached['at_most'] else ''}{reached['seconds']:.0f}"
