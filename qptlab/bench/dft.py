"""The bench `dft`: one Fock build, one training step and one SCF, beside PySCF and pyscfad."""

import gc
import os

from qptlab.bench.machine import machine
from qptlab.bench.options import Options
from qptlab.bench.progress import say
from qptlab.bench.scf_race import scf_row
from qptlab.bench.step_races import build_row, slope_rows, stage
from qptlab.bench.summary import summary
from qptlab.dft import scf
from qptlab.molecule import molecule
from qptlab.reference import pyscf_work, pyscfad_work
from qptlab.theory import parse_theory


def report(options: Options) -> dict:
    """Machine, rows and summary. Lines of progress go to stderr."""
    if not pyscfad_work.is_installed():
        say("pyscfad is not installed, so it takes no part: pip install 'qptlab[peers]'")
    _import_everything()
    described = machine(options.threads)
    rows: list[dict] = []
    for case in options.cases:
        for index, name in enumerate(options.theories):
            say(f"{case}, {name}")
            for part in (_scf_rows, _step_rows):
                rows += part(case, index, options)
                gc.collect()
    described["load_average_after"] = list(os.getloadavg())
    return {"bench": "dft", "machine": described, "rows": rows, "summary": summary(rows)}


def _scf_rows(case: str, index: int, options: Options) -> list[dict]:
    return [_said(scf_row(case, index, options))]


def _step_rows(case: str, index: int, options: Options) -> list[dict]:
    on = stage(case, index, options)
    return [_said(build_row(on, options)), *map(_said, slope_rows(on, options))]


def _said(row: dict) -> dict:
    times = f"{row['ours_s']:.4g} s, {row['peer']} {row['peer_s']:.4g} s"
    say(f"  {row['operation']}: ours {times}, ratio {row['ratio']:.2f}")
    return row


def _import_everything() -> None:
    """A small SCF of either program, so that no import is taken for compilation."""
    smallest, level = molecule("hydrogen"), parse_theory("hf/sto-3g")
    scf(smallest, level)
    pyscf_work.unconverged(smallest, level).kernel()
