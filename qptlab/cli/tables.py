"""What the command line prints for people: tables on stdout, progress on stderr."""

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from qptlab.qpt.training.run import Training
from qptlab.reference import Evaluation
from qptlab.units import DEBYE_PER_AU, EV_PER_HARTREE, MICROHARTREE_PER_HARTREE

# markup off: file names may hold brackets
_out = Console(highlight=False, markup=False)
_err = Console(stderr=True, highlight=False, markup=False)
REPORT_EVERY = 10.0
"""Seconds between progress lines where there is no terminal to draw a bar on."""


def progress(line: str) -> None:
    """One line of progress."""
    _err.print(line, soft_wrap=True)


def energies(records: list[dict]) -> None:
    """A table with one row per geometry."""
    table = Table(title=", ".join(_what(records[0])))
    columns = ["energy / Ha", "HOMO / eV", "LUMO / eV", "dipole / D", "Fock builds", "s"]
    with_forces = "forces" in records[0]
    if with_forces:
        columns.insert(4, "largest force / (Ha/bohr)")
    for name in columns:
        # where the window is narrow, headings are folded and no energy is cut
        table.add_column(name, justify="right", no_wrap=name == columns[0])
    for r in records:
        lumo = "–" if r["lumo"] is None else f"{r['lumo'] * EV_PER_HARTREE:.3f}"
        cells = [
            f"{r['energy']:.8f}",
            f"{r['homo'] * EV_PER_HARTREE:.3f}",
            lumo,
            f"{np.linalg.norm(r['dipole']) * DEBYE_PER_AU:.3f}",
            str(r["fock_builds"]),
            f"{r['seconds']:.2f}",
        ]
        if with_forces:
            cells.insert(4, f"{np.linalg.norm(r['forces'], axis=1).max():.6f}")
        table.add_row(*cells)
    _out.print(table)


def _what(record: dict) -> list[str]:
    """Molecule and theory in words; charge and spin where there are any."""
    words = [record["formula"], record["theory"]]
    if record["charge"]:
        words.insert(1, f"charge {record['charge']:+d}")
    if record["spin"]:
        words.insert(-1, f"{record['spin']} unpaired")
    return words


def follow(run: Training) -> None:
    """Carry a training out, showing where it is; Ctrl-C ends it early."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_err, transient=True, disable=not _err.is_terminal) as bar:
        total = 60 * run.config.minutes if run.config.minutes else run.config.steps
        task = bar.add_task("compiling", total=total)
        error, report_at = "", 0.0
        try:
            for log in run:
                for sentence in log.skipped:
                    progress(f"step {log.step}: left out {sentence}")
                if log.val_error_ha:
                    error = _validation_text(log.val_error_ha)
                done = log.seconds if run.config.minutes else log.step
                bar.update(task, completed=done, description=f"step {log.step}{error}")
                if not _err.is_terminal and log.seconds > report_at:
                    progress(f"{log.seconds:.0f} s, step {log.step}{error}")
                    report_at = log.seconds + REPORT_EVERY
        except KeyboardInterrupt:
            if not run.history:
                raise
            progress("stopped; the run is kept")
    for sentence in run.left_out:
        progress(f"left out {sentence}")


def _validation_text(errors: dict[int, float]) -> str:
    last = max(errors)
    return (
        f", validation error {_micro(errors[0])} µHa, {_micro(errors[last])} after {last} refining"
    )


def trained(record: dict) -> None:
    """The end of a training."""
    _errors_table(
        f"{record['steps']} steps, {record['seconds']:.0f} s, run kept in {record['run']}",
        {"network": record["val_energy_mae_ha"], **(record["baselines_ha"] or {})},
        "mean validation error / µHa",
    )


def evaluation(result: Evaluation) -> None:
    """Errors against PySCF, then the baselines at the same number of Fock builds."""
    table = Table(
        title=f"{result.geometries} geometries, {result.refine} refining iterations, against PySCF"
    )
    table.add_column("mean error")
    table.add_column("µHa", justify="right")
    for label, value in (
        ("energy", result.energy_mae_ha),
        ("its estimate ΔE₂", result.delta2_ha),
        ("Fock matrix F[D]", result.fock_mae_ha),
        ("Fock matrix F0 + ΔF", result.raw_fock_mae_ha),
        ("orbital energies", result.mo_energy_mae_ha),
        ("occupied orbital energies", result.occupied_mo_energy_mae_ha),
    ):
        table.add_row(label, _micro(value))
    _out.print(table)
    _errors_table(
        "at equal Fock builds",
        {"network": {result.refine: result.energy_mae_ha}, **result.baselines},
        "mean energy error / µHa",
    )
    _out.print(
        f"occupied orbitals: {100 * result.psi_similarity:.3f} % alike; wrong occupation in "
        f"{100 * result.wrong_occupation_share:.0f} % of geometries"
    )
    _scf_costs(result.scf_speedup)
    if len({(frame["formula"], frame["charge"]) for frame in result.frames}) > 1:
        _by_molecule(result)


def _by_molecule(result: Evaluation) -> None:
    """One line for each geometry, then the medians and who is worse than DIIS."""
    tolerance = "1e-09"
    table = Table(caption=f"energy errors in µHa; PySCF's Fock builds to {tolerance} Ha")
    table.add_column("molecule")
    for name in ("network", "ΔE₂", "DIIS", "from minao", "from prediction"):
        table.add_column(name, justify="right")
    for frame in result.frames:
        costs = frame["scf_speedup"][tolerance]
        table.add_row(
            frame["formula"] + (f" {frame['charge']:+d}" if frame["charge"] else ""),
            _micro(frame["energy_mae_ha"]),
            _micro(frame["delta2_ha"]) + ("" if frame["within_reach"] else " (out of reach)"),
            _micro(frame["baselines"]["diis"][result.refine]),
            *(f"{costs[guess]['fock_builds']:.0f}" for guess in ("minao", "predicted")),
        )
    medians = result.medians_ha
    table.add_section()
    table.add_row("median", _micro(medians["network"]), "", _micro(medians["diis"]))
    _out.print(table)
    worse = [result.frames[i]["formula"] for i in result.worse_than_diis]
    _out.print(f"worse than DIIS: {', '.join(worse) or 'none'}")


def _scf_costs(costs: dict[str, dict]) -> None:
    """Fock builds and seconds by guess, one column for each tolerance."""
    table = Table(title="PySCF's SCF: Fock builds (seconds), those of the prediction counted")
    table.add_column("start")
    for tolerance in costs:
        table.add_column(f"to {tolerance} Ha", justify="right")
    for guess in sorted(next(iter(costs.values())), key=lambda name: name == "predicted"):
        cells = [costs[tolerance][guess] for tolerance in costs]
        table.add_row(guess, *(f"{c['fock_builds']:.1f} ({c['seconds']:.2f})" for c in cells))
    _out.print(table)


def _errors_table(title: str, rows: dict[str, dict], unit: str) -> None:
    names = {"network": "network", "plain": "no network (ΔF = 0)", "diis": "DIIS from minao"}
    counts = sorted({int(k) for row in rows.values() for k in row})
    table = Table(title=Text(title), caption=unit)
    table.add_column("refining iterations")
    for k in counts:
        table.add_column(str(k), justify="right")
    for name, row in rows.items():
        by_count = {int(k): value for k, value in row.items()}
        cells = [_micro(by_count[k]) if k in by_count else "" for k in counts]
        table.add_row(names[name], *cells)
    _out.print(table)


def _micro(value_ha: float) -> str:
    return f"{value_ha * MICROHARTREE_PER_HARTREE:.3g}"
