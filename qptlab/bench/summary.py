"""What the rows come to: ratios per operation, and which goals they meet."""

from collections.abc import Iterable

import numpy as np

SAME_ENERGY_HA, SAME_FOCK_HA, SAME_AS_PYSCFAD = 1e-8, 1e-7, 1e-6
MEMORY_CASE = "alanine-dipeptide"


def summary(rows: list[dict]) -> dict:
    """Median and largest ratio of each operation against each program, and the goals."""
    groups: dict[str, list[dict]] = {}
    for row in rows:
        groups.setdefault(f"{row['operation']} / {row['peer'].split()[0]}", []).append(row)
    return {
        "median_ratio": {
            name: _reduce(np.median, group, "ratio") for name, group in groups.items()
        },
        "max_ratio": {name: _reduce(np.max, group, "ratio") for name, group in groups.items()},
        "goals": goals(rows),
        "disagreements": [_sentence(row) for row in rows if not agrees(row)],
    }


def goals(rows: list[dict]) -> list[dict]:
    """Each goal with what was measured; `met` is None where nothing was."""
    build = _of(rows, "energy+fock")
    scf = _of(rows, "scf")
    slope = _of(rows, "energy+dE/dF", "pyscf")
    pyscfad = _of(rows, "energy+dE/dF", "pyscfad")
    dipeptide = [row for row in scf if row["case"] == MEMORY_CASE]
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


def agrees(row: dict) -> bool:
    """Whether ours and the peer computed the same, and both SCFs converged."""
    pyscfad = row["peer"].startswith("pyscfad")
    return (
        row.get("energy_difference_ha", 0) <= (SAME_AS_PYSCFAD if pyscfad else SAME_ENERGY_HA)
        and row.get("fock_difference_ha", 0) <= SAME_FOCK_HA
        and row.get("slope_difference", 0) <= (SAME_AS_PYSCFAD if pyscfad else SAME_FOCK_HA)
        and row.get("converged", True)
    )


def goal(what: str, limit: float, value: float | None) -> dict:
    """A goal with what was measured; `met` is None where nothing was."""
    met = None if value is None else value <= limit
    return {"goal": what, "at_most": limit, "measured": value, "met": met}


def _of(rows: list[dict], operation: str, program: str = "pyscf") -> list[dict]:
    return [
        row for row in rows if row["operation"] == operation and row["peer"].split()[0] == program
    ]


def _reduce(how, rows: Iterable[dict], column: str) -> float | None:
    values = [row[column] for row in rows]
    return float(how(values)) if values else None


def _sentence(row: dict) -> str:
    return (
        f"{row['case']}, {row['theory']}, {row['operation']}: ours and {row['peer']} do not "
        "compute the same; its times mean nothing"
    )
