"""What the rows of the bench `dft` come to: ratios per operation, and which goals they meet."""

from collections.abc import Callable, Sequence

import numpy as np

from qptlab.bench.goals import goal
from qptlab.bench.row import Raced

MEMORY_CASE = "alanine-dipeptide"


def summary(rows: list[Raced]) -> dict:
    """Median and largest ratio of each operation against each program, and the goals."""
    groups: dict[str, list[Raced]] = {}
    for row in rows:
        groups.setdefault(f"{row.operation} / {row.program}", []).append(row)
    return {
        "median_ratio": {
            name: _reduce(np.median, group, "ratio") for name, group in groups.items()
        },
        "max_ratio": {name: _reduce(np.max, group, "ratio") for name, group in groups.items()},
        "goals": goals(rows),
        "disagreements": [
            f"{row.case}, {row.theory}, {row.operation}: ours and {row.peer} do not "
            "compute the same; its times mean nothing"
            for row in rows
            if not row.agrees()
        ],
    }


def goals(rows: list[Raced]) -> list[dict]:
    """Each goal with what was measured; `met` is None where nothing was."""
    build, scf = _of(rows, "energy+fock"), _of(rows, "scf")
    slope, pyscfad = (_of(rows, "energy+dE/dF", program) for program in ("pyscf", "pyscfad"))
    dipeptide = [row for row in scf if row.case == MEMORY_CASE]
    ratio_to_build = "ratio_to_energy_and_fock"
    return [
        goal("energy+fock, median of ours / PySCF", 0.5, _reduce(np.median, build, "ratio")),
        goal("energy+fock, largest ours / PySCF", 0.8, _reduce(np.max, build, "ratio")),
        goal("scf, largest ours / PySCF", 0.7, _reduce(np.max, scf, "ratio")),
        goal("scf, longest compilation in s", 2.0, _reduce(np.max, scf, "compile_s")),
        goal("dE/dF, largest ratio to energy+fock", 1.5, _reduce(np.max, slope, ratio_to_build)),
        goal("dE/dF, largest ours / pyscfad", 0.1, _reduce(np.max, pyscfad, "ratio")),
        goal("peak MB, SCF of alanine dipeptide", 2000, _reduce(np.max, dipeptide, "peak_mb_ours")),
    ]


def _of(rows: list[Raced], operation: str, program: str = "pyscf") -> list[Raced]:
    return [row for row in rows if (row.operation, row.program) == (operation, program)]


def _reduce(how: Callable, rows: Sequence[Raced], field: str) -> float | None:
    values = [getattr(row, field) for row in rows]
    return float(how(values)) if values else None
