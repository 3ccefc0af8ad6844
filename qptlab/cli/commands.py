"""What each command does."""

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import fields

import jax
import numpy as np

from qptlab.cli import tables
from qptlab.cli.inputs import asked_theory, checked, figure_file, frames, open_run
from qptlab.dft import TERMS, ScfResult, dipole, forces, scf
from qptlab.dft.integrals import check_input
from qptlab.dft.scf import compile_ahead as scf_ahead
from qptlab.dft.size import needed_bytes, size
from qptlab.errors import NotConverged
from qptlab.files import replacing
from qptlab.molecule import Molecule
from qptlab.qpt.predict import Prediction, within_reach
from qptlab.qpt.predict import compile_ahead as predict_ahead
from qptlab.qpt.predict import predict as predict_one
from qptlab.qpt.runs.models import load
from qptlab.qpt.warm import rungs
from qptlab.reference import evaluate as evaluate_model
from qptlab.signals import Stopped
from qptlab.theory import Theory

LONG = 150
"""Orbitals from which on a calculation says what it does."""


def lab(args: argparse.Namespace) -> None:
    """Open JupyterLab."""
    from qptlab.lab.launch import open_lab

    open_lab(args.folder, browser=args.browser)


def energy(args: argparse.Namespace) -> None:
    """Converge the SCF of every frame; one frame prints its own object, several a list."""
    level = asked_theory(args)
    records = []
    for frame in checked(frames(args), lambda frame: check_input(frame, level)):
        started = time.perf_counter()
        result = scf(frame, level, progress=_announced(frame, level))
        force = forces(result) if args.forces else None
        records.append(_energy_record(result, force, time.perf_counter() - started))
        tables.progress(result.message)
    record = records[0] if len(records) == 1 else {"frames": records}
    _report(args, record, lambda: tables.energies(records))
    failed = [number for number, record in enumerate(records, 1) if not record["converged"]]
    if failed:
        which = "the SCF" if len(records) == 1 else f"frames {', '.join(map(str, failed))}"
        raise NotConverged(f"{which} did not converge")


def train(args: argparse.Namespace) -> None:
    """Train until the limit; Ctrl-C and its like stop and keep the run."""
    with open_run(args) as run:
        if run.message:
            tables.progress(run.message)
        stop = tables.follow(run)
    last = next((log for log in reversed(run.history) if log.val_error_ha), None)
    errors, medians = (last.val_error_ha, last.val_median_ha or {}) if last else ({}, {})
    record = {
        "steps": int(run.state.step),
        "seconds": time.perf_counter() - args.started,
        "compile_seconds": run.clock.compile_seconds,
        "label_seconds": run.clock.label_seconds,
        "samples": run.history[-1].samples,
        "val_energy_mae_ha": {str(k): error for k, error in errors.items()},
        "val_energy_median_ha": {str(k): error for k, error in medians.items()},
        "baselines_ha": run.baselines_ha,
        "baselines_median_ha": run.baselines
        and {name: errors.median for name, errors in run.baselines.items()},
        "parameters": run.n_parameters,
        "run": str(run.out),
    }
    _report(args, record, lambda: tables.trained(record))
    if stop is not None:
        raise Stopped(stop, f"; the run is kept in {run.out}")


def predict(args: argparse.Namespace) -> None:
    """Predict every frame."""
    model = load(args.model)
    records = []
    for frame in tables.counted(checked(frames(args), model.check), lambda frame: frame.formula):
        _announced(frame, model.theory)
        prediction = predict_one(model, frame, args.refine, forces=args.forces)
        records.append(_energy_record(prediction, prediction.forces, prediction.seconds))
        tables.progress(prediction.message)
    _report(args, {"frames": records}, lambda: tables.energies(records))


def evaluate(args: argparse.Namespace) -> None:
    """Set predictions of every frame beside PySCF, no network, and DIIS."""
    model = load(args.model)
    geometries = checked(frames(args), model.check)
    result = evaluate_model(model, geometries, args.refine, tables.progress, tuple(args.guesses))
    _report(args, result.to_json(), lambda: tables.evaluation(result))


def warm(args: argparse.Namespace) -> None:
    """Compile for every rung that molecules up to a size lie on; what is done is kept."""
    model = load(args.model)
    shapes = rungs(model, args.up_to)
    for shape in tables.counted(shapes, lambda shape: f"such as {shapes[shape].formula}"):
        scf_ahead(shape, model.theory)
        predict_ahead(model, shape)
    record = {
        "up_to": args.up_to,
        "theory": str(model.theory),
        "shapes": len(shapes),
        "seconds": time.perf_counter() - args.started,
        "folder": jax.config.jax_compilation_cache_dir,
    }
    _report(args, record, lambda: tables.warmed(record))


def bench(args: argparse.Namespace) -> None:
    """Measure, in a process of its own, and set the goals beside what was measured."""
    from qptlab.bench import Options, measure, options, registry

    asked = options(args.name, **{f.name: getattr(args, f.name) for f in fields(Options)[1:]})
    path = None if args.figure is None else figure_file(args.name, args.figure)
    report = measure(asked)
    _report(args, report, lambda: tables.bench_report(report))
    if path is not None:
        figure = registry.bench(args.name).module.figure(report)
        with replacing(path) as place:
            figure.savefig(place, format=path.suffix[1:].lower())


def _announced(frame: Molecule, level: Theory) -> Callable[[str], None]:
    """Where progress goes: of a calculation that takes long, to the terminal, with its size."""
    told = size(frame, level)
    if told.n_ao < LONG:
        return lambda line: None
    tables.progress(
        f"{frame.formula}, {level}: {told.n_ao} orbitals, {told.n_aux} auxiliary functions, "
        f"{told.n_grid} grid points, about {needed_bytes(told, level) / 2**30:.1f} GiB"
    )
    return tables.progress


def _energy_record(result: ScfResult, force: np.ndarray | None, seconds: float) -> dict:
    molecule, theory = result.molecule, result.theory
    record = {
        "formula": molecule.formula,
        "charge": molecule.charge,
        "spin": molecule.spin,
        "theory": str(theory),
        "energy": float(result.energy.total),
        "converged": result.converged,
        "fock_builds": result.fock_builds,
        "terms": {term: float(getattr(result.energy, term)) for term in TERMS},
        "mo_energy": _by_spin(result, result.mo_energy),
        "n_occ": _by_spin(result, result.n_occ),
        "homo": result.homo,
        "lumo": result.lumo,
        "dipole": dipole(molecule, theory, result.dm).tolist(),
        "seconds": seconds,
        "message": result.message,
    }
    if isinstance(result, Prediction):
        record |= {
            "commutator": result.commutator,
            "delta2": result.delta2,
            "within_reach": within_reach(result.delta2),
        }
    if force is not None:
        record["forces"] = force.tolist()
    return record


def _by_spin(result: ScfResult, values) -> dict | list | int:
    """What each spin has under its name; what both spins share without one."""
    values = np.asarray(values).tolist()
    return dict(zip(("alpha", "beta"), values, strict=True)) if result.is_open_shell else values


def _report(args: argparse.Namespace, record: dict, show: Callable[[], None]) -> None:
    """With --json one object, else what people read."""
    if args.json:
        print(json.dumps(_finite(record), allow_nan=False), flush=True)
    else:
        show()


def _finite(value):
    """JSON has no word for nan and infinity: null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
