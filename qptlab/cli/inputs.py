"""From arguments to molecules, theories and runs, checked before anything is written."""

import argparse
import os
from pathlib import Path

from qptlab.cli.arguments import DEFAULT_MINUTES, DEFAULT_THEORY
from qptlab.molecule import Molecule, frames_from_xyz, library_names, molecule
from qptlab.qpt.block_qpt import BlockQPT
from qptlab.qpt.config import TrainConfig
from qptlab.qpt.runs import is_run
from qptlab.qpt.sampling import Frames, Sampler, wiggle
from qptlab.qpt.training import Training
from qptlab.reference import pyscf_energy
from qptlab.theory import Theory
from qptlab.theory import theory as parse_theory


def frames(args: argparse.Namespace) -> list[Molecule]:
    """The molecules GEOM means: those of a file, else the one of that name."""
    name = args.geometry
    if name.lower().endswith(".xyz") or Path(name).is_file():
        return frames_from_xyz(Path(name), args.charge, args.spin or 0)
    if not name or Path(name).is_dir():
        raise ValueError(f"GEOM is {name!r}; expected an .xyz file or a molecule's name")
    try:
        molecule(name)
    except ValueError:
        raise ValueError(
            f"unknown molecule {name!r}: neither an .xyz file nor one of "
            f"{', '.join(library_names())}"
        ) from None
    return [molecule(name, args.charge, args.spin)]


def theory(args: argparse.Namespace) -> Theory:
    """The theory of --theory, --grid and --coulomb."""
    given = {"grid": args.grid, "coulomb": args.coulomb}
    changes = {key: value for key, value in given.items() if value is not None}
    return parse_theory(args.theory or DEFAULT_THEORY, **changes)


def open_run(args: argparse.Namespace, started: float) -> Training:
    """The run to carry out: new, or with --resume the one in --out."""
    minutes = args.minutes
    if minutes is None and args.steps is None:
        minutes = DEFAULT_MINUTES
    settings = {"minutes": minutes, "steps": args.steps}
    settings |= {
        name: given for name in ("loss", "lr") if (given := getattr(args, name)) is not None
    }
    if args.resume:
        run = Training.resume(args.out, reference=pyscf_energy, started=started, **settings)
        _check_same(run, args)
        return run
    config = TrainConfig(seed=args.seed or 0, **settings)
    sampler = _sampler(args)
    out = _empty_place(Path(args.out))
    model = BlockQPT.create(sampler.molecule, theory(args), seed=config.seed)
    return Training(model, sampler, config, reference=pyscf_energy, out=out, started=started)


def _sampler(args: argparse.Namespace) -> Sampler:
    geometries = frames(args)
    if args.sampler == "file":
        return Frames(tuple(geometries))
    if len(geometries) > 1:
        raise ValueError(
            f"{args.geometry} holds {len(geometries)} frames and a wiggle starts from one; "
            "add --sampler file to train on them"
        )
    return wiggle(geometries[0], 0.05 if args.sigma is None else args.sigma)


def _empty_place(out: Path) -> Path:
    """The folder, if a run can be written there."""
    if is_run(out):
        raise ValueError(f"{out} already holds a run; add --resume or choose another folder")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} exists and is not an empty folder; choose another")
    above = next(place for place in (out, *out.absolute().parents) if place.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise ValueError(f"{out} cannot be made: {above} is not a folder to write to")
    return out


def _check_same(run: Training, args: argparse.Namespace) -> None:
    """A resumed run goes on as it was: what is said again must be the same."""
    sampler, known = run.sampler, run.model.theory
    here = frames(args)[0]
    said = {
        "molecule": (here.symbols, sampler.molecule.symbols),
        "--charge": (here.charge, sampler.molecule.charge),
        "--spin": (here.spin, sampler.molecule.spin),
        "--grid": (args.grid, known.grid),
        "--coulomb": (args.coulomb, known.coulomb),
        "--sampler": (args.sampler, "file" if isinstance(sampler, Frames) else "wiggle"),
        "--sigma": (args.sigma, getattr(sampler, "sigma", None)),
        "--seed": (args.seed, run.config.seed),
    }
    if args.theory is not None:
        said["--theory"] = (str(parse_theory(args.theory)), str(known))
    for name, (given, has) in said.items():
        if given is not None and given != has:
            raise ValueError(f"the run in {args.out} has {name} {_text(has)}; got {_text(given)}")


def _text(value: object) -> str:
    return " ".join(value) if isinstance(value, tuple) else str(value)
