"""Molecular dynamics at a temperature, on our own energy or on a network's."""

import time
from collections.abc import Iterator

import numpy as np
from ase import units

from qptlab.dft.surface import Surface, SurfaceCalculator, ase_atoms, from_ase
from qptlab.errors import InputError, quoted
from qptlab.molecule import Molecule
from qptlab.qpt.networks.base import Network
from qptlab.qpt.predict import predict
from qptlab.qpt.sampling.frames import Trajectories
from qptlab.qpt.sampling.modes import Progress, as_surface, check_temperature
from qptlab.theory import Theory
from qptlab.units import EV_PER_HARTREE

Recorded = tuple[Molecule, float, float]
"""A frame, its energy and its kinetic energy, in hartree."""


def molecular_dynamics(
    molecule: Molecule,
    theory: str | Theory | Surface,
    temperature_k: float = 300.0,
    *,
    validation_temperature_k: float | None = None,
    trajectories: int = 3,
    validation_trajectories: int = 1,
    frames: int = 40,
    steps_per_frame: int = 5,
    timestep_fs: float = 0.5,
    friction_per_fs: float = 0.02,
    warm_up: int = 10,
    seed: int = 0,
    seconds: float | None = None,
    progress: Progress = lambda line: None,
) -> Trajectories:
    """Geometries from Langevin dynamics at a temperature, split by trajectory.

    Every trajectory is a run of its own seed from the given geometry, and is for training or for
    validation as a whole. Runs all of them now, which takes an SCF with forces for every step.

    Args:
        theory: for example "pbe/def2-svp", or a function molecule → (energy in hartree, forces
            in hartree/bohr).
        temperature_k: of training trajectories. validation_temperature_k: of the others; the
            same by default.
        frames: recorded in each trajectory, one every `steps_per_frame` steps of `timestep_fs`
            femtoseconds, after `warm_up` such stretches that are left out.
        friction_per_fs: how fast motion is forgotten, 1/femtosecond.
        seconds: wall time after which to be content with shorter trajectories; without it the
            same arguments give the same frames.
        progress: called with a line of text now and then.

    Raises:
        InputError: a number that is out of range, or as `scf` and `forces` on the way.

    Source: Vanden-Eijnden, Ciccotti, Chem. Phys. Lett. 429, 310 (2006), eq. 23, in ASE.

    >>> import qptlab as ql
    >>> settings = dict(trajectories=1, frames=2, steps_per_frame=1, warm_up=0)
    >>> ql.molecular_dynamics(ql.molecule("hydrogen"), "lda/sto-3g", 300, **settings)
    Trajectories(H2, 4 frames, 1 trajectory to train on, 1 to validate with)
    """
    _check_counts(steps_per_frame=steps_per_frame, frames=frames, warm_up=warm_up)
    _check_positive(timestep_fs=timestep_fs, friction_per_fs=friction_per_fs, seconds=seconds)
    if validation_temperature_k is None:
        validation_temperature_k = temperature_k
    training = _temperatures(trajectories=trajectories, kelvin=temperature_k)
    held_out = _temperatures(
        validation_trajectories=validation_trajectories, kelvin=validation_temperature_k
    )
    pace = (steps_per_frame, timestep_fs, friction_per_fs)
    runs = [
        # a surface each: every trajectory starts from its own last density
        _run(molecule, as_surface(theory), kelvin, *pace, [seed, number])
        for number, kelvin in enumerate(training + held_out)
    ]
    rounds = _in_turn(runs, warm_up, frames, seconds, progress)
    return _gathered(rounds, training, held_out)


def network_dynamics(
    model: Network, molecule: Molecule, temperature_k: float = 300.0, refine: int = 4, **settings
) -> Trajectories:
    """Langevin dynamics on a network's own energy, after `refine` refining iterations.

    Settings are those of `molecular_dynamics`, errors also those of `predict`.
    """

    def surface(geometry: Molecule):
        prediction = predict(model, geometry, refine, forces=True)
        return float(prediction.energy.total), prediction.forces

    return molecular_dynamics(molecule, surface, temperature_k, **settings)


def _run(
    molecule: Molecule,
    surface: Surface,
    temperature_k: float,
    steps_per_frame: int,
    timestep_fs: float,
    friction_per_fs: float,
    seed: list[int],
) -> Iterator[Recorded]:
    """An endless trajectory."""
    from ase.md.langevin import Langevin  # takes a while, and few runs sample by it

    rng = np.random.default_rng(seed)
    atoms = ase_atoms(molecule)
    atoms.calc = SurfaceCalculator(surface, molecule)
    # twice the temperature: vibrations take half of it from a rest shape
    widths = np.sqrt(atoms.get_masses() * units.kB * 2 * temperature_k)
    atoms.set_momenta(widths[:, None] * rng.standard_normal((len(atoms), 3)))
    dynamics = Langevin(
        atoms,
        timestep_fs * units.fs,
        temperature_K=temperature_k,
        friction=friction_per_fs / units.fs,
        # the whole molecule may drift: holding it still would disturb the temperature
        fixcm=False,
        rng=rng,
    )
    while True:
        dynamics.run(steps_per_frame)
        frame = from_ase(atoms, molecule)
        potential = float(atoms.get_potential_energy()) / EV_PER_HARTREE
        kinetic = float(atoms.get_kinetic_energy()) / EV_PER_HARTREE
        yield frame.with_positions(frame.positions - frame.positions.mean(0)), potential, kinetic


def _in_turn(
    runs: list[Iterator[Recorded]],
    warm_up: int,
    frames: int,
    seconds: float | None,
    progress: Progress,
) -> list[list[Recorded]]:
    """One frame of every run, then the next of every run; warm-up left out."""
    began, kept, rounds = time.perf_counter(), [], warm_up + frames
    for number in range(1, rounds + 1):
        kept.append([next(run) for run in runs])
        progress(f"dynamics: {number} of {rounds} frames of {len(runs)} trajectories")
        passed = time.perf_counter() - began
        if seconds is not None and passed * (number + 1) / number > seconds:
            break
    # where time is short, warming up takes no more than a quarter of what there is
    return kept[warm_up if len(kept) == rounds else min(warm_up, len(kept) // 4) :]


def _gathered(
    rounds: list[list[Recorded]], training: list[float], held_out: list[float]
) -> Trajectories:
    """The record of all trajectories; temperatures of those to train on, then of the others."""
    recorded = [frame for run in zip(*rounds, strict=True) for frame in run]
    geometries, potential, kinetic = zip(*recorded, strict=True)
    temperatures = training + held_out
    group = np.repeat(np.arange(len(temperatures)), len(rounds)).tolist()
    return Trajectories(
        frames=geometries,
        group=tuple(group),
        temperature_k=tuple(temperatures[number] for number in group),
        potential=potential,
        kinetic=kinetic,
        held_out=tuple(range(len(training), len(temperatures))),
    )


def _temperatures(kelvin: float, **trajectories: int) -> list[float]:
    """The temperature of each of so many trajectories."""
    _check_counts(**trajectories)
    check_temperature(kelvin)
    (count,) = trajectories.values()
    return [float(kelvin)] * int(count)


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        least = 0 if name == "warm_up" else 1
        if int(count) != count or count < least:
            raise InputError(f"{name} {quoted(count)}; expected a whole number, {least} or more")


def _check_positive(**numbers: float | None) -> None:
    for name, number in numbers.items():
        if number is not None and not 0 < number < np.inf:
            raise InputError(f"{name} {quoted(number)}; expected a number above 0")
