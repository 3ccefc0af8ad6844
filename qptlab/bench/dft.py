"""The bench `dft`: one Fock build, one training step and one SCF, beside PySCF and pyscfad."""

import gc
import statistics
from collections.abc import Iterator

from qptlab.bench.dft_races import scf_row, step_rows
from qptlab.bench.options import Options, say
from qptlab.bench.row import Raced
from qptlab.bench.table import Table, goal, goals_table, race_table
from qptlab.dft import scf
from qptlab.library import molecule
from qptlab.reference import pyscf_work, pyscfad_work
from qptlab.theory import parse_theory

TABLES = {
    "energy+fock": (
        "energy and Fock matrix of a given density, everything else at hand",
        {
            "ΔE / Ha": "{energy_difference_ha:.0e}",
            "ΔF / Ha": "{fock_difference_ha:.0e}",
            "of peak": lambda row: f"{100 * row['share_of_peak']:.0f} %",
        },
    ),
    "scf": (
        "SCF from a molecule to its converged energy, integrals and grid included",
        {
            "builds": "{fock_builds_ours} / {fock_builds_pyscf}",
            "error / Ha": "{error_ours_ha:.0e} / {error_pyscf_ha:.0e}",
            "peak MB": "{peak_mb_ours:.0f} / {peak_mb_pyscf_df:.0f}",
        },
    ),
    "energy+dE/dF": (
        "energy of D(F) and its gradient dE/dF: one step of training",
        {
            "ΔE / Ha": "{energy_difference_ha:.0e}",
            "ΔdE/dF": "{slope_difference:.0e}",
            "× energy+fock": "{ratio_to_energy_and_fock:.2f}",
        },
    ),
}
"""{operation: (title, columns of its own)}."""
MEMORY_CASE = "alanine-dipeptide"


def rows(options: Options) -> Iterator[Raced]:
    """Three or four for each case and theory."""
    if not pyscfad_work.is_installed():
        say("pyscfad is not installed, so it takes no part: pip install 'qptlab[peers]'")
    # a small SCF of either program, so that no import is taken for compilation
    smallest, level = molecule("hydrogen"), parse_theory("hf/sto-3g")
    scf(smallest, level)
    pyscf_work.unconverged(smallest, level).kernel()
    for case, theory in options.pairs():
        yield scf_row(case, theory, options)
        gc.collect()
        yield from step_rows(case, theory, options)
        gc.collect()


def summary(rows: list[Raced]) -> dict:
    """Median and largest ratio of each operation against each program, and the goals."""
    ratios: dict[str, list[float]] = {}
    for row in rows:
        ratios.setdefault(f"{row.operation} / {row.program}", []).append(row.ratio)
    return {
        "median_ratio": {name: statistics.median(several) for name, several in ratios.items()},
        "max_ratio": {name: max(several) for name, several in ratios.items()},
        "goals": goals(rows),
        "disagreements": [
            f"{row.case}, {row.theory}, {row.operation}: ours and {row.peer} do not "
            "compute the same; its times mean nothing"
            for row in rows
            if not row.agrees()
        ],
    }


def tables(report: dict) -> Iterator[Table | str]:
    """One for each operation, the goals, and what did not agree."""
    for operation, (title, columns) in TABLES.items():
        if found := [row for row in report["rows"] if row["operation"] == operation]:
            yield race_table(title, columns, found)
    yield goals_table(report)
    yield from report["summary"]["disagreements"]


def goals(rows: list[Raced]) -> list[dict]:
    """Each goal with what was measured; `met` is None where nothing was."""
    builds, scfs = _of(rows, "energy+fock"), _of(rows, "scf")
    slopes, pyscfad = (_of(rows, "energy+dE/dF", program) for program in ("pyscf", "pyscfad"))
    dipeptide = [row for row in scfs if row.case == MEMORY_CASE]
    median = statistics.median(row.ratio for row in builds) if builds else None
    slope_to_build = _largest(slopes, "ratio_to_energy_and_fock")
    return [
        goal("energy+fock, median of ours / PySCF", 0.5, median),
        goal("energy+fock, largest ours / PySCF", 0.8, _largest(builds, "ratio")),
        goal("scf, largest ours / PySCF", 0.7, _largest(scfs, "ratio")),
        goal("scf, longest compilation in s", 2.0, _largest(scfs, "compile_s")),
        goal("dE/dF, largest ratio to energy+fock", 1.5, slope_to_build),
        goal("dE/dF, largest ours / pyscfad", 0.1, _largest(pyscfad, "ratio")),
        goal("peak MB, SCF of alanine dipeptide", 2000, _largest(dipeptide, "peak_mb_ours")),
    ]


def _of(rows: list[Raced], operation: str, program: str = "pyscf") -> list[Raced]:
    return [row for row in rows if (row.operation, row.program) == (operation, program)]


def _largest(rows: list[Raced], field: str) -> float | None:
    return max((getattr(row, field) for row in rows), default=None)
