"""What the command line prints for people: tables on stdout, progress on stderr."""

import signal
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import timedelta
from math import nan
from typing import TypeVar

import numpy as np
from rich import table as rich
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from qptlab.bench import registry
from qptlab.bench.table import Table, micro, table
from qptlab.errors import printable
from qptlab.qpt.training.run import Training
from qptlab.reference import Evaluation
from qptlab.units import DEBYE_PER_AU, EV_PER_HARTREE

Item = TypeVar("Item")

WIDTH = 120
"""Columns of a bench where there is no terminal to ask."""
REPORT_EVERY = 10.0
"""Seconds between progress lines where there is no terminal to draw a bar on."""

# file names may hold brackets and colons
_plain = {"highlight": False, "markup": False, "emoji": False}
_out, _err = Console(**_plain), Console(**_plain, stderr=True)
_wide = _out if _out.is_terminal else Console(**_plain, width=WIDTH)


def progress(line: str) -> None:
    """One line of progress."""
    _err.print(printable(line), soft_wrap=True)


def energies(records: list[dict]) -> None:
    """A table with one row per geometry."""
    force = "largest force / (Ha/bohr)"
    columns = {
        "energy / Ha": "{energy:.8f}",
        "HOMO / eV": lambda r: _ev(r["homo"]),
        "LUMO / eV": lambda r: _ev(r["lumo"]),
        "dipole / D": lambda r: f"{np.linalg.norm(r['dipole']) * DEBYE_PER_AU:.3f}",
        force: lambda r: f"{np.linalg.norm(r['forces'], axis=1).max():.6f}",
        "Fock builds": "{fock_builds}",
        "s": "{seconds:.2f}",
    }
    if "forces" not in records[0]:
        del columns[force]
    # where the window is narrow, headings are folded and no energy is cut
    _show(table(", ".join(_what(records[0])), columns, records, text_columns=0, no_wrap=True))


def _ev(energy_ha: float | None) -> str:
    return "–" if energy_ha is None else f"{energy_ha * EV_PER_HARTREE:.3f}"


def _what(record: dict) -> list[str]:
    """Molecule and theory in words; charge and spin where there are any."""
    words = [record["formula"], record["theory"]]
    if record["charge"]:
        words.insert(1, f"charge {record['charge']:+d}")
    if record["spin"]:
        words.insert(-1, f"{record['spin']} unpaired")
    return words


def counted(items: Collection[Item], named: Callable[[Item], str]) -> Iterator[Item]:
    """Each item, with a bar that says which one it is, how many a second and the time left."""
    columns = (
        TextColumn("{task.completed} of {task.total}"),
        BarColumn(),
        TextColumn("{task.description}"),
    )
    began = said = time.monotonic()
    with Progress(*columns, console=_err, transient=True, disable=not _err.is_terminal) as bar:
        task = bar.add_task("", total=len(items))
        for done, item in enumerate(items):
            now = time.monotonic()
            what = f"{_pace(done, len(items), now - began)}{named(item)}"
            bar.update(task, description=what, completed=done)
            if not _err.is_terminal and now - said > REPORT_EVERY:
                said = now
                progress(f"{done} of {len(items)}, {what}")
            yield item


def _pace(done: int, total: int, seconds: float) -> str:
    """So many a second, or seconds for each, and the time left."""
    if not done:
        return ""
    each = seconds / done
    pace = f"{1 / each:.1f} a second" if each < 1 else f"{each:.1f} s each"
    return f"{pace}, {timedelta(seconds=round((total - done) * each))} left, "


def warmed(record: dict) -> None:
    """What was compiled, and where it is."""
    folder = record["folder"]
    where = f"kept in {folder}" if folder else "but no folder keeps it (JAX_COMPILATION_CACHE_DIR)"
    _out.print(
        f"{record['shapes']} shapes, which molecules of up to {record['up_to']} atoms share at "
        f"{record['theory']}, compiled in {record['seconds']:.0f} s; {where}",
        soft_wrap=True,
        **_plain,
    )


def follow(run: Training) -> int | None:
    """Carry a training out, showing where it is; the signal that ended it early, if one did.

    Raises:
        KeyboardInterrupt: a signal before the first step.
    """
    stop = None
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
                    error = _validation_text(log.val_error_ha, log.val_median_ha)
                done = log.seconds if run.config.minutes else log.step
                bar.update(task, completed=done, description=f"step {log.step}{error}")
                if not _err.is_terminal and log.seconds > report_at:
                    progress(f"{log.seconds:.0f} s, step {log.step}{error}")
                    report_at = log.seconds + REPORT_EVERY
        except KeyboardInterrupt as error:
            if not run.history:
                raise
            stop = getattr(error, "signum", signal.SIGINT)
    for sentence in run.left_out:
        progress(f"left out {sentence}")
    return stop


def _validation_text(means: dict[int, float], medians: dict[int, float]) -> str:
    last = max(means)
    first, refined = (f"{micro(means[k])} ({micro(medians[k])}) µHa" for k in (0, last))
    return f", mean (median) validation error {first}, {refined} after {last} refining"


def trained(record: dict) -> None:
    """The end of a training."""
    kept = printable(record["run"])
    _errors_table(
        f"{record['steps']} steps, {record['seconds']:.0f} s, run kept in {kept}",
        {"network": record["val_energy_mae_ha"], **(record["baselines_ha"] or {})},
        {"network": record["val_energy_median_ha"], **(record["baselines_median_ha"] or {})},
        "validation error",
    )


def evaluation(result: Evaluation) -> None:
    """Errors against PySCF, then the baselines at the same number of Fock builds."""
    errors = {
        "energy": "energy_mae_ha",
        "its estimate ΔE₂": "delta2_ha",
        "Fock matrix F[D]": "fock_mae_ha",
        "Fock matrix F0 + ΔF": "raw_fock_mae_ha",
        "orbital energies": "mo_energy_mae_ha",
        "occupied orbital energies": "occupied_mo_energy_mae_ha",
    }
    title = f"{result.geometries} geometries, {result.refine} refining iterations, against PySCF"
    medians = result.medians
    lines = [
        (label, micro(getattr(result, name)), micro(medians[name]))
        for label, name in errors.items()
    ]
    _show(Table(title, ("error", "mean / µHa", "median / µHa"), lines))
    _errors_table(
        "at equal Fock builds",
        {"network": {result.refine: result.energy_mae_ha}, **result.baselines},
        {"network": {result.refine: medians["energy_mae_ha"]}, **medians["baselines"]},
        "energy error",
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
    tolerance, medians = "1e-09", result.medians_ha

    def line(frame: dict) -> list[str]:
        costs = frame["scf_speedup"][tolerance]
        return [
            frame["formula"] + (f" {frame['charge']:+d}" if frame["charge"] else ""),
            micro(frame["energy_mae_ha"]),
            micro(frame["delta2_ha"]) + ("" if frame["within_reach"] else " (out of reach)"),
            micro(frame["baselines"]["diis"][result.refine]),
            *(f"{costs[guess]['fock_builds']:.0f}" for guess in ("minao", "predicted")),
        ]

    header = "molecule", "network", "ΔE₂", "DIIS", "from minao", "from prediction"
    caption = f"energy errors in µHa; PySCF's Fock builds to {tolerance} Ha"
    shown = _rich(Table(None, header, [*map(line, result.frames)], caption))
    shown.add_section()
    shown.add_row("median", micro(medians["network"]), "", micro(medians["diis"]))
    _out.print(shown)
    worse = [result.frames[i]["formula"] for i in result.worse_than_diis]
    _out.print(f"worse than DIIS: {', '.join(worse) or 'none'}")


def _scf_costs(costs: dict[str, dict]) -> None:
    """Fock builds and seconds by guess, one column for each tolerance."""
    guesses = sorted(next(iter(costs.values())), key=lambda name: name == "predicted")
    cell = "{fock_builds:.1f} ({seconds:.2f})".format_map
    lines = [[guess, *(cell(found[guess]) for found in costs.values())] for guess in guesses]
    title = "PySCF's SCF: Fock builds (seconds), those of the prediction counted"
    _show(Table(title, ["start", *(f"to {tolerance} Ha" for tolerance in costs)], lines))


def _errors_table(title: str, means: dict, medians: dict, what: str) -> None:
    names = {"network": "network", "plain": "no network (ΔF = 0)", "diis": "DIIS from minao"}
    cells = {
        # runs begun by older versions have no medians before their next validation
        name: {
            int(k): f"{micro(mean)} ({micro(medians[name].get(k, nan))})" for k, mean in row.items()
        }
        for name, row in means.items()
    }
    counts = sorted({k for row in cells.values() for k in row})
    lines = [[names[name], *(row.get(k, "") for k in counts)] for name, row in cells.items()]
    header, caption = ["refining iterations", *map(str, counts)], f"mean (median) {what} / µHa"
    _show(Table(title, header, lines, caption))


def bench_report(report: dict) -> None:
    """The machine, and the tables of the bench."""
    about = report["machine"]
    _wide.print(
        f"{about['cpu']}, {about['cores']} cores; {about['threads']} threads for everyone; "
        f"float64 matrix product {about['matmul_gflops']:.0f} GFLOP/s; "
        f"load {about['load_average'][0]:.1f} before, {about['load_average_after'][0]:.1f} after\n"
        + ", ".join(f"{name} {version}" for name, version in about["versions"].items())
        + "\n"
        + " ".join(f"{name}={value}" for name, value in about["environment"].items())
    )
    print_tables(registry.bench(report["bench"]).module.tables(report), _wide)


def print_tables(tables: Iterable[Table | str], out: Console) -> None:
    """Tables and sentences of a bench, in Markdown where a page needs them."""
    for what in tables:
        if isinstance(what, str):
            out.print(what, soft_wrap=True)
        elif what.markdown and not out.is_terminal:
            lines = [what.header, ["---"] * len(what.header), *what.lines]
            text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
            out.print(f"\n{what.title}\n\n{text}\n", soft_wrap=True)
        else:
            out.print(_rich(what))


def _show(what: Table) -> None:
    _out.print(_rich(what))


def _rich(what: Table) -> rich.Table:
    shown = rich.Table(title=what.title, caption=what.caption)
    for index, name in enumerate(what.header):
        justify = "left" if index < what.text_columns else "right"
        shown.add_column(name, justify=justify, no_wrap=what.no_wrap and index == 0)
    for line in what.lines:
        shown.add_row(*line)
    return shown
