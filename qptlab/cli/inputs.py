"""From arguments to molecules, theories and runs, checked before anything is written."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from qptlab.cli.arguments import DEFAULT_MINUTES, DEFAULT_THEORY
from qptlab.cli.tables import progress
from qptlab.molecule import Molecule, frames_from_xyz, library_names, molecule
from qptlab.qpt.networks.base import Network
from qptlab.qpt.networks.block import BlockQPT
from qptlab.qpt.networks.paper import PaperQPT
from qptlab.qpt.runs.folder import is_run, load
from qptlab.qpt.sampling import (
    TRAIN,
    VALIDATION,
    Frames,
    Mixture,
    Sampler,
    frames_from_file,
    mixture,
    molecular_dynamics,
    molecules,
    normal_modes,
    wiggle,
)
from qptlab.qpt.training.config import TrainConfig
from qptlab.qpt.training.run import Training
from qptlab.reference import pyscf_energy, pyscf_fock
from qptlab.theory import Theory, parse_theory

SIGMA_BOHR, TEMPERATURE_K = 0.05, 300.0
DYNAMICS_SHARE = 0.3
"""Share of a run's minutes that molecular dynamics may take before training."""
_STARTS = {"wiggle": "a wiggle starts", "modes": "vibrations start", "md": "dynamics start"}


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
    return [molecule(name, args.charge or 0, args.spin)]


def asked_theory(args: argparse.Namespace) -> Theory:
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
    options = {
        "loss": args.loss,
        "lr": args.lr,
        "geometries": args.geometries,
        "pool_gib": args.pool,
        "reuse": args.reuse,
    }
    settings |= {name: given for name, given in options.items() if given is not None}
    judge = {"reference": pyscf_energy, "labels": pyscf_fock, "started": started}
    if args.resume:
        if args.start is not None:
            raise ValueError("--resume goes on from the run's own weights; leave out --start")
        if args.surface is not None:
            raise ValueError("--resume goes on with the run's own sampler; leave out --surface")
        run = Training.resume(args.out, **judge, **settings)
        _check_same(run, args)
        return run
    config = TrainConfig(seed=args.seed or 0, **settings)
    geometries = _geometries(args)
    held_out = frames_from_xyz(Path(args.validate)) if args.validate else []
    out = _empty_place(Path(args.out))
    # before the sampler: making that may take minutes
    if args.start is None:
        model = _new_model(args, geometries, asked_theory(args), config.seed)
    else:
        model = _start_model(args, geometries)
    if held_out:
        config = replace(config, n_validation=len(held_out))
    sampler = _sampler(args, geometries, held_out, model.theory, config)
    return Training(model, sampler, config, out=out, **judge)


def _new_model(
    args: argparse.Namespace, geometries: list[Molecule], level: Theory, seed: int
) -> Network:
    """The untrained network of --model and --size."""
    if args.model == "paper":
        if _differ(geometries):
            raise ValueError(f"--model paper is for one molecule; {args.geometry} holds several")
        return PaperQPT.create(geometries[0], level, args.size or "tiny", seed)
    if args.size is not None:
        raise ValueError(f"--size {args.size} is for --model paper; --model block has one size")
    return BlockQPT.create(geometries, level, seed=seed)


def _start_model(args: argparse.Namespace, geometries: list[Molecule]) -> Network:
    """The trained network of --start, if it is for the molecules and the theory asked for."""
    for option in ("model", "size"):
        if getattr(args, option) is not None:
            raise ValueError(f"--start {args.start} brings its own network; leave out --{option}")
    model = load(args.start)
    _agree(f"the network of --start {args.start}", _said_of_theory(args, model.theory))
    for geometry in geometries:
        model.check(geometry)
    return model


def _geometries(args: argparse.Namespace) -> list[Molecule]:
    """The frames of GEOM, if the sampler and its options go with them."""
    kind, geometries = args.sampler or "wiggle", frames(args)
    for option, value, kinds in (
        ("--sigma", args.sigma, ("wiggle",)),
        ("--temperature", args.temperature, ("modes", "md")),
        ("--surface", args.surface, ("modes", "md")),
        ("--validate", args.validate, ("wiggle",)),
    ):
        if value is not None and kind not in kinds:
            raise ValueError(f"{option} belongs to --sampler {' or '.join(kinds)}; got {kind}")
    several = _differ(geometries)
    if kind != "file" and len(geometries) > 1 and not (kind == "wiggle" and several):
        raise ValueError(
            f"{args.geometry} holds {len(geometries)} frames and {_STARTS[kind]} from one; "
            f"add --sampler {'wiggle' if several else 'file'} to train on them"
        )
    return geometries


def _differ(geometries: list[Molecule]) -> bool:
    """Whether these are different molecules rather than frames of one."""
    return len({(molecule.symbols, molecule.charge) for molecule in geometries}) > 1


def _sampler(
    args: argparse.Namespace,
    geometries: list[Molecule],
    held_out: list[Molecule],
    level: Theory,
    config: TrainConfig,
) -> Sampler:
    surface = level if args.surface is None else parse_theory(args.surface)
    kelvin = TEMPERATURE_K if args.temperature is None else args.temperature
    if args.sampler == "file" and Path(args.geometry).is_file():
        return frames_from_file(Path(args.geometry), args.charge, args.spin or 0)
    if args.sampler == "file":
        return Frames(tuple(geometries))
    if args.sampler == "modes":
        return normal_modes(geometries[0], surface, kelvin, progress=progress)
    if args.sampler == "md":
        seconds = None if config.minutes is None else 60 * DYNAMICS_SHARE * config.minutes
        return molecular_dynamics(
            geometries[0], surface, kelvin, seed=config.seed, seconds=seconds, progress=progress
        )
    sigma = SIGMA_BOHR if args.sigma is None else args.sigma
    if len(geometries) == 1 and not held_out:
        return wiggle(geometries[0], sigma)
    return mixture(*([wiggle(m, sigma) for m in side] for side in (geometries, held_out)))


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
    here, there = frames(args), molecules(sampler, TRAIN)
    unseen = frames_from_xyz(Path(args.validate)) if args.validate else []
    if isinstance(sampler, Mixture):
        sampler = sampler.training[0]  # all are wiggles of one width
    else:
        here = here[:1]  # the others are frames of the same molecule
    said = {
        "molecule": (_named(here), _named(there)),
        "--charge": tuple(tuple(str(m.charge) for m in side) for side in (here, there)),
        "--spin": (here[0].spin, there[0].spin),
        "--validate": (_named(unseen) or None, _named(molecules(run.sampler, VALIDATION))),
        **_said_of_theory(args, known),
        "--sampler": (args.sampler, getattr(sampler, "kind", None)),
        "--sigma": (args.sigma, getattr(sampler, "sigma", None)),
        "--temperature": (args.temperature, _temperature(sampler)),
        "--seed": (args.seed, run.config.seed),
        "--model": (args.model, run.model.kind),
        "--size": (args.size, getattr(run.model, "size", None)),
    }
    _agree(f"the run in {args.out}", said)


def _said_of_theory(args: argparse.Namespace, known: Theory) -> dict[str, tuple]:
    """{option: (what is asked for, what is known)}."""
    spec = None if args.theory is None else str(parse_theory(args.theory))
    return {
        "--theory": (spec, str(known)),
        "--grid": (args.grid, known.grid),
        "--coulomb": (args.coulomb, known.coulomb),
    }


def _agree(what: str, said: dict[str, tuple]) -> None:
    """Raise ValueError where something is asked for and `what` has something else."""
    for name, (given, has) in said.items():
        if given is not None and given != has:
            raise ValueError(f"{what} has {name} {_text(has)}; got {_text(given)}")


def _named(several: Sequence[Molecule]) -> tuple[str, ...]:
    """The atoms of one molecule, the formulas of several."""
    return several[0].symbols if len(several) == 1 else tuple(m.formula for m in several)


def _temperature(sampler: Sampler) -> float | None:
    """That of the training geometries, kelvin."""
    kelvin = getattr(sampler, "temperature_k", None)
    # dynamics has one for each frame, those to train on first
    return kelvin[0] if isinstance(kelvin, tuple) else kelvin


def _text(value: object) -> str:
    if value is None:
        return "none"
    return " ".join(value) if isinstance(value, tuple) else str(value)
