"""What each command does."""

import argparse
import json
import sys
import time
from pathlib import Path

from qptlab.cli import tables
from qptlab.cli.arguments import DEFAULT_MINUTES, DEFAULT_THEORY
from qptlab.dft import ScfResult, dipole, scf
from qptlab.molecule import Molecule, frames_from_xyz, library_names, molecule
from qptlab.qpt.block_qpt import BlockQPT
from qptlab.qpt.config import TrainConfig
from qptlab.qpt.predict import Prediction
from qptlab.qpt.predict import predict as predict_one
from qptlab.qpt.runs import is_run, load
from qptlab.qpt.sampling import Frames, Sampler, wiggle
from qptlab.qpt.training import Training
from qptlab.reference import evaluate as evaluate_model
from qptlab.reference import pyscf_energy
from qptlab.theory import Theory
from qptlab.theory import theory as parse_theory


def lab(args: argparse.Namespace) -> None:
    """Open JupyterLab."""
    from qptlab.lab.launch import open_lab

    open_lab(args.folder, browser=args.browser)


def energy(args: argparse.Namespace) -> None:
    """Converge the SCF of every frame; one frame prints its own object, several a list."""
    theory = _theory(args)
    records = []
    for frame in _frames(args):
        started = time.perf_counter()
        result = scf(frame, theory)
        records.append(_energy_record(result, time.perf_counter() - started))
        tables.progress(result.message)
    if args.json:
        _print_json(records[0] if len(records) == 1 else {"frames": records})
    else:
        tables.energies(records)


def train(args: argparse.Namespace, started: float) -> None:
    """Train until the limit; Ctrl-C stops and keeps the run."""
    run = _training(args, started)
    tables.follow(run)
    record = {
        "steps": int(run.state.step),
        "seconds": time.perf_counter() - started,
        "compile_seconds": run.clock.compile_seconds,
        "samples": run.history[-1].samples,
        "val_energy_mae_ha": _last_errors(run),
        "baselines_ha": run.baselines_ha,
        "parameters": run.n_parameters,
        "run": str(run.out),
    }
    _print_json(record) if args.json else tables.trained(record)


def predict(args: argparse.Namespace) -> None:
    """Predict every frame."""
    model = load(args.model)
    frames = _frames(args)
    predictions = [predict_one(model, frame, args.refine) for frame in frames]
    records = [_energy_record(p, p.seconds) for p in predictions]
    _print_json({"frames": records}) if args.json else tables.energies(records)


def evaluate(args: argparse.Namespace) -> None:
    """Set predictions of every frame beside PySCF, no network, and DIIS."""
    result = evaluate_model(load(args.model), _frames(args), args.refine)
    _print_json(result.to_json()) if args.json else tables.evaluation(result)


def _frames(args: argparse.Namespace) -> list[Molecule]:
    """The molecules GEOM means: a name of the library, else a file."""
    if args.geometry.strip().lower().endswith(".xyz") or Path(args.geometry).is_file():
        return frames_from_xyz(Path(args.geometry), args.charge)
    try:
        return [molecule(args.geometry, args.charge)]
    except ValueError as error:
        if str(error).startswith("unknown molecule"):
            raise ValueError(
                f"unknown molecule {args.geometry!r}: neither an .xyz file nor one of "
                f"{', '.join(library_names())}"
            ) from None
        raise


def _theory(args: argparse.Namespace) -> Theory:
    return parse_theory(args.theory or DEFAULT_THEORY, grid=args.grid, coulomb=args.coulomb)


def _training(args: argparse.Namespace, started: float) -> Training:
    """The run to carry out, checked; nothing is written yet."""
    minutes = args.minutes
    if minutes is None and args.steps is None:
        minutes = DEFAULT_MINUTES
    limits = {"minutes": minutes, "steps": args.steps}
    if args.lr is not None:
        limits["lr"] = args.lr
    config = TrainConfig(seed=args.seed, **limits)
    sampler = _sampler(args)
    if args.resume:
        run = Training.resume(args.out, reference=pyscf_energy, started=started, **limits)
        _check_same(run, sampler, args)
        return run
    out = Path(args.out)
    if is_run(out):
        raise ValueError(f"{out} already holds a run; add --resume or choose another folder")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} exists and is not an empty folder; choose another")
    model = BlockQPT.create(sampler.molecule, _theory(args), seed=args.seed)
    return Training(model, sampler, config, reference=pyscf_energy, out=out, started=started)


def _sampler(args: argparse.Namespace) -> Sampler:
    frames = _frames(args)
    return Frames(tuple(frames)) if args.sampler == "file" else wiggle(frames[0], args.sigma)


def _check_same(run: Training, sampler: Sampler, args: argparse.Namespace) -> None:
    here, there = sampler.molecule, run.sampler.molecule
    if here.symbols != there.symbols or here.charge != there.charge:
        raise ValueError(f"{args.out} holds a run on {there}; asked to go on with {here}")
    if args.theory is not None and parse_theory(args.theory) != parse_theory(str(run.model.theory)):
        raise ValueError(f"{args.out} holds a run with {run.model.theory}; got {args.theory}")


def _last_errors(run: Training) -> dict[str, float]:
    errors = next(log.val_error_ha for log in reversed(run.history) if log.val_error_ha)
    return {str(k): error for k, error in errors.items()}


def _energy_record(result: ScfResult, seconds: float) -> dict:
    terms = ("core", "coulomb", "exchange", "xc", "nuclear")
    record = {
        "formula": result.molecule.formula,
        "theory": str(result.theory),
        "energy": float(result.energy.total),
        "converged": result.converged,
        "fock_builds": result.fock_builds,
        "terms": {term: float(getattr(result.energy, term)) for term in terms},
        "mo_energy": result.mo_energy.tolist(),
        "homo": result.homo,
        "lumo": result.lumo,
        "dipole": dipole(result.molecule, result.theory, result.dm).tolist(),
        "seconds": seconds,
        "message": result.message,
    }
    if isinstance(result, Prediction):
        record["commutator"] = result.commutator
    return record


def _print_json(record: dict) -> None:
    json.dump(record, sys.stdout, allow_nan=False)
    sys.stdout.write("\n")
