"""From arguments to molecules, theories and runs, checked before anything is written."""

import argparse
import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from qptlab.bench import registry
from qptlab.cli.arguments import DEFAULT_MINUTES, DEFAULT_THEORY
from qptlab.cli.tables import progress
from qptlab.errors import InputError, quoted
from qptlab.library import library_names, molecule
from qptlab.molecule import Molecule
from qptlab.qpt.networks.base import Network
from qptlab.qpt.runs.folder import RunFolder, is_free
from qptlab.qpt.runs.models import load
from qptlab.qpt.runs.network_files import is_run, read_config
from qptlab.qpt.runs.request import NetworkRequest, RunRequest, SamplerRequest
from qptlab.qpt.sampling import (
    TRAIN,
    VALIDATION,
    Mixture,
    Sampler,
    different,
    frames_from_file,
    molecules,
)
from qptlab.qpt.training.config import TrainConfig
from qptlab.qpt.training.run import Training
from qptlab.reading import GEOMETRY_ENDINGS, read_frames
from qptlab.reference import pyscf_energy, pyscf_fock
from qptlab.theory import Theory, parse_theory

DYNAMICS_SHARE = 0.3
"""Share of a run's minutes that molecular dynamics may take before training."""
_STARTS = {"wiggle": "a wiggle starts", "modes": "vibrations start", "md": "dynamics start"}


def frames(args: argparse.Namespace) -> list[Molecule]:
    """The molecules GEOM means: those of a file, else the one of that name."""
    name = args.geometry
    if Path(name).suffix.lower() in GEOMETRY_ENDINGS or Path(name).is_file():
        return read_frames(Path(name), args.charge, args.spin)
    if not name or Path(name).is_dir():
        raise InputError(f"GEOM is {quoted(name)}; expected a geometry's file or a molecule's name")
    try:
        molecule(name)
    except ValueError:
        raise InputError(
            f"unknown molecule {quoted(name)}: neither a file nor one of "
            f"{', '.join(library_names())}"
        ) from None
    return [molecule(name, args.charge or 0, args.spin)]


def checked(geometries: list[Molecule], check: Callable[[Molecule], object]) -> list[Molecule]:
    """The same frames, if each can be computed; asked before the first is.

    Raises:
        InputError: as `check`, with the number of the frame where there are several.
    """
    seen = set()
    for number, frame in enumerate(geometries, start=1):
        if (kind := (frame.symbols, frame.charge, frame.spin)) in seen:
            continue
        seen.add(kind)
        try:
            check(frame)
        except InputError as error:
            where = f"frame {number}: " if len(geometries) > 1 else ""
            raise InputError(f"{where}{error}") from None
    return geometries


def asked_theory(args: argparse.Namespace) -> Theory:
    """The theory of --theory, --grid and --coulomb."""
    changes = _given(grid=args.grid, coulomb=args.coulomb)
    return parse_theory(args.theory or DEFAULT_THEORY, **changes)


def _given(**values) -> dict:
    """Without those that nobody gave."""
    return {name: value for name, value in values.items() if value is not None}


@contextlib.contextmanager
def open_run(args: argparse.Namespace) -> Iterator[Training]:
    """The run to carry out: new, or with --resume the one in --out; nobody else writes there."""
    minutes = args.minutes
    if minutes is None and args.steps is None:
        minutes = DEFAULT_MINUTES
    settings = {"minutes": minutes, "steps": args.steps} | _given(
        loss=args.loss, lr=args.lr, geometries=args.geometries, pool_gib=args.pool, reuse=args.reuse
    )
    folder = RunFolder(args.out)
    judge = {"reference": pyscf_energy, "labels": pyscf_fock, "started": args.started}
    if args.resume:
        if args.start is not None:
            raise InputError("--resume goes on from the run's own weights; leave out --start")
        if args.surface is not None:
            raise InputError("--resume goes on with the run's own sampler; leave out --surface")
        read_config(Path(args.out))  # refused before anything is written
        with folder.held():
            run = Training.resume(folder, **judge, **settings)
            _check_same(run, args)
            yield run
        return
    request = _request(args, TrainConfig(seed=args.seed or 0, **settings))
    _check_empty(folder)
    with folder.held():
        yield replace(request, out=folder).training(**judge, progress=progress)


def _request(args: argparse.Namespace, config: TrainConfig) -> RunRequest:
    """The new run that the arguments ask for, checked before anything is written."""
    geometries = _geometries(args)
    # in this order are they checked
    return RunRequest(
        geometries=tuple(geometries),
        held_out=tuple(_held_out(args)),
        theory=asked_theory(args),
        network=_start_model(args, geometries) if args.start else _new_model(args),
        sampler=_sampler(args, config),
        config=config,
    )


def _new_model(args: argparse.Namespace) -> NetworkRequest:
    """The network of --model and --size."""
    if args.model == "paper":
        return NetworkRequest("paper", size=args.size or "tiny")
    if args.size is not None:
        raise InputError(f"--size {args.size} is for --model paper; --model block has one size")
    return NetworkRequest()


def _start_model(args: argparse.Namespace, geometries: list[Molecule]) -> Network:
    """The trained network of --start, if it is for the molecules and the theory asked for."""
    for option in ("model", "size"):
        if getattr(args, option) is not None:
            raise InputError(f"--start {args.start} brings its own network; leave out --{option}")
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
            raise InputError(f"{option} belongs to --sampler {' or '.join(kinds)}; got {kind}")
    several = len(different(geometries)) > 1
    if kind != "file" and len(geometries) > 1 and not (kind == "wiggle" and several):
        raise InputError(
            f"{args.geometry} holds {len(geometries)} frames and {_STARTS[kind]} from one; "
            f"add --sampler {'wiggle' if several else 'file'} to train on them"
        )
    return geometries


def _sampler(args: argparse.Namespace, config: TrainConfig) -> SamplerRequest:
    frames = None
    if args.sampler == "file" and Path(args.geometry).is_file():
        frames = frames_from_file(Path(args.geometry), args.charge, args.spin)
    return SamplerRequest(
        kind=args.sampler or "wiggle",
        surface=None if args.surface is None else parse_theory(args.surface),
        seconds=None if config.minutes is None else 60 * DYNAMICS_SHARE * config.minutes,
        frames=frames,
        **_given(sigma_bohr=args.sigma, temperature_k=args.temperature),
    )


def _held_out(args: argparse.Namespace) -> list[Molecule]:
    """The molecules of --validate."""
    return read_frames(Path(args.validate)) if args.validate else []


def _check_empty(folder: RunFolder) -> None:
    """Raise `InputError` where no run can be begun; whether it can be written shows next."""
    out = folder.path
    if not is_free(out):
        if is_run(out):
            with folder.held():  # first of all, nobody may be training there
                pass
            raise InputError(f"{out} already holds a run; add --resume or choose another folder")
        raise InputError(f"{out} exists and is not an empty folder; choose another")
    above = next(place for place in (out, *out.absolute().parents) if place.exists())
    if not above.is_dir():
        raise InputError(f"{out} cannot be made: {above} is not a folder to write to")


def _check_same(run: Training, args: argparse.Namespace) -> None:
    """A resumed run goes on as it was: what is said again must be the same."""
    sampler, known = run.sampler, run.model.theory
    here, there = frames(args), molecules(sampler, TRAIN)
    if isinstance(sampler, Mixture):
        sampler = sampler.training[0]  # all are wiggles of one width
    else:
        here = here[:1]  # the others are frames of the same molecule
    said = {
        "molecule": (_named(here), _named(there)),
        "--charge": tuple(tuple(str(m.charge) for m in side) for side in (here, there)),
        "--spin": (here[0].spin, there[0].spin),
        "--validate": (_named(_held_out(args)) or None, _named(molecules(run.sampler, VALIDATION))),
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
    """Raise `InputError` where something is asked for and `what` has something else."""
    for name, (given, has) in said.items():
        if given is not None and given != has:
            raise InputError(f"{what} has {name} {_text(has)}; got {_text(given)}")


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


def figure_file(bench: str, path: Path) -> Path:
    """The file of --figure, if it can be drawn there; asked before an hour is spent.

    Raises:
        InputError: another bench, a kind of picture that cannot be drawn, or no such folder.
    """
    from matplotlib.figure import Figure

    if not registry.bench(bench).draws:
        raise InputError(f"--figure belongs to the bench {registry.drawing()}; got {bench}")
    kinds = Figure().canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in kinds:
        raise InputError(f"{path} is no picture; its name may end in .{', .'.join(sorted(kinds))}")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"{path} cannot be written")
    return path
