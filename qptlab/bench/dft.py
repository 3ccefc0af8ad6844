"""The bench `dft`: one Fock build, one training step and one SCF, beside PySCF and pyscfad."""

import gc
from collections.abc import Iterator

from qptlab.bench.dft_summary import summary
from qptlab.bench.goals import goals_table
from qptlab.bench.options import Options
from qptlab.bench.progress import say
from qptlab.bench.row import Raced
from qptlab.bench.scf_race import scf_row
from qptlab.bench.step_races import step_rows
from qptlab.bench.table import Table, race_table
from qptlab.dft import scf
from qptlab.molecule import molecule
from qptlab.reference import pyscf_work, pyscfad_work
from qptlab.theory import parse_theory

__all__ = ["rows", "summary", "tables"]

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


def rows(options: Options) -> Iterator[Raced]:
    """Three or four for each case and theory."""
    if not pyscfad_work.is_installed():
        say("pyscfad is not installed, so it takes no part: pip install 'qptlab[peers]'")
    _import_everything()
    for case, theory in options.pairs():
        yield scf_row(case, theory, options)
        gc.collect()
        yield from step_rows(case, theory, options)
        gc.collect()


def tables(report: dict) -> Iterator[Table | str]:
    """One for each operation, the goals, and what did not agree."""
    for operation, (title, columns) in TABLES.items():
        if found := [row for row in report["rows"] if row["operation"] == operation]:
            yield race_table(title, columns, found)
    yield goals_table(report)
    yield from report["summary"]["disagreements"]


def _import_everything() -> None:
    """A small SCF of either program, so that no import is taken for compilation."""
    smallest, level = molecule("hydrogen"), parse_theory("hf/sto-3g")
    scf(smallest, level)
    pyscf_work.unconverged(smallest, level).kernel()
